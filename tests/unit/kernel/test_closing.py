"""Closing goes from worker to store to client, whatever fails, and tells of all failures at the end."""

import asyncio
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis.contract import CloseError, ModkitRedisError
from modkit_redis.kernel import mount
from modkit_redis.kernel.resources import Lazy
from tests.capability import exactly, settled
from tests.unit.kernel.toys import ASYNC, SYNC, AsyncBase, AsyncToys, Base, Toys, World, in_both_worlds

BOTH_CLOSED = ["close store", "close client"]


def closed(log: list[str]) -> list[str]:
    return [each for each in log if each.startswith("close")]


@in_both_worlds
async def test_closing_twice_closes_once(world: World) -> None:
    log: list[str] = []
    app = world.application(log)
    app.toys.store()

    await settled(app.shutdown_resources())
    await settled(app.shutdown_resources())

    assert closed(log) == BOTH_CLOSED


@in_both_worlds
async def test_closing_what_was_never_used_closes_nothing(world: World) -> None:
    log: list[str] = []

    await settled(world.application(log).shutdown_resources())

    assert log == []


@in_both_worlds
async def test_what_is_used_again_is_built_again(world: World) -> None:
    log: list[str] = []
    app = world.application(log)
    first = app.toys.store()
    await settled(app.shutdown_resources())

    second = app.toys.store()
    await settled(app.shutdown_resources())

    assert second is not first and second.client is not first.client
    assert closed(log) == BOTH_CLOSED * 2


@in_both_worlds
async def test_a_standalone_module_closes_what_it_built(world: World) -> None:
    log: list[str] = []
    module = world.base(log=log)
    module.providers["client"]()

    await settled(module.shutdown_resources())

    assert log == ["open client", "close client"]


def test_what_has_no_close_needs_none() -> None:
    class App(containers.DeclarativeContainer):
        value: Lazy[object] = Lazy(object)

    app = App()
    first = app.value()

    app.shutdown_resources()

    assert app.value() is not first


@in_both_worlds
@pytest.mark.parametrize("failing", [("client",), ("store",), ("client", "store")])
async def test_a_close_that_fails_does_not_stop_the_others(world: World, failing: tuple[str, ...]) -> None:
    log: list[str] = []
    app = world.application(log, failing)
    app.toys.store()

    with pytest.raises(CloseError) as caught:
        await settled(app.shutdown_resources())

    assert closed(log) == BOTH_CLOSED
    assert len(caught.value.exceptions) == len(failing)
    assert not app.redis.client.initialized and not app.toys.store.initialized


@in_both_worlds
async def test_a_close_error_names_every_token(world: World) -> None:
    class App(containers.DeclarativeContainer):
        redis = mount(world.base, failing=("client",))
        jobs = mount(world.base, name="jobs", failing=("client",))
        toys = mount(world.toys, redis=redis, failing=("store",))

    app: Any = App()
    app.toys.store()
    app.jobs.client()

    with pytest.raises(CloseError) as caught:
        await settled(app.shutdown_resources())

    tokens = [each.__notes__[-1] for each in caught.value.exceptions]
    assert sorted(tokens) == ["redis.client", "redis.jobs.client", "redis.toys.store"]
    assert str(caught.value) == f"not closed: {', '.join(tokens)} (3 sub-exceptions)"
    assert isinstance(caught.value, ModkitRedisError)


@in_both_worlds
async def test_a_close_error_is_told_once(world: World) -> None:
    app = world.application(failing=("client",))
    app.redis.client()
    with pytest.raises(CloseError):
        await settled(app.shutdown_resources())

    await settled(app.shutdown_resources())

    app.redis.client()
    with pytest.raises(CloseError, match=exactly("not closed: redis.client")):
        await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_close_error_of_one_application_is_not_told_by_another(world: World) -> None:
    good, bad = world.application(), world.application(failing=("client",))
    good.toys.store()
    bad.toys.store()

    outcomes = await asyncio.gather(
        *(asyncio.create_task(shut_down(app)) for app in (good, bad)), return_exceptions=True
    )

    assert outcomes[0] is None and isinstance(outcomes[1], CloseError)


async def shut_down(app: Any) -> None:
    await settled(app.shutdown_resources())


async def test_applications_may_be_shut_down_side_by_side() -> None:
    good, bad = ASYNC.application(), ASYNC.application(failing=("store", "client"))
    good.toys.store()
    bad.toys.store()

    outcomes: Any = await asyncio.gather(
        good.shutdown_resources(), bad.shutdown_resources(), return_exceptions=True
    )

    assert outcomes[0] is None
    assert isinstance(outcomes[1], CloseError) and len(outcomes[1].exceptions) == 2


def test_threads_are_told_of_their_own_failures_only() -> None:
    good, bad = SYNC.application(), SYNC.application(failing=("client",))
    good.toys.store()
    bad.toys.store()
    told: list[BaseException] = []

    def shut_down_the_bad_one() -> None:
        try:
            bad.shutdown_resources()
        except CloseError as error:
            told.append(error)

    thread = threading.Thread(target=shut_down_the_bad_one)
    thread.start()
    good.shutdown_resources()
    thread.join()

    assert len(told) == 1


def test_a_close_error_survives_pickling_and_splitting() -> None:
    app = SYNC.application(failing=("client", "store"))
    app.toys.store()
    with pytest.raises(CloseError) as caught:
        app.shutdown_resources()
    error = caught.value

    copied, part = pickle.loads(pickle.dumps(error)), error.subgroup(OSError)

    assert (type(copied), str(copied), len(copied.exceptions)) == (CloseError, str(error), 2)
    assert isinstance(part, CloseError) and part.message == error.message


async def test_an_application_of_both_worlds_is_closed_by_one_await() -> None:
    log: list[str] = []

    class App(containers.DeclarativeContainer):
        redis = mount(Base, log=log, failing=("client",))
        toys = mount(Toys, redis=redis, log=log)
        aredis = mount(AsyncBase, log=log, failing=("client",))
        atoys = mount(AsyncToys, redis=aredis, log=log)

    app: Any = App()
    app.toys.store()
    app.atoys.store()

    with pytest.raises(CloseError) as caught:
        await app.shutdown_resources()

    assert sorted(closed(log)) == ["close client", "close client", "close store", "close store"]
    assert closed(log)[-1] == "close client" and len(caught.value.exceptions) == 2


def stuck(client: object) -> Iterator[None]:
    yield
    raise OSError("a worker of the application is stuck")


def test_a_resource_of_the_application_that_raises_stops_the_loop() -> None:
    """A limit of dependency-injector, which the guide tells of."""

    class App(containers.DeclarativeContainer):
        redis = mount(Base)
        worker = providers.Resource(stuck, redis.client)

    app = App()
    app.init_resources()

    with pytest.raises(OSError, match="is stuck"):
        app.shutdown_resources()

    assert app.redis.client.initialized
    app.shutdown_resources()
    assert not app.redis.client.initialized
