"""A module shows its exports, takes its inputs as keywords, and keeps everything else to itself."""

from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis.contract import ModkitRedisError, NotExportedError
from modkit_redis.kernel import mount
from modkit_redis.kernel.facade import FacadeContainer, Module
from modkit_redis.kernel.resources import Lazy
from tests.capability import exactly
from tests.unit.kernel.toys import SYNC, Base, Toys

INPUTS_AND_EXPORTS = "exports: client, key_prefix; inputs: prefix, log, failing, name"


def test_what_is_hidden_is_refused_by_name() -> None:
    with pytest.raises(NotExportedError) as caught:
        Base().settings  # type: ignore[attr-defined]  # the point  # noqa: B018

    assert str(caught.value) == f"Base has no 'settings'; {INPUTS_AND_EXPORTS}"
    assert (caught.value.module, caught.value.name) == ("Base", "settings")


def test_a_refusal_is_an_attribute_error_so_hasattr_works() -> None:
    assert not hasattr(Base(), "_settings")
    assert issubclass(NotExportedError, AttributeError) and issubclass(NotExportedError, ModkitRedisError)


def test_a_module_without_inputs_mentions_none() -> None:
    class Fixed(Module):
        exports = ("value",)
        value = providers.Object(1)

    with pytest.raises(NotExportedError, match=exactly("Fixed has no 'other'; exports: value")):
        Fixed(other=2)


def test_a_container_that_is_being_built_says_so() -> None:
    with pytest.raises(NotExportedError, match=exactly("container has no 'client'; it is being built")):
        FacadeContainer().client  # noqa: B018  # asking is the point


def test_an_override_that_is_refused_overrides_nothing() -> None:
    module = Base()

    with pytest.raises(NotExportedError):
        module.override_providers(client="other", _settings=1)

    assert not module.client.overridden


def test_exports_are_overridden_together_until_the_context_ends() -> None:
    module: Any = Base()
    before = module.client()

    with module.override_providers(client="other", key_prefix="else"):
        during = module.client(), module.key_prefix()

    assert during == ("other", "else")
    assert (module.client(), module.key_prefix()) == (before, "app")


def test_a_module_is_overridden_by_its_own_class_given_whole() -> None:
    app: Any = SYNC.application()
    before = app.redis.client()

    with app.redis.override(Base):
        during, of_the_class = app.redis.client(), Base.client()
    Base.client.shutdown()

    assert during is of_the_class
    assert app.redis.client() is before


def test_a_module_is_overridden_by_the_class_of_a_distant_relative() -> None:
    class Near(Base): ...

    class Distant(Near):
        _extra = providers.Object("extra")
        key_prefix = Lazy(str, _extra, member="key_prefix")

    app: Any = SYNC.application()

    with app.redis.override(Distant):
        during = app.redis.key_prefix()
    Distant.key_prefix.shutdown()

    assert (during, app.redis.key_prefix()) == ("extra", "app")


def test_a_module_is_overridden_by_a_container_that_was_wired() -> None:
    class Other(containers.DeclarativeContainer):
        key_prefix = providers.Object("other")

    app, other = SYNC.application(), Other()
    other.wire(modules=[__name__])

    with app.redis.override(other):
        during = app.redis.key_prefix()

    assert (during, app.redis.key_prefix()) == ("other", "app")


def test_what_wire_plants_is_not_shown() -> None:
    module = Base()

    module.wire(modules=[__name__])
    module.unwire()

    assert set(module.providers) == {"client", "key_prefix"}


def test_a_wired_module_can_be_the_base_of_another() -> None:
    base = Base()
    base.wire(modules=[__name__])

    toys = Toys(redis=base)

    assert toys.store().client is base.client()
    base.unwire()


def test_traversals_reach_what_is_hidden() -> None:
    made: list[str] = []

    class Loud(Module):
        exports = ("value",)
        _hidden_resource = providers.Resource(made.append, "hidden")
        value = providers.List(_hidden_resource)

    class App(containers.DeclarativeContainer):
        loud = mount(Loud)

    App().init_resources()

    assert made == ["hidden"]
