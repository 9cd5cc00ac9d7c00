"""Cache stores for tests, and calls that are under way at the same time; both worlds side by side."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

import redis

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.cache import AsyncRedisCacheStore, CacheSettings, RedisCacheStore
from modkit_redis.cache.entries import scripts
from modkit_redis.client import Script
from modkit_redis.contract import CacheEvent
from tests.support import stock_client, wait_until

T = TypeVar("T")
Settings: TypeAlias = dict[str, Any]

SCRIPTS: Final[tuple[Script, ...]] = (
    scripts.ACQUIRE,
    scripts.FILL,
    scripts.RELEASE,
    scripts.RENEW,
    scripts.STORE,
    scripts.TOUCH,
)


def load_scripts(admin: redis.Redis) -> None:
    """Let the server know the scripts, so that a call is one command."""
    for script in SCRIPTS:
        admin.script_load(script.source)


def load_scripts_at(addr: str) -> None:
    """Do so through a connection of its own."""
    with stock_client(addr) as admin:
        load_scripts(admin)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Check that the block takes no longer than *seconds*, five times over for a machine that is busy."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds * 5


class Seen(list[CacheEvent]):
    """Events in the order in which they were told."""

    def kinds(self) -> list[str]:
        """Return the word of each."""
        return [event.kind for event in self]

    def of(self, kind: str) -> list[CacheEvent]:
        """Return those of one kind."""
        return [event for event in self if event.kind == kind]


@dataclass(frozen=True)
class Cache:
    """A store, the module of its client, and what it tells."""

    store: RedisCacheStore
    module: RedisModule
    seen: Seen


@dataclass(frozen=True)
class AsyncCache:
    """The same for asyncio."""

    store: AsyncRedisCacheStore
    module: AsyncRedisModule
    seen: Seen


class Caches:
    """Opens stores, and closes them and their clients in the end."""

    def __init__(self) -> None:
        self._open: list[Cache] = []

    def open(self, addr: str, prefix: str, client: Settings | None = None, **cache: Any) -> Cache:
        """Return a store with settings of its own; its clients' too."""
        module, seen = RedisModule(config={"addr": addr, **(client or {})}), Seen()
        settings = CacheSettings.from_mapping({"default_ttl": "1m", **cache})
        store = RedisCacheStore(
            client=module.client(), key_prefix=prefix, settings=settings, events=seen.append
        )
        self._open.append(Cache(store, module, seen))
        return self._open[-1]

    def close(self) -> None:
        for each in self._open:
            each.store.close()
            each.module.shutdown_resources()


class AsyncCaches:
    """The same for asyncio."""

    def __init__(self) -> None:
        self._open: list[AsyncCache] = []

    def open(self, addr: str, prefix: str, client: Settings | None = None, **cache: Any) -> AsyncCache:
        """Return a store with settings of its own; its clients' too."""
        module, seen = AsyncRedisModule(config={"addr": addr, **(client or {})}), Seen()
        settings = CacheSettings.from_mapping({"default_ttl": "1m", **cache})
        store = AsyncRedisCacheStore(
            client=module.client(), key_prefix=prefix, settings=settings, events=seen.append
        )
        self._open.append(AsyncCache(store, module, seen))
        return self._open[-1]

    async def aclose(self) -> None:
        for each in self._open:
            await each.store.aclose()
            await each.module.shutdown_resources()


class Call(Generic[T]):
    """A call that is under way in a thread of its own."""

    def __init__(self, act: Callable[[], T]) -> None:
        """Begin it."""
        self._done: Future[T] = Future()
        threading.Thread(target=self._run, args=(act,), daemon=True).start()

    def result(self, seconds: float = 10) -> T:
        """Return what it returns, or raise what it raises."""
        return self._done.result(seconds)

    def done(self) -> bool:
        """Tell whether it has ended."""
        return self._done.done()

    def _run(self, act: Callable[[], T]) -> None:
        try:
            self._done.set_result(act())
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it
            self._done.set_exception(error)


class AsyncCall(Generic[T]):
    """A call that is under way in a task of its own."""

    def __init__(self, act: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """Begin it."""
        self._task = asyncio.create_task(act())

    async def result(self, seconds: float = 10) -> T:
        """Return what it returns, or raise what it raises."""
        return await asyncio.wait_for(asyncio.shield(self._task), seconds)

    def done(self) -> bool:
        """Tell whether it has ended."""
        return self._task.done()


def at_once(acts: Sequence[Callable[[], T]]) -> list[T | BaseException]:
    """Do all at the same time, and return what each returned or raised."""
    ready = threading.Barrier(len(acts))

    def begin(act: Callable[[], T]) -> T:
        ready.wait(10)
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        futures = [threads.submit(begin, act) for act in acts]
    return [future.exception() or future.result() for future in futures]


async def async_at_once(acts: Sequence[Callable[[], Coroutine[Any, Any, T]]]) -> list[T | BaseException]:
    """Do all at the same time, and return what each returned or raised."""
    return await asyncio.gather(*(act() for act in acts), return_exceptions=True)


def until(holds: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Wait until *holds*, or fail."""
    wait_until(holds, what, seconds)


async def async_until(holds: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Wait until *holds*, or fail, and let the event loop run."""
    over = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < over, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.005)


def lapse(seconds: float) -> None:
    """Let time pass where nothing else can be waited for."""
    over = time.monotonic() + seconds
    until(lambda: time.monotonic() > over, "time passes", seconds + 10)


async def async_lapse(seconds: float) -> None:
    """Let time pass where nothing else can be waited for."""
    over = time.monotonic() + seconds
    await async_until(lambda: time.monotonic() > over, "time passes", seconds + 10)
