"""What a module is given by keyword is linked to what it hides, for as long as it lives."""

from typing import Any

import pytest
from dependency_injector import containers, errors, providers

from modkit_redis.contract import NotExportedError
from modkit_redis.kernel import mount
from tests.capability import exactly
from tests.unit.kernel.toys import Base, Toys

INPUTS_AND_EXPORTS = "exports: client, key_prefix; inputs: prefix, log, failing, name"


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


def test_no_reset_cuts_the_link_to_an_input() -> None:
    class App(containers.DeclarativeContainer):
        redis = mount(Base, prefix="given")

    app = App()
    with app.redis.override(Base(prefix="other")):
        assert app.redis.key_prefix() == "other"
    app.redis.reset_override()
    app.reset_override()

    assert app.redis.key_prefix() == "given"


def test_declaring_leaves_no_trace_in_what_was_given() -> None:
    """A copy of what was given would take along all that it was ever given to."""
    prefix, redis = providers.Object("app"), mount(Base)

    mount(Base, prefix=prefix)
    mount(Toys, redis=redis)

    given: list[Any] = [prefix, redis, redis.client, redis.key_prefix]
    assert [each.overrides for each in given] == [()] * 4


def test_a_dependency_that_was_not_given_is_named_as_the_input_it_is() -> None:
    class App(containers.DeclarativeContainer):
        toys = mount(Toys)

    with pytest.raises(errors.Error) as caught:
        App().check_dependencies()

    assert 'App.toys.redis.client"' in str(caught.value)
