"""One load per key at a time in this process: who comes while it is under way shares what it gives.

A flight counts its *moments*: each time it asks Redis, and when its loader begins. A value is shared with
those who came before the moment that gave it; with later ones only if Redis has accepted it under the lease,
and they came before it was sent there. For a delete that ended before they came has ended the lease. Who is
too late takes part in the next flight, all of which lies after their coming.

Both worlds stand side by side, because they wait, cancel and work in the background by different means.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Final, NamedTuple, Self, TypeAlias

from modkit_redis.cache._core import Entry
from modkit_redis.cache.codec import Encoded
from modkit_redis.cache.telling import report_hidden
from modkit_redis.contract.errors import ArgumentError
from modkit_redis.kernel.forks import mend_after_fork


class Outcome(NamedTuple):
    """What a flight came back with.

    Attributes:
        value: The value as it is stored; ``None`` for none.
        moment: The moment of the flight that gave it; 0 if that was before the flight.
        is_fenced: Whether Redis accepted it under the lease.
    """

    value: Entry | Encoded | None
    moment: int = 0
    is_fenced: bool = False

    def is_for(self, came: int) -> bool:
        """Tell whether it may be given to someone who came at the moment *came*."""
        return self.is_fenced or came < self.moment


NOTHING: Final = Outcome(None)


class Flight:
    """A load that is under way.

    Attributes:
        moment: The present moment; what is learned at it is for those who came before.
        is_loading: Whether its loader runs.
        following: The flight of those who came too late for this one.
    """

    def __init__(self, name: str, airborne: dict[str, Self]) -> None:
        self.moment = 0
        self.is_loading = False
        self.following: Self | None = None
        self._name, self._airborne = name, airborne

    def next_moment(self) -> int:
        """Begin another moment and return it."""
        self.moment += 1
        return self.moment

    def seal(self) -> None:
        """Let nobody join from now on."""
        if self._airborne.get(self._name) is self:
            del self._airborne[self._name]

    @contextmanager
    def loading(self) -> Generator[None]:
        """Know, as long as the loader runs, who is called by it."""
        above = _LOADING.get()
        _LOADING.set((*above, self))
        self.is_loading = True
        try:
            yield
        finally:
            self.is_loading = False
            _LOADING.set(above)


_LOADING: ContextVar[tuple[Flight, ...]] = ContextVar("modkit_redis.cache.loading", default=())


def _check_caller(name: str, airborne: object) -> None:
    """Refuse a loader that asks for its own key: it would wait for itself."""
    for flight in _LOADING.get():
        if flight.is_loading and flight._name == name and flight._airborne is airborne:
            raise ArgumentError("loader", "must not ask for the key that it loads: it would wait for itself")


class ThreadFlight(Flight):
    """A load in a thread."""

    def __init__(self, name: str, airborne: dict[str, Self]) -> None:
        super().__init__(name, airborne)
        self._landed = threading.Event()
        self._outcome = NOTHING
        self._error: BaseException | None = None

    def fly(self, body: Callable[[Self], Outcome]) -> Outcome:
        """Do the work, in the present thread."""
        try:
            self._outcome = body(self)
            return self._outcome
        except BaseException as error:
            self._error = error
            raise
        finally:
            self.seal()
            self._landed.set()

    def wait(self) -> Outcome:
        """Wait for another thread that does the work; none, if that thread was interrupted."""
        self._landed.wait()
        if isinstance(self._error, Exception):
            raise self._error
        return self._outcome


Body: TypeAlias = Callable[[Flight], Outcome]


class Flights:
    """The loads of one store, by threads."""

    def __init__(self, background: int) -> None:
        """Have no load under way.

        Args:
            background: How many may be under way in the background at once.
        """
        self._limit = background
        self._closed = False
        self.after_fork()
        mend_after_fork(self)

    def after_fork(self) -> None:
        """Forget the loads of threads that do not exist here."""
        self._lock = threading.RLock()
        self._airborne: dict[str, ThreadFlight] = {}
        self._background: set[Future[None]] = set()
        self._workers: ThreadPoolExecutor | None = None

    def join(self, name: str, body: Body) -> Outcome:
        """Return what the present load of *name* gives, or the next one; *body* is the load if there is none.

        Raises:
            ArgumentError: If a loader asks for its own key.
        """
        _check_caller(name, self._airborne)
        with self._lock:
            flight, is_mine = self._find(name)
            came = flight.moment
        outcome = flight.fly(body) if is_mine else flight.wait()
        if is_mine or outcome.is_for(came):
            return outcome
        with self._lock:
            is_mine = flight.following is None
            if flight.following is None:
                flight.following, is_mine = self._find(name)
        return flight.following.fly(body) if is_mine else flight.following.wait()

    def start(self, name: str, body: Body) -> None:
        """Load in the background, unless *name* is being loaded, or as much as may be is."""
        with self._lock:
            if self._closed or name in self._airborne or len(self._background) >= self._limit:
                return
            if self._workers is None:
                self._workers = ThreadPoolExecutor(self._limit, thread_name_prefix="modkit-redis-cache")
            flight, _ = self._find(name)
            future = self._workers.submit(copy_context().run, self._fly_alone, flight, body)
            self._background.add(future)
        future.add_done_callback(self._background.discard)

    def detach(self, *names: str) -> None:
        """Let nobody join the present loads of *names* any more."""
        with self._lock:
            for name in names:
                self._airborne.pop(name, None)

    def detach_all(self) -> None:
        """Let nobody join any present load."""
        with self._lock:
            self._airborne.clear()

    def close(self, patience: float) -> None:
        """Wait *patience* seconds for what is loaded in the background, and begin no more of it."""
        with self._lock:
            self._closed = True
            workers, background = self._workers, set(self._background)
        wait(background, patience)
        if workers is not None:
            workers.shutdown(wait=False)

    def _find(self, name: str) -> tuple[ThreadFlight, bool]:
        flight = self._airborne.get(name)
        if flight is not None:
            return flight, False
        flight = self._airborne[name] = ThreadFlight(name, self._airborne)
        return flight, True

    @staticmethod
    def _fly_alone(flight: ThreadFlight, body: Body) -> None:
        try:
            flight.fly(body)
        except Exception as error:  # noqa: BLE001  # nobody waits for it
            report_hidden(error)


AsyncBody: TypeAlias = Callable[[Flight], Awaitable[Outcome]]


class TaskFlight(Flight):
    """A load in a task of its own, so that nobody's being cancelled ends it for the others."""

    def __init__(self, name: str, airborne: dict[str, Self], body: AsyncBody) -> None:
        super().__init__(name, airborne)
        self._waiting = 0
        self.task = asyncio.create_task(self._fly(body))

    async def wait(self, *, is_mine: bool) -> Outcome:
        """Wait for it; if nobody waits any more, cancel it."""
        self._waiting += 1
        try:
            await asyncio.wait((self.task,))
        finally:
            self._waiting -= 1
            if not self._waiting and not self.task.done():
                self.seal()
                self.task.cancel()
        if self.task.cancelled() and not is_mine:
            return NOTHING
        return self.task.result()

    def keep(self) -> None:
        """Go on although nobody waits."""
        self._waiting += 1

    async def _fly(self, body: AsyncBody) -> Outcome:
        try:
            return await body(self)
        finally:
            self.seal()


