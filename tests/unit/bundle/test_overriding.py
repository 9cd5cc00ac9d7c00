"""Overriding, as a test of an application does it: any provider, any time, and back again."""

from collections.abc import Callable
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis import mount, wire_strict
from modkit_redis.contract import ArgumentError, BuildError
from tests.capability import World, application, in_both_worlds, settled
from tests.support import feature

FEATURE = """
@inject
def f(client=Provide["redis.client"], prefix=Provide["redis.key_prefix"], store=Provide["redis.notes.store"]):
    return client, prefix, store
"""


class Fake:
    """Stands for whatever a test puts in."""


class FakeNotes(containers.DeclarativeContainer):
    store = providers.Factory(Fake)


@in_both_worlds
@pytest.mark.parametrize("wired_first", [True, False])
@pytest.mark.parametrize("built_first", [True, False])
def test_an_overridden_client_is_injected_and_used_by_stores_until_it_ends(
    world: World, wired_first: bool, built_first: bool, environment: pytest.MonkeyPatch, addr: str
) -> None:
    app, module, mine = application(world.notes_bundle), feature(FEATURE), world.stock_client(addr)
    if wired_first:
        wire_strict(app, modules=[module])
    before = app.redis.notes.store() if built_first else None

    with app.redis.client.override(mine):
        if not wired_first:
            wire_strict(app, modules=[module])
        client, _, store = module.f()

    after_client, _, after_store = module.f()
    assert client is store.client is mine
    assert after_store.client is after_client is app.redis.client() is not mine
    assert after_store is before or not built_first


@in_both_worlds
def test_an_overridden_key_prefix_is_injected_and_used_by_stores_until_it_ends(
    world: World, environment: pytest.MonkeyPatch, prefix: str
) -> None:
    app, module = application(world.notes_bundle), feature(FEATURE)
    wire_strict(app, modules=[module])
    before = app.redis.notes.store()

    with app.redis.key_prefix.override("other"):
        client, key_prefix, store = module.f()

    assert (key_prefix, store.key_prefix) == ("other", "other")
    assert store.client is client is before.client
    assert module.f()[1:] == (prefix, before)


@in_both_worlds
async def test_an_overridden_client_needs_no_address(
    world: World, environment: pytest.MonkeyPatch, addr: str
) -> None:
    environment.delenv("REDIS_ADDR")
    app, mine = application(world.notes_bundle), world.stock_client(addr)

    with app.redis.client.override(mine):
        await settled(app.init_resources())
        store = app.redis.notes.store()

    assert store.client is mine


@in_both_worlds
async def test_an_overridden_client_is_not_pinged(
    world: World, environment: pytest.MonkeyPatch, closed_port: str
) -> None:
    environment.setenv("REDIS_PING_TIMEOUT", "5s")
    app = application(world.notes_bundle)

    with app.redis.client.override(world.stock_client(closed_port)):
        await settled(app.init_resources())

    assert not app.redis.client.initialized


@in_both_worlds
def test_whatever_stands_for_the_client_is_injected_as_it_is(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    app, module, fake = application(world.notes_bundle), feature(FEATURE), Fake()
    wire_strict(app, modules=[module])

    with app.redis.client.override(fake), app.redis.notes.store.override(fake):
        client, _, store = module.f()

    assert client is store is fake


@in_both_worlds
def test_a_store_on_something_that_is_no_client_is_a_typed_error(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    app = application(world.notes_bundle)

    with app.redis.client.override(Fake()), pytest.raises(ArgumentError, match=r"not Fake\Z"):
        app.redis.notes.store()

    assert app.redis.notes.store().client is app.redis.client()


@in_both_worlds
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda world: FakeNotes, id="a container's class"),
        pytest.param(lambda world: FakeNotes(), id="a container"),
        pytest.param(lambda world: providers.Container(FakeNotes), id="a mount"),
    ],
)
def test_a_whole_capability_is_overridden_and_restored(
    world: World, make: Callable[[World], Any], environment: pytest.MonkeyPatch
) -> None:
    app, module = application(world.notes_bundle), feature(FEATURE)
    wire_strict(app, modules=[module])
    before = module.f()

    with app.redis.notes.override(make(world)):
        client, _, store = module.f()

    assert type(store) is Fake and client is before[0]
    assert module.f() == before


