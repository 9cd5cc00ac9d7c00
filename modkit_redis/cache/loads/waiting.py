"""What the two worlds do by different means while a value is loaded: call, keep the lease, wait."""

from __future__ import annotations

import asyncio
import inspect
import random
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeAlias, TypeVar

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.kernel.forks import mend_after_fork

T = TypeVar("T")

Loader: TypeAlias = Callable[[], T]
"""Loads a value."""

AsyncLoader: TypeAlias = Callable[[], Awaitable[T]]
"""Loads a value when it is awaited."""


def loaded(loader: Callable[[], object]) -> object:
    """Return what *loader* gives.

    Raises:
        ArgumentError: If that is to be awaited.
    """
    value = loader()
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise ArgumentError(
            "loader",
            "must return the value, not an awaitable: this store does not await, an AsyncCacheStore does",
        )
    return value


async def async_loaded(loader: Callable[[], object]) -> object:
    """Return what *loader* gives when it is awaited.

    Raises:
        ArgumentError: If it cannot be awaited.
    """
    awaitable = loader()
    if not inspect.isawaitable(awaitable):
        raise ArgumentError("loader", "must return an awaitable: write `async def`")
    return await awaitable


def pause(seconds: float) -> None:
    """Wait for half to one and a half times *seconds*."""
    time.sleep(_spread(seconds))


async def async_pause(seconds: float) -> None:
    """Wait for half to one and a half times *seconds*."""
    await asyncio.sleep(_spread(seconds))


def _spread(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311  # it guards nothing


class Heart:
    """Renews the leases of a store while their loads run, from one thread.

    The thread ends when there has been nothing to renew for a while.
    """

    def __init__(self, seconds: float, renew: Callable[[str, bytes], bool]) -> None:
        """Have nothing to renew.

        Args:
            seconds: From one renewal to the next.
            renew: Renews the lease of a name with a token; tells whether it is still there.
        """
        self._seconds, self._renew = seconds, renew
        self._closed = False
        self.after_fork()
        mend_after_fork(self)

    def after_fork(self) -> None:
        """Forget the loads of threads that do not exist here."""
        self._changed = threading.Condition()
        self._held: set[tuple[str, bytes]] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def beating(self, name: str, token: bytes) -> Generator[None]:
        """Renew the lease of *name* until the context ends.

        Where no thread can be had it is not renewed, and what takes longer than the lease is not stored.
        """
        held = (name, token)
        try:
            with self._changed:
                self._held.add(held)
                if self._thread is None:
                    thread = threading.Thread(target=self._beat, name="modkit-redis-lease", daemon=True)
                    with suppress(RuntimeError):  # no thread can be had, as when the interpreter ends
                        thread.start()
                        self._thread = thread
            yield
        finally:
            with self._changed:
                self._held.discard(held)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _beat(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed, self._seconds)
                if self._closed or not self._held:
                    self._thread = None
                    return
                held = list(self._held)
            for each in held:
                if not self._renew(*each):
                    with self._changed:
                        self._held.discard(each)


class AsyncHeart:
    """Renews the leases of a store while their loads run, from a task for each load that takes long."""

    def __init__(self, seconds: float, renew: Callable[[str, bytes], Awaitable[bool]]) -> None:
        """Have nothing to renew.

        Args:
            seconds: From one renewal to the next.
            renew: Renews the lease of a name with a token; tells whether it is still there.
        """
        self._seconds, self._renew = seconds, renew

    @asynccontextmanager
    async def beating(self, name: str, token: bytes) -> AsyncGenerator[None]:
        """Renew the lease of *name* until the context ends."""
        beats: list[asyncio.Task[None]] = []

        def begin() -> None:
            beats.append(asyncio.create_task(self._beat(name, token)))

        alarm = asyncio.get_running_loop().call_later(self._seconds, begin)
        try:
            yield
        finally:
            alarm.cancel()
            for beat in beats:
                beat.cancel()
                await asyncio.wait([beat])

    async def aclose(self) -> None:
        """Do nothing: each task ends with its load."""

    async def _beat(self, name: str, token: bytes) -> None:
        while await self._renew(name, token):  # noqa: ASYNC110  # it beats, it does not poll
            await asyncio.sleep(self._seconds)
