"""Decisions of the rate limiter: how a limit is counted exactly, and what the server's answer means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import gcd
from typing import Final, Literal, TypeAlias

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import Decision, Limit, LimitState, Subject

Algorithm: TypeAlias = Literal["gcra", "sliding", "fixed", "strict"]
"""How a limit is counted."""

ALGORITHMS: Final[tuple[Algorithm, ...]] = ("gcra", "sliding", "fixed", "strict")

SLOTS: Final = 10
"""Parts of a strict window: what was used counts for up to a part of the window longer."""

OVERDRAFT: Final = 10
"""How many times a limit may be charged by a settle; the scripts know this number, too."""

_MOST_CHARGES: Final = 8
"""How many charges of one decision are told apart, as it may be settled for each token of a stream."""

_EXACT: Final = 2**53
"""Below this, a double holds each whole number."""

_LONGEST_US: Final = 2**52
"""How long it may take until all of a limit is allowed again: 142 years, so that its end is exact as well."""

_NOW: Final = timedelta(0)
_US: Final = timedelta(microseconds=1)
_TICKS: Final = (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit as the script counts it; see ``decide.lua``.

    Attributes:
        limit: The limit.
        letter: The algorithm.
        numbers: Its three numbers.
        tick_us: The unit of time in which it counts, in microseconds: 1, unless the numbers would be too
            large for exact arithmetic.
    """

    limit: Limit
    letter: str
    numbers: tuple[int, int, int]
    tick_us: int

    @property
    def counting(self) -> str:
        """How it is counted, for its key: ticks or windows of another length are another key.

        A bucket stores times, in ticks; a window stores counts by its number, which is the same in all ticks.
        """
        if self.letter != "g":
            return self.letter + _spelled(self.limit.period)
        return self.letter if self.tick_us == 1 else f"{self.letter}{self.tick_us}"

    @property
    def capacity(self) -> int:
        """How much is allowed at once at most."""
        return self.limit.capacity

    def arguments(self, cost: int) -> tuple[str | int, ...]:
        """Return the script's arguments; more than is ever allowed is never allowed, however much more."""
        asked = min(cost, self.capacity + 1)
        return (self.letter, *self.numbers, self.tick_us, asked, int(self.limit.shadow))

    def charging(self, cost: int) -> tuple[str | int, ...]:
        """Return the same where *cost* is charged even if it is refused; what is lost anyway is left out."""
        asked = min(cost, OVERDRAFT * self.capacity)
        return (self.letter, *self.numbers, self.tick_us, asked, int(self.limit.shadow))

    def refunding(self, cost: int, at_us: int, reset_us: int) -> tuple[str | int, ...]:
        """Return the arguments of the script that takes *cost* back.

        Args:
            cost: How much.
            at_us: When it was charged.
            reset_us: After how long the limit was then as if it was never used.
        """
        taken = min(cost, OVERDRAFT * self.capacity)
        return (self.letter, *self.numbers, self.tick_us, taken, at_us, reset_us)