class AsyncFlights:
    """The loads of one store, by tasks."""

    def __init__(self, background: int) -> None:
        """Have no load under way.

        Args:
            background: How many may be under way in the background at once.
        """
        self._limit = background
        self._closed = False
        self.after_fork()
        mend_after_fork(self)

    def after_fork(self) -> None:
        """Forget the loads of an event loop that does not run here."""
        self._airborne: dict[str, TaskFlight] = {}
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._background: set[asyncio.Task[Outcome]] = set()

    async def join(self, name: str, body: AsyncBody) -> Outcome:
        """Return what the present load of *name* gives, or the next one; *body* is the load if there is none.

        Raises:
            ArgumentError: If a loader asks for its own key.
        """
        _check_caller(name, self._airborne)
        flight, is_mine = self._find(name, body)
        came = flight.moment
        outcome = await flight.wait(is_mine=is_mine)
        if is_mine or outcome.is_for(came):
            return outcome
        is_mine = flight.following is None
        if flight.following is None:
            flight.following, is_mine = self._find(name, body)
        return await flight.following.wait(is_mine=is_mine)

    def start(self, name: str, body: AsyncBody) -> None:
        """Load in the background, unless *name* is being loaded, or as much as may be is."""
        if self._closed or name in self._airborne or len(self._background) >= self._limit:
            return
        flight, _ = self._find(name, body)
        flight.keep()
        self._background.add(flight.task)

    def detach(self, *names: str) -> None:
        """Let nobody join the present loads of *names* any more."""
        for name in names:
            self._airborne.pop(name, None)

    def detach_all(self) -> None:
        """Let nobody join any present load."""
        self._airborne.clear()

    async def aclose(self, patience: float) -> None:
        """Wait *patience* seconds for what is loaded in the background, cancel the rest, begin no more."""
        self._closed = True
        here = asyncio.get_running_loop()
        background = {task for task in self._background if task.get_loop() is here}
        try:
            if background:
                await asyncio.wait(background, timeout=patience)
        finally:
            for task in background:
                task.cancel()
        if ending := [task for task in self._tasks if task.get_loop() is here and task.cancelling()]:
            await asyncio.wait(ending)

    def _find(self, name: str, body: AsyncBody) -> tuple[TaskFlight, bool]:
        flight = self._airborne.get(name)
        if flight is not None:
            return flight, False
        flight = self._airborne[name] = TaskFlight(name, self._airborne, body)
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._ended)
        return flight, True

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()  # asked, or asyncio complains
        if task in self._background:
            self._background.discard(task)
            if error is not None:
                report_hidden(error)
