"""A value is built once, on first use, under a lock of its own."""

import asyncio
import itertools
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dependency_injector import containers, errors, providers

from modkit_redis.kernel.resources import AsyncLazy, Lazy
from tests.capability import settled
from tests.support import wait_until
from tests.unit.kernel.toys import ASYNC, SYNC, Base, World, in_both_worlds


def in_32_threads(act: Callable[[], object]) -> list[object]:
    """Return what 32 threads got that began at the same moment."""
    gate, got = threading.Barrier(32), list[object]()

    def run() -> None:
        gate.wait()
        got.append(act())

    threads = [threading.Thread(target=run) for _ in range(32)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return got


def slow_object() -> object:
    time.sleep(0.01)
    return object()


@pytest.fixture(params=[Lazy, AsyncLazy])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@in_both_worlds
async def test_nothing_is_built_before_it_is_used(world: World) -> None:
    log: list[str] = []
    app = world.application(log)

    await settled(app.init_resources())

    assert log == []
    assert not app.redis.client.initialized


@in_both_worlds
async def test_what_is_built_is_built_once(world: World) -> None:
    log: list[str] = []
    app = world.application(log)

    stores = {app.toys.store() for _ in range(3)}

    assert log == ["open client", "open store"] and len(stores) == 1
    await settled(app.shutdown_resources())


def test_one_value_for_32_threads(kind: Any) -> None:
    lazy = kind(slow_object)

    got = in_32_threads(lazy)

    assert len(got) == 32 and len(set(got)) == 1


@pytest.mark.parametrize("world", [SYNC, ASYNC], ids=lambda world: world.name)
def test_one_store_and_one_client_for_32_threads(world: World) -> None:
    log: list[str] = []
    app = world.application(log)

    in_32_threads(app.toys.store)

    assert log == ["open client", "open store"]


@in_both_worlds
async def test_one_store_and_one_client_for_32_tasks(world: World) -> None:
    log: list[str] = []
    app = world.application(log)

    async def use() -> object:
        await asyncio.sleep(0)
        return app.toys.store()

    got = await asyncio.gather(*(use() for _ in range(32)))

    assert log == ["open client", "open store"] and len(set(got)) == 1
    await settled(app.shutdown_resources())


def test_two_values_are_built_side_by_side() -> None:
    both = threading.Barrier(2)  # a lock for the whole process would never let the second one in
    one, two = Lazy(both.wait, 5), Lazy(both.wait, 5)
    thread = threading.Thread(target=one)
    thread.start()

    assert two() in (0, 1)
    thread.join()


def test_a_signal_handler_may_shut_down_what_its_thread_is_building() -> None:
    def build() -> object:
        lazy.shutdown()  # a handler runs in the middle of whatever its thread does
        return object()

    lazy: Lazy[object] = Lazy(build)

    assert lazy() is lazy()


def test_a_failed_build_is_not_remembered(kind: Any) -> None:
    attempts = itertools.count()
    lazy = kind(lambda: 1 / next(attempts))
    with pytest.raises(ZeroDivisionError):
        lazy()

    assert lazy() == 1.0


def test_false_values_are_values(kind: Any) -> None:
    attempts = itertools.count()
    lazy = kind(attempts.__next__)

    assert (lazy(), lazy()) == (0, 0)


def test_a_context_manager_is_not_entered(kind: Any) -> None:
    @contextmanager
    def manager() -> Iterator[None]:
        pytest.fail("entered")
        yield

    lazy = kind(manager)

    assert hasattr(lazy(), "__enter__")


async def test_an_awaitable_value_is_not_awaited() -> None:
    class Awaitable:
        def __await__(self) -> Iterator[None]:
            pytest.fail("awaited")
            yield

    class App(containers.DeclarativeContainer):
        value: Lazy[Awaitable] = AsyncLazy(Awaitable)
        user = providers.List(value)

    app: Any = App()

    assert type(app.value()) is Awaitable
    assert app.user() == [app.value()]


def test_a_copy_of_a_used_resource_is_unused(kind: Any) -> None:
    lazy = kind(object)
    lazy()

    copied = providers.deepcopy(lazy)

    assert not copied.initialized and copied() is not lazy()


def test_what_is_native_cannot_be_copied_once_it_is_used() -> None:
    native = providers.Resource(object)
    native()

    with pytest.raises(errors.Error, match="Can not copy initialized resource"):
        providers.deepcopy(native)


@pytest.mark.parametrize(("name", "token"), [("", "redis.client"), ("jobs", "redis.jobs.client")])
def test_a_token_holds_the_name_of_the_instance(name: str, token: str) -> None:
    assert Base(name=name).client.token == token


def test_arguments_at_the_call_change_nothing() -> None:
    lazy: Lazy[list[object]] = Lazy(list)

    assert lazy("given") is lazy() == []


@contextmanager
def a_thread_that_builds(
    lazy: Lazy[object], building: threading.Event, go: threading.Event
) -> Iterator[None]:
    """Hold the lock of *lazy* in another thread."""
    thread = threading.Thread(target=lazy)
    thread.start()
    assert building.wait(5)
    try:
        yield
    finally:
        go.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_builds_although_a_thread_of_the_parent_was_building() -> None:
    building, go, parent = threading.Event(), threading.Event(), os.getpid()

    def build() -> object:
        if os.getpid() == parent:
            building.set()
            go.wait(5)
        return object()

    lazy: Lazy[object] = Lazy(build)
    with a_thread_that_builds(lazy, building, go), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        child = os.fork()
        if not child:  # it must not return into pytest
            signal.alarm(2)  # a lock held by nobody would never open
            os._exit(0 if lazy() is lazy() else 1)
        ended = list[tuple[int, int]]()
        wait_until(lambda: bool(ended) or _ended(child, ended), "the child ends")

    assert ended == [(child, 0)]


def _ended(child: int, ended: list[tuple[int, int]]) -> bool:
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid:
        ended.append((pid, status))
    return bool(pid)
