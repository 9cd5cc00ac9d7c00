"""What a rate limiter can do: limits, decisions, and the store.

The protocol for asyncio is the same with awaited methods.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, Self, TypeAlias

from modkit_redis.contract.errors import ArgumentError, ModkitRedisError
from modkit_redis.contract.values import Duration

DEFAULT_NAME: Final = "default"
"""The name of a limit that stands alone in the settings."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How much is allowed in how much time.

    Usage is kept by the limit's name: its numbers may change, and what was used stays used; but windows of
    another length begin anew, and no more than ten times a limit stays used. Two limits are two names,
    also in two parts of an application.

    Attributes:
        count: How much is allowed in a *period*.
        period: The time, in whole microseconds.
        burst: How much is allowed at once, if that is not *count*; for the token bucket alone.
        name: What it is called in keys, answers and headers.
        shadow: Whether it only reports what it would refuse.
    """

    count: int
    period: timedelta
    burst: int | None = None
    name: str = DEFAULT_NAME
    shadow: bool = False

    def __post_init__(self) -> None:
        for called, number in (("count", self.count), ("burst", self.capacity)):
            if type(number) is not int or not 1 <= number <= _MOST:
                raise ArgumentError(f"limit {called}", f"must be a whole number from 1 to {_MOST}")
        if not isinstance(self.period, timedelta) or not _SHORTEST <= self.period <= _LONGEST:
            raise ArgumentError("limit period", "must be a timedelta from 1ms to 366 days")
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ArgumentError("limit name", _SPELLING)
        if type(self.shadow) is not bool:
            raise ArgumentError("limit shadow", "must be True or False")

    @property
    def capacity(self) -> int:
        """How much is allowed at once."""
        return self.count if self.burst is None else self.burst

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the limit that *text* describes.

        For example ``100/minute``, ``5 per 15m``, ``login=5/minute``, ``10/second burst 20`` or
        ``1000/day shadow``.

        Raises:
            ArgumentError: If it describes none.
        """
        found = _TEXT.fullmatch(text.strip()) if isinstance(text, str) else None
        if found is None:
            raise ArgumentError("limit", f"must be written like {_FOR_EXAMPLE}")
        period = _PERIODS.get(found["word"] or "")
        if period is None:
            period = _spelled(int(found["amount"]), _UNITS[found["unit"]])
        burst = found["burst"]
        return cls(
            count=int(found["count"]),
            period=period,
            burst=int(burst) if burst else None,
            name=found["name"] or DEFAULT_NAME,
            shadow=found["shadow"] is not None,
        )

    def __str__(self) -> str:
        written = f"{self.name}={self.count}/{_in_text(self.period)}"
        written += f" burst {self.burst}" if self.burst is not None else ""
        return written + (" shadow" if self.shadow else "")


@dataclass(frozen=True, slots=True)
class Slots:
    """How many may be busy at the same time.

    Attributes:
        count: How many.
        name: What they are called in keys and answers.
        lease: How long a slot stays taken by who has died; who lives renews it, every third of this.
        shadow: Whether it only reports what it would refuse.
    """

    count: int
    name: str
    lease: timedelta = timedelta(seconds=10)
    shadow: bool = False

    def __post_init__(self) -> None:
        if type(self.count) is not int or not 1 <= self.count <= _MOST_SLOTS:
            raise ArgumentError("slots count", f"must be a whole number from 1 to {_MOST_SLOTS}")
        if not isinstance(self.lease, timedelta) or not _SHORTEST_LEASE <= self.lease <= _LONGEST_LEASE:
            raise ArgumentError("slots lease", "must be a timedelta from 100ms to 1h")
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ArgumentError("slots name", _SPELLING)
        if type(self.shadow) is not bool:
            raise ArgumentError("slots shadow", "must be True or False")

    @property
    def capacity(self) -> int:
        """How many may be busy at once."""
        return self.count


def parse_limits(text: str) -> tuple[Limit, ...]:
    """Return the limits that *text* describes, separated by commas.

    Raises:
        ArgumentError: If it describes none, or several of which one has no name of its own.
    """
    limits = tuple(Limit.parse(each) for each in str(text).split(","))
    check_together(limits)
    return limits


def check_together(limits: Sequence[Limit]) -> None:
    """Refuse limits that cannot be told apart.

    Raises:
        ArgumentError: If there is none, or two have one name.
    """
    if not limits:
        raise ArgumentError("limit", f"must be at least one, written like {_FOR_EXAMPLE}")
    names = [each.name for each in limits]
    if len(names) > 1 and DEFAULT_NAME in names:
        raise ArgumentError("limit", "needs a name where several stand together, as in 'second=10/second'")
    if len(set(names)) < len(names):
        raise ArgumentError("limit", "has a name twice: each of several needs one of its own")


