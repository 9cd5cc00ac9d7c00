"""From first use to shutdown, seen through the server."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis
from dependency_injector import containers, providers
from dependency_injector.ext.starlette import Lifespan

from modkit_redis import OrderedResource, mount, wire_strict
from modkit_redis.contract import CloseError, StoreUnavailableError
from tests.capability import ASYNC, SYNC, World, application, in_both_worlds, settled
from tests.support import connections_named, feature, wait_until


@pytest.fixture
def seen(admin: redis.Redis, prefix: str, environment: pytest.MonkeyPatch) -> Any:
    """How many connections of this test's own clients the server sees."""
    environment.setenv("REDIS_CLIENT_NAME", prefix)
    environment.setenv("REDIS_ANALYTICS_CLIENT_NAME", prefix)
    return lambda: connections_named(admin, prefix)


@in_both_worlds
async def test_an_address_is_all_it_needs(world: World, addr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_ADDR", addr)
    app = application(world.bundle)

    app.check_dependencies()
    await settled(app.init_resources())
    await settled(app.shutdown_resources())

    assert not app.redis.client.initialized


@in_both_worlds
async def test_starting_up_does_not_connect(world: World, seen: Any) -> None:
    app = application(world.notes_bundle.named("analytics"))

    await settled(app.init_resources())
    app.redis.client()
    app.redis.analytics.notes.store()

    assert seen() == 0
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_shutting_down_closes_every_connection_and_twice_does_no_harm(world: World, seen: Any) -> None:
    app = application(world.bundle.named("analytics"))
    for client in (app.redis.client(), app.redis.analytics.client()):
        assert await settled(client.ping())
    while_open = seen()

    await settled(app.shutdown_resources())
    await settled(app.shutdown_resources())

    assert while_open == 2
    wait_until(lambda: seen() == 0, "the server sees no connection any more")


@in_both_worlds
async def test_a_client_stays_closed_and_the_next_use_gets_a_new_one(world: World, seen: Any) -> None:
    app = application(world.bundle)
    old = app.redis.client()
    await settled(old.ping())
    await settled(app.shutdown_resources())

    new = app.redis.client()

    with pytest.raises(StoreUnavailableError, match=r"the client was closed by shutdown_resources\(\)"):
        await settled(old.ping())
    assert new is not old and await settled(new.ping())
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_ping_at_start_up_leaves_the_client_open(
    world: World, seen: Any, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REDIS_PING_TIMEOUT", "5s")
    app = application(world.bundle)

    await settled(app.init_resources())

    assert (app.redis.client.initialized, seen()) == (True, 1)
    await settled(app.shutdown_resources())


@pytest.mark.parametrize("world", [SYNC, ASYNC], ids=lambda world: world.name)
def test_one_client_and_one_store_for_32_threads(world: World, environment: pytest.MonkeyPatch) -> None:
    redis = application(world.notes_bundle).redis
    gate, got = threading.Barrier(32), set[tuple[object, object]]()

    def use() -> None:
        gate.wait()
        store = redis.notes.store()
        got.add((store, store.client))

    threads = [threading.Thread(target=use) for _ in range(32)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert got == {(redis.notes.store(), redis.client())}


async def test_one_client_for_32_tasks(seen: Any) -> None:
    app = application(ASYNC.notes_bundle)
    module = feature("""
@inject
async def ping(client=Provide["redis.client"], store=Provide["redis.notes.store"]):
    assert await client.ping()
    return client, store
""")
    wire_strict(app, modules=[module])

    got = await asyncio.gather(*(module.ping() for _ in range(32)))

    assert set(got) == {(app.redis.client(), app.redis.notes.store())}
    await app.shutdown_resources()


class Service:
    """Something of the application that holds a store."""

    def __init__(self, store: Any) -> None:
        self.store = store


def worker(service: Service) -> Iterator[None]:
    yield
    service.store.write("last", "words")


async def async_worker(service: Service) -> AsyncIterator[None]:
    yield
    service.store.write("last", "words")


@pytest.mark.parametrize("work", [worker, async_worker])
@in_both_worlds
async def test_a_worker_can_write_in_its_last_moment(
    world: World, work: Any, environment: pytest.MonkeyPatch, admin: redis.Redis, prefix: str, seen: Any
) -> None:
    """The worker writes to the store when it stops, and the store to Redis when it is closed."""

    class App(containers.DeclarativeContainer):
        redis: Any = mount(world.notes_bundle)
        service = providers.Singleton(Service, redis.notes.store)
        worker = OrderedResource(work, service)

    for _ in range(50):
        app = App()
        await settled(app.init_resources())
        await settled(app.shutdown_resources())
        assert admin.getdel(f"{prefix}:notes:last") == b"words"

    wait_until(lambda: seen() == 0, "the server sees no connection any more")


@in_both_worlds
async def test_a_store_that_cannot_be_closed_does_not_keep_the_others_open(
    world: World, environment: pytest.MonkeyPatch, closed_port: str, seen: Any
) -> None:
    environment.setenv("REDIS_ADDR", closed_port)
    app = application(world.notes_bundle.named("analytics"))
    app.redis.notes.store().write("never", "sent")
    await settled(app.redis.analytics.client().ping())

    with pytest.raises(CloseError) as caught:
        await settled(app.shutdown_resources())

    [error] = caught.value.exceptions
    assert isinstance(error, StoreUnavailableError)
    assert error.__notes__ == ["redis.notes.store"]
    wait_until(lambda: seen() == 0, "the server sees no connection any more")


async def test_one_await_closes_an_application_of_both_worlds(seen: Any) -> None:
    class App(containers.DeclarativeContainer):
        redis: Any = mount(SYNC.bundle)
        aredis: Any = mount(ASYNC.bundle)

    app: Any = App()
    app.redis.client().ping()
    await app.aredis.client().ping()
    while_open = seen()

    await app.shutdown_resources()

    assert while_open == 2
    wait_until(lambda: seen() == 0, "the server sees no connection any more")


async def test_a_lifespan_of_dependency_injector_opens_and_closes(seen: Any) -> None:
    app = application(ASYNC.bundle)

    for _ in range(2):
        async with Lifespan(app)(None):
            assert await app.redis.client().ping()
        assert not app.redis.client.initialized

    wait_until(lambda: seen() == 0, "the server sees no connection any more")


@in_both_worlds
async def test_a_used_application_is_collected(world: World, environment: pytest.MonkeyPatch) -> None:
    app = application(world.notes_bundle.named("analytics"))
    module = feature(
        '@inject\ndef f(client=Provide["redis.client"], store=Provide["redis.notes.store"]): return client'
    )
    wire_strict(app, modules=[module])
    await settled(module.f().ping())
    app.unwire()
    await settled(app.shutdown_resources())
    left = [weakref.ref(each) for each in (app, app.redis(), app.redis.client, app.redis.notes.store)]

    del app
    gc.collect()  # a ResourceWarning would be an error here

    assert [each() for each in left] == [None] * 4


@in_both_worlds
async def test_a_client_that_is_still_referenced_is_not_closed_with_its_application(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle)
    client, collected = app.redis.client(), weakref.ref(app)

    del app
    gc.collect()

    assert collected() is None
    assert await settled(client.ping())
    await settled(client.aclose() if world is ASYNC else client.close())
