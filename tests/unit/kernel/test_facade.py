"""A module shows its exports, takes its inputs as keywords, and keeps everything else to itself."""

import copy
import pickle
from typing import Any

import pytest
from dependency_injector import containers, errors, providers

from modkit_redis.contract import ModkitRedisError, NotExportedError
from modkit_redis.kernel import mount
from modkit_redis.kernel.facade import FacadeContainer, Module
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
        FacadeContainer().client  # noqa: B018


def test_an_input_may_be_a_provider_or_a_plain_value() -> None:
    assert Base(prefix="plain").key_prefix() == "plain"
    assert Base(prefix=providers.Object("provided")).key_prefix() == "provided"


@pytest.mark.parametrize("how", [mount, providers.Container], ids=["mount", "Container"])
@pytest.mark.parametrize("given", ["plain", providers.Object("plain")], ids=["value", "provider"])
def test_a_mount_takes_providers_and_plain_values(how: Any, given: object) -> None:
    class App(containers.DeclarativeContainer):
        redis = how(Base, prefix=given)

    assert App().redis.key_prefix() == "plain"


def test_mount_takes_no_positional_arguments() -> None:
    with pytest.raises(TypeError, match=exactly("mount() takes the module's class and keywords")):
        mount(Base, "app")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # the point


@pytest.mark.parametrize("name", ["settings", "_settings", "_prefix", "nonsense"])
def test_keywords_are_the_inputs_and_the_exports(name: str) -> None:
    refusal = exactly(f"Base has no '{name}'; {INPUTS_AND_EXPORTS}")

    with pytest.raises(NotExportedError, match=refusal):
        Base(**{name: 1})
    with pytest.raises(NotExportedError, match=refusal):
        providers.Container(Base, **{name: 1})


def test_an_export_may_be_given_by_keyword() -> None:
    client = object()

    module = Base(client=client)

    assert module.client() is client


def test_an_input_cannot_be_given_later() -> None:
    module = Base(prefix="first")

    with pytest.raises(NotExportedError, match=exactly(f"Base has no 'prefix'; {INPUTS_AND_EXPORTS}")):
        module.override_providers(prefix="second")

    assert module.key_prefix() == "first"


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


def test_no_reset_cuts_the_link_to_an_input() -> None:
    class App(containers.DeclarativeContainer):
        redis = mount(Base, prefix="given")

    app = App()
    with app.redis.override(Base(prefix="other")):
        assert app.redis.key_prefix() == "other"
    app.redis.reset_override()
    app.reset_override()

    assert app.redis.key_prefix() == "given"


def test_a_module_is_overridden_by_its_own_class_given_whole() -> None:
    app: Any = SYNC.application()
    before = app.redis.client()

    with app.redis.override(Base):
        during, of_the_class = app.redis.client(), Base.client()
    Base.client.shutdown()

    assert during is of_the_class
    assert app.redis.client() is before


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


def test_a_dependency_that_was_not_given_is_named_as_the_input_it_is() -> None:
    class App(containers.DeclarativeContainer):
        toys = mount(Toys)

    with pytest.raises(errors.Error) as caught:
        App().check_dependencies()

    assert 'App.toys.redis.client"' in str(caught.value)


@pytest.mark.parametrize("act", [copy.copy, pickle.dumps])
def test_a_module_is_neither_pickled_nor_copied_shallowly(act: Any) -> None:
    with pytest.raises(
        TypeError, match=exactly("a module holds connections: it cannot be pickled, nor copied shallowly")
    ):
        act(Base())


def test_a_deep_copy_keeps_its_inputs_and_shares_nothing() -> None:
    module: Any = Base(prefix="given")
    built = module.client()

    copied = providers.deepcopy(module)

    assert copied.key_prefix() == "given"
    assert copied.client() is not built
    assert copied.client() is copied.client()


def test_a_deep_copy_of_an_application_keeps_what_its_parts_share() -> None:
    app: Any = SYNC.application()
    app.toys.store()

    copied = providers.deepcopy(app)

    assert copied.toys.store().client is copied.redis.client() is not app.redis.client()


def test_each_application_has_modules_of_its_own() -> None:
    cls = SYNC.application_class()

    one, two = cls(), cls()

    assert one.redis.client() is not two.redis.client()
    assert (one.toys.store().client, two.toys.store().client) == (one.redis.client(), two.redis.client())


def test_a_subclass_may_add_what_it_keeps_to_itself() -> None:
    class Mine(Base):
        _extra = providers.Object("extra")

    assert set(Mine().providers) == {"client", "key_prefix"}
    assert not hasattr(Mine(), "_extra")


def test_a_subclass_of_a_wired_module_is_its_own_self() -> None:
    Base().wire(modules=[__name__])

    class Mine(Base): ...

    module: Any = Mine()
    assert module.__self__() is module
    assert Mine.providers.keys() == Base.providers.keys() - {"__self__"}
