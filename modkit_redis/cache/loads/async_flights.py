"""Flights by tasks; see ``flight.py``. Their twin for threads is ``flights.py``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Final, Self, TypeAlias

from modkit_redis.cache.loads.flight import NOTHING, Flight, Outcome, check_caller, outside_of_loaders
from modkit_redis.cache.telling import report_hidden
from modkit_redis.kernel.forks import mend_after_fork

AsyncBody: TypeAlias = Callable[[Flight], Awaitable[Outcome]]

_LAST_WORDS: Final = 1.0  # seconds in which what is cancelled may give its lease back


class _TaskFlight(Flight):
    """A load in a task of its own, so that nobody's being cancelled ends it for the others."""

    task: asyncio.Task[Outcome]

    def __init__(self, name: str, airborne: dict[str, Self]) -> None:
        super().__init__(name, airborne)
        self._waiting = 0

    async def fly(self, body: AsyncBody) -> Outcome:
        """Do the work."""
        try:
            return await body(self)
        except Exception as error:  # noqa: BLE001  # it is raised to whom it concerns
            return Outcome(None, self.moment, error=error)
        finally:
            self.seal()

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


class AsyncFlights:
    """The loads of one store."""

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
        self._airborne: dict[str, _TaskFlight] = {}
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._background: set[asyncio.Task[Outcome]] = set()

    async def join(self, name: str, body: AsyncBody) -> Outcome:
        """Return what the present load of *name* gives, or the next one; *body* is the load if there is none.

        Raises:
            ArgumentError: If a loader asks for its own key.
        """
        check_caller(name, self._airborne)
        flight, is_mine = self._find(name, body)
        came = flight.moment
        outcome = await flight.wait(is_mine=is_mine)
        if not is_mine and not outcome.is_for(came):
            if flight.following is None:
                flight.following, is_mine = self._find(name, body)
            outcome = await flight.following.wait(is_mine=is_mine)
        return outcome.given()

    def start(self, name: str, body: AsyncBody) -> None:
        """Load in the background, unless *name* is being loaded, or as much as may be is."""
        if self._closed or name in self._airborne or len(self._background) >= self._limit:
            return
        flight, _ = self._find(name, body, outside_of_loaders())
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
            await asyncio.wait(ending, timeout=_LAST_WORDS)

    def _find(self, name: str, body: AsyncBody, context: Context | None = None) -> tuple[_TaskFlight, bool]:
        flight = self._airborne.get(name)
        if flight is not None:
            return flight, False
        flight = self._airborne[name] = _TaskFlight(name, self._airborne)
        flight.task = asyncio.create_task(flight.fly(body), context=context)
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._ended)
        return flight, True

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        self._tasks.discard(task)
        if task in self._background:
            self._background.discard(task)
            if not task.cancelled() and (error := task.result().error) is not None:
                report_hidden(error)