@dataclass(frozen=True, slots=True)
class LimitState:
    """What one limit says of a decision.

    Attributes:
        limit: The limit, or the slots.
        allowed: Whether it allows what was asked for.
        remaining: How much is allowed now, after this decision.
        retry_after: In how much time it will allow it, if nothing else is used; zero if it does, ``None`` if
            never: it is more than is ever allowed at once.
        reset_after: In how much time all of it is allowed again.
    """

    limit: Limit | Slots
    allowed: bool
    remaining: int
    retry_after: timedelta | None
    reset_after: timedelta


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is allowed, with all that a client may want to know; it is true if so.

    Attributes:
        allowed: Whether all limits allow it, shadow limits aside. Else nothing was charged to any.
        states: What each limit says, in the order in which they were given.
        cost: How much was asked for.
        degraded: Whether Redis was not asked, or did not answer, and the settings decided instead.
        subject: Who asked; not part of the representation.
        at_us: When, by the server's clock, in microseconds since 1970; 0 if it did not answer.
        charged: Whether *cost* was charged in Redis, to all limits that allow it: not if it was refused,
            degraded or only peeked at.
        settles: The decision that this one has raised, if it is one of ``settle``.
    """

    allowed: bool
    states: tuple[LimitState, ...]
    cost: int = 1
    degraded: bool = False
    subject: Subject = field(default="", repr=False)
    at_us: int = field(default=0, repr=False)
    charged: bool = field(default=False, repr=False)
    settles: Decision | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def refused_by(self) -> tuple[str, ...]:
        """The names of the limits that refuse it."""
        return tuple(each.limit.name for each in self.states if not (each.allowed or each.limit.shadow))

    @property
    def retry_after(self) -> timedelta | None:
        """In how much time all limits will allow it; zero if they do, ``None`` if never."""
        longest = _NONE
        for each in self.states:
            wait = each.retry_after
            if not each.limit.shadow:
                if wait is None:
                    return None
                longest = max(longest, wait)
        return longest

    @property
    def remaining(self) -> int:
        """How much all limits allow now; 0 where nothing is known."""
        return min([each.remaining for each in self.states if not each.limit.shadow], default=0)

    @property
    def reset_after(self) -> timedelta:
        """In how much time all limits allow all they can."""
        return max([each.reset_after for each in self.states if not each.limit.shadow], default=_NONE)


class LimitExceededError(ModkitRedisError):
    """A limit does not allow it; nothing was charged.

    Attributes:
        decision: The decision, with all that a client may want to know.
    """

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision)
        self.decision = decision

    def __str__(self) -> str:
        if self.decision.degraded:
            return "refused without asking Redis, which does not answer"
        names, wait = " and ".join(self.decision.refused_by), self.decision.retry_after
        return f"refused by the limit {names}: " + (
            "it is more than is ever allowed at once" if wait is None else f"allowed in {wait}"
        )


Subject: TypeAlias = str | tuple[str, ...]
"""Who is limited: text, or several parts, as ``("ip", "192.0.2.1")``; distinct ones never share usage."""

Limits: TypeAlias = Limit | str | Sequence[Limit]
"""One limit or several; as text they are written like ``login=5/minute, day=100/day``."""


class Reservation(Protocol):
    """What was charged in advance, while the real cost is not known."""

    @property
    def decision(self) -> Decision:
        """The decision that allowed it."""
        ...

    def settle(self, cost: int) -> None:
        """Charge *cost* in the place of what was charged in advance.

        If that is more than is left, it is charged all the same, up to ten times the limit: a bucket refuses
        until it is paid off, a window for as long as it counts. It can be settled again.

        Raises:
            ArgumentError: If *cost* cannot be one; nothing was sent.
            StoreUnavailableError: If Redis does not answer; it may or may not have been charged.
        """


class RateLimitStore(Protocol):
    """A rate limiter in Redis (``redis.ratelimit.store``).

    Each decision is one round trip, by the server's clock. *limit* is that of the settings where it is
    omitted. When Redis does not answer, the settings decide, and the decision is ``degraded``.
    """

    def hit(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        """Decide whether *subject* may go on, and charge *cost* to all limits if so, to none if not.

        Raises:
            ArgumentError: If an argument cannot be used; nothing was sent.
            ConfigError: If neither the settings nor the call name a limit.
            CommandRefusedError: If Redis refuses, and that will not pass by itself.
        """
        ...

    def peek(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        """Decide the same, and charge nothing; raises as ``hit`` does."""
        ...

    def acquire(
        self, subject: Subject, *, timeout: Duration, cost: int = 1, limit: Limits | None = None
    ) -> Decision:
        """Wait until *subject* may go on, for *timeout* at most; raises as ``hit`` does.

        Only the waiting is bounded by *timeout*: each decision takes its own time. A refusal is returned as
        soon as it is clear that waiting does not help. Who waits has no place in a queue, and others may be
        first.
        """
        ...

    def reserve(
        self,
        subject: Subject,
        *,
        cost: int = 1,
        limit: Limits | None = None,
        timeout: Duration | None = None,
    ) -> AbstractContextManager[Reservation]:
        """Return what lets a ``with`` block run if *subject* may go on, now or within *timeout*.

        Entering it raises ``LimitExceededError`` if not, and else as ``hit`` does.
        """
        ...

    def hold(self, subject: Subject, slots: Slots) -> AbstractContextManager[Decision]:
        """Return what lets a ``with`` block run in one of the *slots* of *subject*, and then frees it.

        Entering it raises ``LimitExceededError`` if all are taken, and else as ``hit`` does.
        """
        ...

    def refund(self, decision: Decision) -> None:
        """Take back what *decision* charged; nothing, if it was refused, degraded or only peeked at.

        What is paid off, or was used in a window that counts no more, is not taken back. A decision that was
        settled is refunded by what ``settle`` returned.

        Raises:
            ArgumentError: If it is no decision; nothing was sent.
            StoreUnavailableError: If Redis does not answer; it may or may not have been taken back.
        """

    def settle(self, decision: Decision, cost: int) -> Decision:
        """Charge *cost* in the place of what *decision* charged; see ``Reservation.settle``.

        Returns:
            The decision as it is now, by which it can be settled again, or refunded. What it says of its
            limits is as of the last charge.
        """
        ...

    def reset(self, subject: Subject, *, limit: Limits | None = None) -> None:
        """Forget what *subject* has used.

        Raises:
            ArgumentError: If an argument cannot be used; nothing was sent.
            ConfigError: If neither the settings nor the call name a limit.
            StoreUnavailableError: If Redis does not answer; it may not be forgotten.
        """


class AsyncReservation(Protocol):
    """What was charged in advance, for asyncio; see ``Reservation``."""

    @property
    def decision(self) -> Decision:
        """The decision that allowed it."""
        ...

    async def settle(self, cost: int) -> None:
        """Charge *cost* in the place of what was charged in advance."""


class AsyncRateLimitStore(Protocol):
    """A rate limiter in Redis (``redis.ratelimit.store``) for asyncio; see ``RateLimitStore``."""

    async def hit(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        """Decide whether *subject* may go on, and charge *cost* to all limits if so, to none if not."""
        ...

    async def peek(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        """Decide the same, and charge nothing."""
        ...

    async def acquire(
        self, subject: Subject, *, timeout: Duration, cost: int = 1, limit: Limits | None = None
    ) -> Decision:
        """Wait until *subject* may go on, for *timeout* at most."""
        ...

    def reserve(
        self,
        subject: Subject,
        *,
        cost: int = 1,
        limit: Limits | None = None,
        timeout: Duration | None = None,
    ) -> AbstractAsyncContextManager[AsyncReservation]:
        """Return what lets an ``async with`` block run if *subject* may go on, now or within *timeout*."""
        ...

    def hold(self, subject: Subject, slots: Slots) -> AbstractAsyncContextManager[Decision]:
        """Return what lets an ``async with`` block run in one of the *slots* of *subject*."""
        ...

    async def refund(self, decision: Decision) -> None:
        """Take back what *decision* charged; nothing, if it was refused, degraded or only peeked at."""

    async def settle(self, decision: Decision, cost: int) -> Decision:
        """Charge *cost* in the place of what *decision* charged, and return it as it is now."""
        ...

    async def reset(self, subject: Subject, *, limit: Limits | None = None) -> None:
        """Forget what *subject* has used."""


_NONE: Final = timedelta(0)
_MOST: Final = 2**31
_MOST_SLOTS: Final = 10_000
_SHORTEST_LEASE, _LONGEST_LEASE = timedelta(milliseconds=100), timedelta(hours=1)
_SHORTEST, _LONGEST = timedelta(milliseconds=1), timedelta(days=366)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_SPELLING: Final = "must be 1 to 32 letters, digits, '-' and '_', beginning with a letter"
_FOR_EXAMPLE: Final = "'100/minute', 'login=5/15m', '10/second burst 20' or 'second=10/second, day=1000/day'"
_UNITS: Final = {
    "us": "microseconds",
    "ms": "milliseconds",
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
}
_PERIODS: Final = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_TEXT: Final = re.compile(
    r"(?:(?P<name>[^=\s]+)\s*=\s*)?(?P<count>\d{1,10})\s*(?:/|\s+per\s+)\s*"
    rf"(?:(?P<word>{'|'.join(_PERIODS)})|(?P<amount>\d{{1,14}})(?P<unit>{'|'.join(_UNITS)}))"
    r"(?:\s+burst\s+(?P<burst>\d{1,10}))?(?P<shadow>\s+shadow)?",
    re.ASCII,
)


def _spelled(amount: int, unit: str) -> timedelta:
    try:
        return timedelta(**{unit: amount})
    except OverflowError:
        return timedelta.max  # as much too long


def _in_text(period: timedelta) -> str:
    for word, span in _PERIODS.items():
        if period == span:
            return word
    spans = ((unit, timedelta(**{called: 1})) for unit, called in reversed(_UNITS.items()))
    return next(f"{period // span}{unit}" for unit, span in spans if not period % span)
