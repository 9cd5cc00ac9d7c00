"""Callers side by side and gates that hold them up: tasks in the one world, threads in the other.

Each pair has the names that ``.ci/unasync.py`` makes of each other, so that a test of both worlds is written
once.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from modkit_redis.contract import CacheEvent, CacheEventKind

T = TypeVar("T")

PATIENCE: Final = 20.0
"""Seconds after which nothing that a test waits for will come."""


class Told(list[CacheEvent]):
    """Events of a store, as a hook takes them down."""

    def __call__(self, event: CacheEvent) -> None:
        self.append(event)

    def times(self, kind: CacheEventKind) -> int:
        """Return how many there were of a kind."""
        return sum(event.kind == kind for event in list(self))


class AsyncGate:
    """Keeps tasks until it is opened."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._event.is_set()

    def open(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self._event.wait(), PATIENCE)


class Gate:
    """Keeps threads until it is opened."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def is_open(self) -> bool:
        return self._event.is_set()

    def open(self) -> None:
        self._event.set()

    def wait(self) -> None:
        assert self._event.wait(PATIENCE), "nobody opened the gate"


class AsyncJob(Generic[T]):
    """A call that runs beside the test, in a task."""

    def __init__(self, act: Callable[[], Awaitable[T]]) -> None:
        self.task = asyncio.ensure_future(act())

    @property
    def is_done(self) -> bool:
        return self.task.done()

    async def result(self) -> T:
        """Return what the call returned, or raise what it raised."""
        return await asyncio.wait_for(asyncio.shield(self.task), PATIENCE)


class Job(Generic[T]):
    """A call that runs beside the test, in a thread."""

    def __init__(self, act: Callable[[], T]) -> None:
        self._future: Future[T] = Future()
        self._act = act
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def is_done(self) -> bool:
        return self._future.done()

    def result(self) -> T:
        """Return what the call returned, or raise what it raised."""
        result = self._future.result(PATIENCE)
        self.thread.join(PATIENCE)
        return result

    def _run(self) -> None:
        try:
            self._future.set_result(self._act())
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it
            self._future.set_exception(error)


class AsyncSource:
    """What a cache is in front of: a value, loaded by ``load()``.

    A load takes the value as it begins, so that what it returns after a wait at its gate is old news.

    Attributes:
        value: What is loaded.
        fails: What is raised instead.
        loads: How many loads have begun.
        most: How many ran at once, at most.
        begun: Opens as the first, second, … load begins.
        gates: Where the first, second, … load waits; none waits beyond the last.
    """

    def __init__(self, value: object = "old", held: int = 0) -> None:
        self.value = value
        self.fails: BaseException | None = None
        self.loads = self.running = self.most = 0
        self.begun = [AsyncGate() for _ in range(held)]
        self.gates = [AsyncGate() for _ in range(held)]

    async def load(self) -> object:
        number, value, fails = self.loads, self.value, self.fails
        self.loads += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if number < len(self.gates):
                self.begun[number].open()
                await self.gates[number].wait()
            if fails is not None:
                raise fails
            return value
        finally:
            self.running -= 1


class Source:
    """The same for threads."""

    def __init__(self, value: object = "old", held: int = 0) -> None:
        self.value = value
        self.fails: BaseException | None = None
        self.loads = self.running = self.most = 0
        self.begun = [Gate() for _ in range(held)]
        self.gates = [Gate() for _ in range(held)]
        self._lock = threading.Lock()

    def load(self) -> object:
        with self._lock:
            number, value, fails = self.loads, self.value, self.fails
            self.loads += 1
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            if number < len(self.gates):
                self.begun[number].open()
                self.gates[number].wait()
            if fails is not None:
                raise fails
            return value
        finally:
            with self._lock:
                self.running -= 1


async def async_until(holds: Callable[[], bool], what: str, seconds: float = 5) -> None:
    """Wait until *holds*, or fail."""
    over = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < over, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.002)


def until(holds: Callable[[], bool], what: str, seconds: float = 5) -> None:
    """Wait until *holds*, or fail."""
    over = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < over, f"not within {seconds} s: {what}"
        time.sleep(0.002)


async def async_pass_time(seconds: float = 0.02) -> None:
    """Let others get on; for what leaves no trace that could be waited for."""
    over = time.monotonic() + seconds
    await async_until(lambda: time.monotonic() > over, "time passes", seconds + 5)


def pass_time(seconds: float = 0.02) -> None:
    """Let others get on; for what leaves no trace that could be waited for."""
    over = time.monotonic() + seconds
    until(lambda: time.monotonic() > over, "time passes", seconds + 5)