@in_both_worlds
def test_a_capability_may_be_overridden_by_another_of_its_kind(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    app = application(world.notes_bundle)
    other = world.notes(
        redis=world.module(config={"addr": "other:1", "key_prefix": "o"}), config={"limit": 3}
    )

    with app.redis.notes.override(other):
        during = app.redis.notes.store()

    assert (during.key_prefix, during.limit) == ("o", 3)
    assert app.redis.notes.store().limit == 100


@in_both_worlds
def test_a_whole_bundle_is_overridden_and_restored(
    world: World, environment: pytest.MonkeyPatch, prefix: str
) -> None:
    app, module = application(world.notes_bundle), feature(FEATURE)
    wire_strict(app, modules=[module])
    before = module.f()
    other = world.notes_bundle(config={"addr": "other:1", "key_prefix": "other"})

    with app.redis.override(other):
        during = module.f()

    assert during == (other.client(), "other", other.notes.store())
    assert module.f() == before
    assert before[1] == prefix


@in_both_worlds
async def test_a_bundle_may_be_overridden_by_its_class(world: World, environment: pytest.MonkeyPatch) -> None:
    app = application(world.notes_bundle)
    before = app.redis.client()

    with app.redis.override(world.notes_bundle):
        during, of_the_class = app.redis.client(), world.notes_bundle.client()
    await settled(world.notes_bundle.client.shutdown())

    assert during is of_the_class is not before
    assert app.redis.client() is before


@in_both_worlds
def test_a_bundle_is_overridden_in_part(world: World, environment: pytest.MonkeyPatch) -> None:
    class Other(containers.DeclarativeContainer):
        key_prefix = providers.Object("other")

    app = application(world.notes_bundle)
    client = app.redis.client()

    with app.redis.override(Other):
        store = app.redis.notes.store()

    assert (store.key_prefix, store.client) == ("other", client)


@in_both_worlds
def test_a_bundle_is_overridden_in_the_constructor(world: World, environment: pytest.MonkeyPatch) -> None:
    class App(containers.DeclarativeContainer):
        redis = mount(world.notes_bundle)

    fake = world.notes_bundle(config={"addr": "fake:1", "key_prefix": "fake"})

    app: Any = App(redis=fake)

    assert (app.redis.key_prefix(), app.redis.client()) == ("fake", fake.client())
    assert app.redis.notes.store().client is fake.client()


@in_both_worlds
def test_an_override_at_class_level_reaches_new_applications(
    world: World, environment: pytest.MonkeyPatch, addr: str
) -> None:
    class App(containers.DeclarativeContainer):
        redis: Any = mount(world.notes_bundle)

    mine = world.stock_client(addr)

    with App.redis.client.override(providers.Object(mine)):
        during = App().redis.notes.store().client

    assert during is mine
    assert App().redis.notes.store().client is not mine


@in_both_worlds
def test_resetting_the_application_ends_overrides_and_cuts_no_link(
    world: World, environment: pytest.MonkeyPatch, addr: str
) -> None:
    app = application(world.notes_bundle, config={"addr": "given:1", "key_prefix": "given"})
    before = app.redis.notes.store()
    app.redis.client.override(world.stock_client(addr))
    app.redis.notes.override(FakeNotes)

    app.reset_override()

    assert app.redis.notes.store() is before
    assert app.redis.key_prefix() == "given"


async def client() -> Fake:
    return Fake()


@in_both_worlds
async def test_a_client_that_must_be_awaited_is_refused_and_leaves_no_trace(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    app, module = application(world.notes_bundle), feature(FEATURE)
    wire_strict(app, modules=[module])
    before = module.f()

    with app.redis.client.override(providers.Coroutine(client)):
        with pytest.raises(BuildError, match=r"\Aredis\.client: using an override failed: "):
            module.f()
        with pytest.raises(BuildError, match=r"\Aredis\.client: using an override failed: "):
            app.redis.notes.store()

    assert module.f() == before
