"""Clients and stores are injected the same way however a container is wired."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from dependency_injector import containers

from modkit_redis import check_wiring, mount, wire_strict
from tests.capability import World, in_both_worlds, settled
from tests.support import feature

FEATURE = """
@inject
def synchronously(client=Provide["redis.client"], store=Provide["redis.notes.store"]):
    return client, store

@inject
async def asynchronously(client=Provide["redis.client"], store=Provide["redis.notes.store"]):
    return client, store

class Service:
    client, store = Provide["redis.client"], Provide["redis.notes.store"]
"""


def plain(cls: Any, module: Any) -> Any:
    app = cls()
    app.wire(modules=[module])
    return app


def strict(cls: Any, module: Any) -> Any:
    app = cls()
    wire_strict(app, modules=[module])
    return app


def by_configuration(cls: Any, module: Any) -> Any:
    cls.wiring_config = containers.WiringConfiguration(modules=[module])
    app = cls()
    check_wiring(app)
    return app


@pytest.mark.parametrize("wired", [plain, strict, by_configuration])
@in_both_worlds
async def test_functions_of_both_kinds_and_classes_get_the_same(
    world: World, wired: Callable[[Any, Any], Any], environment: pytest.MonkeyPatch
) -> None:
    class App(containers.DeclarativeContainer):
        redis: Any = mount(world.notes_bundle)

    module = feature(FEATURE)

    app = wired(App, module)

    expected = app.redis.client(), app.redis.notes.store()
    assert module.synchronously() == expected
    assert await module.asynchronously() == expected
    assert (module.Service.client, module.Service.store) == expected
    app.unwire()


@in_both_worlds
async def test_a_client_is_injected_without_being_awaited(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    bundle = world.bundle()

    client = bundle.client()

    assert not isinstance(client, Awaitable)  # or each asynchronous injection would await it
    await settled(bundle.shutdown_resources())


@in_both_worlds
def test_a_standalone_bundle_has_ids_without_a_mount(world: World, environment: pytest.MonkeyPatch) -> None:
    bundle = world.notes_bundle.named("analytics")()
    module = feature("""
@inject
def f(client=Provide["client"], store=Provide["notes.store"], other=Provide["analytics.notes.store"]):
    return client, store, other
""")

    wire_strict(bundle, modules=[module])

    client, store, other = module.f()
    assert client is store.client is bundle.client()
    assert other is bundle.analytics.notes.store() is not store
    bundle.unwire()


@in_both_worlds
def test_a_wired_bundle_may_be_the_base_of_a_capability(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    bundle = world.bundle()
    bundle.wire(modules=[feature("")])

    notes = world.notes(redis=bundle)

    assert notes.store().client is bundle.client()
    bundle.unwire()