def rule(limit: Limit, algorithm: Algorithm) -> Rule:
    """Return how *limit* is counted.

    Raises:
        ArgumentError: If it has a burst that *algorithm* does not know, or cannot be counted exactly.
    """
    if limit.burst is not None and algorithm != "gcra":
        raise ArgumentError("limit burst", f"is for the algorithm gcra, not for {algorithm}")
    period_us = limit.period // _US
    for tick_us in _TICKS:
        if period_us % tick_us:
            break
        numbers, largest = _NUMBERS[algorithm](limit, period_us // tick_us)
        longest_us = OVERDRAFT * period_us * limit.capacity // limit.count
        if largest < _EXACT and longest_us < _LONGEST_US:
            return Rule(limit, algorithm[0] if algorithm != "strict" else "w", numbers, tick_us)
    raise ArgumentError("limit", "cannot be counted exactly: choose smaller numbers, or a rounder period")


def _bucket(limit: Limit, period: int) -> tuple[tuple[int, int, int], int]:
    shared = gcd(limit.count, period)
    paid, owed = limit.count // shared, period // shared
    capacity = limit.capacity * owed
    return (paid, owed, capacity), OVERDRAFT * capacity + paid + owed


def _window(limit: Limit, period: int) -> tuple[tuple[int, int, int], int]:
    # two windows and a charge, each overdrawn
    return (period, limit.count, 0), (3 * OVERDRAFT + 1) * limit.count * period


def _slots(limit: Limit, period: int) -> tuple[tuple[int, int, int], int]:
    return (-(-period // SLOTS), limit.count, SLOTS), (SLOTS + 2) * OVERDRAFT * limit.count


def _spelled(period: timedelta) -> str:
    for unit, length in _UNITS:
        if not period % length:
            return f"{period // length}{unit}"
    raise AssertionError  # a timedelta has whole microseconds


_UNITS: Final = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", timedelta(milliseconds=1)),
    ("us", timedelta(microseconds=1)),
)

_NUMBERS: Final = {"gcra": _bucket, "sliding": _window, "fixed": _window, "strict": _slots}


def decision(
    rules: Sequence[Rule], subject: Subject, cost: int, reply: Sequence[int], *, at_us: int, charges: bool
) -> Decision:
    """Return what the script's answers mean.

    Args:
        rules: What was asked.
        subject: Who asked.
        cost: How much for.
        reply: Four numbers for each rule.
        at_us: The server's time.
        charges: Whether the cost was to be charged.
    """
    states: list[LimitState] = []
    allowed, at = True, 0
    for each in rules:  # for each request of an application, so plainly
        limit, (fits, left, retry, reset) = each.limit, reply[at : at + 4]
        wait = _NOW if not retry else None if retry < 0 else timedelta(0, 0, retry)
        states.append(LimitState(limit, fits == 1, left, wait, timedelta(0, 0, reset)))
        allowed = allowed and (fits == 1 or limit.shadow)
        at += 4
    return Decision(allowed, tuple(states), cost, False, subject, at_us, charges and allowed)


def raised(decision: Decision, charged: Decision, cost: int) -> Decision:
    """Return *decision* as it is when *charged* has raised it to *cost*."""
    news = iter(charged.states)
    states = tuple(_told(each, next(news)) if is_charged(each) else each for each in decision.states)
    is_full = len(charges_of(decision, decision.cost)) == _MOST_CHARGES
    before = decision.settles if is_full else decision  # if so, its last charge and this one are one
    return replace(decision, states=states, cost=cost, at_us=charged.at_us, settles=before)


def lowered(decision: Decision, cost: int, algorithm: Algorithm) -> Decision:
    """Return *decision* as it is when it has been lowered to *cost*."""
    while decision.settles is not None and decision.settles.cost >= cost:
        decision = decision.settles
    states = decision.states
    if algorithm == "gcra":  # it is paid that much sooner
        states = tuple(_sooner(each, decision.cost - cost) for each in states)
    return replace(decision, states=states, cost=cost)


def charges_of(decision: Decision, cost: int) -> list[tuple[Decision, int]]:
    """Return what is to be taken back of which charge, the latest first, if that is *cost* in all."""
    found: list[tuple[Decision, int]] = []
    last: Decision | None = decision
    while last is not None and cost > 0:
        before = last.settles
        taken = min(cost, last.cost - (before.cost if before is not None else 0))
        found.append((last, taken))
        cost, last = cost - taken, before
    return found


def is_charged(state: LimitState) -> bool:
    """Return whether a decision that is charged has charged this limit."""
    return state.allowed and isinstance(state.limit, Limit)


def _told(state: LimitState, new: LimitState) -> LimitState:
    return replace(state, remaining=new.remaining, reset_after=new.reset_after)


def _sooner(state: LimitState, cost: int) -> LimitState:
    if not isinstance(state.limit, Limit):
        return state
    paid_us = state.limit.period // _US * cost // state.limit.count  # too much for a timedelta, maybe
    return replace(state, reset_after=max(0, state.reset_after // _US - paid_us) * _US)
