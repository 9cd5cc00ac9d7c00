"""Flights by threads; see ``flight.py``. Their twin for tasks is ``async_flights.py``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self, TypeAlias

from modkit_redis.cache.loads.flight import NOTHING, Flight, Outcome, check_caller, outside_of_loaders
from modkit_redis.cache.telling import report_hidden
from modkit_redis.kernel.forks import mend_after_fork

Body: TypeAlias = Callable[[Flight], Outcome]


class _ThreadFlight(Flight):
    """A load in a thread: that of the caller, or one of its own."""

    def __init__(self, name: str, airborne: dict[str, Self], lock: threading.RLock) -> None:
        super().__init__(name, airborne)
        self._lock = lock
        self._landed = threading.Event()
        self._outcome = NOTHING

    def fly(self, body: Body) -> Outcome:
        """Do the work, in the present thread; an interrupt leaves nothing to those who wait."""
        try:
            self._outcome = body(self)
        except Exception as error:  # noqa: BLE001  # it is raised to whom it concerns
            self._outcome = Outcome(None, self.moment, error=error)
        finally:
            self.land()
        return self._outcome

    def wait(self) -> Outcome:
        """Wait for another thread that does the work."""
        self._landed.wait()
        return self._outcome

    def seal(self) -> None:
        """Let nobody join from now on."""
        with self._lock:
            super().seal()

    def land(self) -> None:
        """Let go whoever waits, whatever came of it."""
        try:
            self.seal()
        finally:
            self._landed.set()


class Flights:
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
        """Forget the loads of threads that do not exist here."""
        self._lock = threading.RLock()
        self._airborne: dict[str, _ThreadFlight] = {}
        self._background: set[threading.Thread] = set()

    def join(self, name: str, body: Body) -> Outcome:
        """Return what the present load of *name* gives, or the next one; *body* is the load if there is none.

        Raises:
            ArgumentError: If a loader asks for its own key.
        """
        check_caller(name, self._airborne)
        mine = _ThreadFlight(name, self._airborne, self._lock)
        try:
            with self._lock:
                flight = self._airborne.setdefault(name, mine)
                came = flight.moment
            outcome = flight.fly(body) if flight is mine else flight.wait()
            if flight is not mine and not outcome.is_for(came):
                with self._lock:
                    if flight.following is None:
                        flight.following = self._airborne.setdefault(name, mine)
                    flight = flight.following
                outcome = flight.fly(body) if flight is mine else flight.wait()
            return outcome.given()
        finally:
            mine.land()  # an interrupt may come between any two lines, and others may wait for it

    def start(self, name: str, body: Body) -> None:
        """Load in the background, unless *name* is being loaded, or as much as may be is."""
        flight = _ThreadFlight(name, self._airborne, self._lock)
        with self._lock:
            if self._closed or name in self._airborne or len(self._background) >= self._limit:
                return
            # No pool of concurrent.futures: the interpreter waits for its threads, whatever a loader does.
            context = outside_of_loaders()
            work = (self._fly_alone, flight, body)
            thread = threading.Thread(target=context.run, args=work, name="modkit-redis-refresh", daemon=True)
            try:
                self._airborne[name] = flight
                self._background.add(thread)
                thread.start()
            except BaseException as error:
                self._background.discard(thread)
                flight.land()
                if not isinstance(error, RuntimeError):
                    raise
                report_hidden(error)  # no further thread can be had

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
            background = list(self._background)
        end = time.monotonic() + patience
        for thread in background:
            thread.join(max(0, end - time.monotonic()))

    def _fly_alone(self, flight: _ThreadFlight, body: Body) -> None:
        try:
            outcome = flight.fly(body)
        finally:
            self._background.discard(threading.current_thread())
        if outcome.error is not None:
            report_hidden(outcome.error)
