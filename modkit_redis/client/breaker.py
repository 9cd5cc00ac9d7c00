"""A breaker: while a server does not answer, one caller at a time finds out whether it does again."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Final
from weakref import WeakKeyDictionary

from modkit_redis.client.guard import Guard
from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.outages import is_outage
from modkit_redis.kernel.forks import mend_after_fork


class BrokenError(Exception):
    """The breaker is open: the server is not asked now."""


class Breaker:
    """Spares callers a wait of which the outcome is known.

    It opens when a call fails because of an outage. For a while nobody asks then, and after that one caller
    at a time: when the server answers, it closes. A connection that breaks alone does not open it.
    """

    def __init__(self) -> None:
        """Begin closed."""
        self._until: float | None = None  # when it may be probed; None while it is closed
        self._is_probed = False
        self.after_fork()
        mend_after_fork(self)

    def after_fork(self) -> None:
        """Take a new lock, and forget who probes: they do not exist here."""
        self._lock = threading.Lock()
        self._is_probed = False

    @property
    def is_open(self) -> bool:
        """Whether the server did not answer when it was asked last."""
        return self._until is not None

    def guarding(self, pause: float) -> Guarding:
        """Return what learns from the call in a ``with`` block.

        Entering it raises ``BrokenError`` if the server is not to be asked now.

        Args:
            pause: For how many seconds nobody asks after a failure; 0 to learn nothing.
        """
        return Guarding(self, pause)

    def begin(self) -> bool:
        """Return whether the caller is the one who finds out whether the server answers again.

        Raises:
            BrokenError: If the server is not to be asked now.
        """
        if self._until is None:  # nearly always
            return False
        with self._lock:
            if self._until is None:
                return False
            if self._is_probed or time.monotonic() < self._until:
                raise BrokenError
            self._is_probed = True
            return True

    def end(self, *, probes: bool, failed: bool | None, pause: float) -> None:
        """Learn from a call.

        Args:
            probes: What :meth:`begin` has returned.
            failed: Whether the server is down, if the call has shown it.
            pause: For how many seconds nobody asks after a failure.
        """
        if failed is False and not probes and self._until is None:  # nearly always
            return
        with self._lock:
            if probes:
                self._is_probed = False
            if failed:
                self._until = time.monotonic() + pause
            elif failed is False:
                self._until = None


class Guarding:
    """One call; a class, as a generator would take thrice the time for each decision of a limiter."""

    __slots__ = ("_breaker", "_pause", "_probes")

    def __init__(self, breaker: Breaker, pause: float) -> None:
        """See ``Breaker.guarding``."""
        self._breaker, self._pause = breaker, pause
        self._probes = False

    def __enter__(self) -> None:
        if self._pause:
            self._probes = self._breaker.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._pause:
            return
        failed: bool | None = None  # whether the server is down, if the call has shown it
        if error is None:
            failed = False
        elif isinstance(error, StoreUnavailableError | CommandRefusedError):
            failed = _shown_by(error, probes=self._probes)
        self._breaker.end(probes=self._probes, failed=failed, pause=self._pause)


class Spared:
    """A client that is asked only if its breaker lets one."""

    def __init__(self, client: Any, pause: float) -> None:
        """Take the breaker that all share who use *client*.

        Args:
            client: A client of redis-py.
            pause: For how many seconds nobody asks after a failure.
        """
        self._breaker, self._pause = breaker_of(client), pause
        self._pool = client.connection_pool

    def guarding(self) -> Guarding:
        """Return what learns from a call, or raises ``BrokenError`` because it is not to be made."""
        return self._breaker.guarding(self._pause)

    def check(self) -> None:
        """Do nothing, unless the client cannot be used at all: that is no outage.

        Raises:
            StoreUnavailableError: If it was closed, or belongs to another event loop.
        """
        guard: Guard | None = getattr(self._pool, "guard", None)  # a client that was brought along has none
        if guard is not None:
            guard.check("rate limit")
            if guard.loop is not None:
                guard.check_loop("rate limit")


class _Breakers:
    """The breakers of all clients."""

    def __init__(self) -> None:
        self._of: WeakKeyDictionary[Any, Breaker] = WeakKeyDictionary()
        self.after_fork()
        mend_after_fork(self)

    def after_fork(self) -> None:
        """Take a new lock: a thread that held the old one does not exist here."""
        self._lock = threading.Lock()

    def of(self, client: Any) -> Breaker:
        with self._lock:
            return self._of.setdefault(client, Breaker())


def breaker_of(client: Any) -> Breaker:
    """Return the one breaker of a client, for all that use it."""
    return _BREAKERS.of(client)


def _shown_by(error: StoreUnavailableError | CommandRefusedError, *, probes: bool) -> bool | None:
    """Return whether the server is down, as far as *error* shows it."""
    if is_outage(error):
        return True if probes or error.reason not in _OF_ONE_CONNECTION else None
    return False if isinstance(error, CommandRefusedError) else None  # a closed client has asked nobody


_OF_ONE_CONNECTION: Final = frozenset({"reset", "disconnected", "protocol", "pool-timeout"})
_BREAKERS: Final = _Breakers()
