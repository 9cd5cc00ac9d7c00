"""Hearts: whoever holds a lease in Redis renews it for as long as he lives; both worlds side by side."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress

from modkit_redis.kernel.forks import mend_after_fork


def _nothing() -> None: ...


class Heart:
    """Renews the leases of a store while they are held, from one thread.

    The thread ends when there has been nothing to renew for a while.
    """

    def __init__(
        self, seconds: float, renew: Callable[[str, bytes], bool], lost: Callable[[], None] = _nothing
    ) -> None:
        """Have nothing to renew.

        Args:
            seconds: From one renewal to the next.
            renew: Renews the lease of a name with a token; tells whether it is still there.
            lost: Called when a lease has ended while it was held.
        """
        self._seconds, self._renew, self._lost = seconds, renew, lost
        self._closed = False
        self.after_fork()
        mend_after_fork(self)

    def after_fork(self) -> None:
        """Forget the leases of threads that do not exist here."""
        self._changed = threading.Condition()
        self._held: set[tuple[str, bytes]] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def beating(self, name: str, token: bytes) -> Generator[None]:
        """Renew the lease of *name* until the context ends.

        Where no thread can be had it is not renewed, and ends while it is held.
        """
        held = (name, token)
        try:
            with self._changed:
                self._held.add(held)
                if self._thread is None or not self._thread.is_alive():
                    self._start()
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

    def _start(self) -> None:
        thread = threading.Thread(target=self._beat, name="modkit-redis-lease", daemon=True)
        with suppress(RuntimeError):  # no thread can be had, as when the interpreter ends
            thread.start()
            self._thread = thread

    def _beat(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed, self._seconds)
                if self._closed or not self._held:
                    self._thread = None
                    return
                held = list(self._held)
            for each in held:
                if each in self._held:  # or its holder has left meanwhile
                    self._renew_one(each)

    def _renew_one(self, held: tuple[str, bytes]) -> None:
        try:
            is_there = self._renew(*held)
        except BaseException:  # it ends this thread, but no other lease
            with self._changed:
                self._held.discard(held)
                self._start()
            raise
        if is_there:
            return
        with self._changed:
            is_lost = held in self._held  # who has left since it was asked has freed it himself
            self._held.discard(held)
        if is_lost:
            self._lost()


class AsyncHeart:
    """Renews the leases of a store while they are held, from a task for each that is held for long."""

    def __init__(
        self,
        seconds: float,
        renew: Callable[[str, bytes], Awaitable[bool]],
        lost: Callable[[], None] = _nothing,
    ) -> None:
        """Have nothing to renew.

        Args:
            seconds: From one renewal to the next.
            renew: Renews the lease of a name with a token; tells whether it is still there.
            lost: Called when a lease has ended while it was held.
        """
        self._seconds, self._renew, self._lost = seconds, renew, lost

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
        """Do nothing: each task ends with its lease."""

    async def _beat(self, name: str, token: bytes) -> None:
        while await self._renew(name, token):  # noqa: ASYNC110  # it beats, it does not poll
            await asyncio.sleep(self._seconds)
        self._lost()
