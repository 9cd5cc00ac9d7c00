"""A module class that cannot work is refused when it is declared."""

from typing import Any

import pytest
from dependency_injector import providers

from modkit_redis.contract import DeclarationError
from modkit_redis.kernel import mount
from modkit_redis.kernel.facade import Module
from modkit_redis.kernel.resources import Lazy
from tests.capability import exactly
from tests.unit.kernel.toys import Base, Toys


def test_an_export_must_be_a_provider_of_the_module() -> None:
    with pytest.raises(DeclarationError) as caught:

        class Bad(Module):
            exports = ("value",)

    assert str(caught.value) == "Bad.value is exported, but no provider or a taken name"
    assert (caught.value.member, caught.value.reason) == (
        "Bad.value",
        "is exported, but no provider or a taken name",
    )


@pytest.mark.parametrize("name", ["override", "provided", "container"])
def test_an_export_cannot_have_a_name_that_a_mount_answers_itself(name: str) -> None:
    body = {"exports": (name,), name: providers.Object(1)}

    with pytest.raises(
        DeclarationError, match=exactly(f"Bad.{name} is exported, but no provider or a taken name")
    ):
        type("Bad", (Module,), body)


def test_an_input_must_have_a_hidden_provider() -> None:
    with pytest.raises(
        DeclarationError, match=exactly("Bad.config is an input, but there is no provider _config")
    ):

        class Bad(Module):
            inputs = ("config",)
            config = providers.Object(1)


def test_a_private_resource_that_no_export_reaches_is_refused() -> None:
    with pytest.raises(
        DeclarationError, match=exactly("Bad._lost would never be closed: no export reaches it")
    ):

        class Bad(Module):
            exports = ("value",)
            _lost = providers.Resource(object)
            value = providers.Object(1)


def test_a_private_resource_may_be_reached_through_anything() -> None:
    class Good(Module):
        exports = ("value",)
        _resource = providers.Resource(object)
        _between: providers.Singleton[list[object]] = providers.Singleton(list, _resource)
        value: Lazy[list[object]] = Lazy(list, _between)

    assert set(Good.providers) == {"_resource", "_between", "value"}


@pytest.mark.parametrize("name", ["_settings", "_prefix"])
def test_a_subclass_cannot_replace_what_its_siblings_still_use(name: str) -> None:
    with pytest.raises(DeclarationError, match=exactly(f"Bad.{name} replaces what its siblings still use")):
        type("Bad", (Base,), {name: providers.Object("other")})


def test_a_subclass_may_replace_what_nothing_else_uses() -> None:
    other: Any = type("Other", (Base,), {"client": Lazy(dict, settings=Base._settings, member="client")})

    assert other().client().keys() == {"settings"}


def test_a_subclass_may_replace_a_provider_together_with_all_that_use_it() -> None:
    class Other(Base):
        _prefix = providers.Object("other")
        key_prefix = Lazy(str, _prefix, member="key_prefix")

    assert Other().key_prefix() == "other"


def test_what_comes_from_any_ancestor_cannot_be_replaced() -> None:
    class Between(Base): ...

    class Beside(Module): ...

    refusal = exactly("Bad._prefix replaces what its siblings still use")

    for bases in [(Between,), (Beside, Base)]:
        with pytest.raises(DeclarationError, match=refusal):
            type("Bad", bases, {"_prefix": providers.Object("other")})


def test_a_nested_module_may_be_swapped_for_another_on_the_same_base() -> None:
    class Whole(Module):
        exports = ("client", "toys")
        _base = mount(Base)
        client, toys = _base.client, mount(Toys, redis=_base)

    class Louder(Toys): ...

    class Swapped(Whole):
        toys = mount(Louder, redis=Whole._base)

    swapped = Swapped()

    assert swapped.toys.store().client is swapped.client()
