"""Decisions of the rate limiter: how a limit is counted exactly, and what the server's answer means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

_EXACT: Final = 2**53
"""Below this, a double holds each whole number."""

_LONGEST_US: Final = 2**52
"""How long it may take until all of a limit is allowed again: 142 years, so that its end is exact as well."""

_NOW: Final = timedelta(0)
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
        """How it is counted, for its key: what was stored by longer or shorter ticks cannot be read.

        What the windows store are counts by the number of the window, which is the same in all ticks.
        """
        return self.letter if self.tick_us == 1 or self.letter in "sf" else f"{self.letter}{self.tick_us}"

    @property
    def capacity(self) -> int:
        """How much is allowed at once at most."""
        return self.limit.capacity

    def arguments(self, cost: int) -> tuple[str | int, ...]:
        """Return the script's arguments; more than is ever allowed is never allowed, however much more."""
        asked = min(cost, self.capacity + 1)
        return (self.letter, *self.numbers, self.tick_us, asked, int(self.limit.shadow))

    def refunding(self, cost: int) -> tuple[str | int, ...]:
        """Return the arguments of the script that takes *cost* back."""
        return (self.letter, *self.numbers, self.tick_us, cost)


def rule(limit: Limit, algorithm: Algorithm) -> Rule:
    """Return how *limit* is counted.

    Raises:
        ArgumentError: If it has a burst that *algorithm* does not know, or cannot be counted exactly.
    """
    if limit.burst is not None and algorithm != "gcra":
        raise ArgumentError("limit burst", f"is for the algorithm gcra, not for {algorithm}")
    period_us = limit.period // timedelta(microseconds=1)
    for tick_us in _TICKS:
        if period_us % tick_us:
            break
        numbers, largest = _NUMBERS[algorithm](limit, period_us // tick_us)
        if largest < _EXACT and period_us * limit.capacity // limit.count < _LONGEST_US:
            return Rule(limit, algorithm[0] if algorithm != "strict" else "w", numbers, tick_us)
    raise ArgumentError("limit", "cannot be counted exactly: choose smaller numbers, or a rounder period")


def _bucket(limit: Limit, period: int) -> tuple[tuple[int, int, int], int]:
    shared = gcd(limit.count, period)
    paid, owed = limit.count // shared, period // shared
    capacity = limit.capacity * owed
    return (paid, owed, capacity), capacity + owed + paid


def _window(limit: Limit, period: int) -> tuple[tuple[int, int, int], int]:
    return (period, limit.count, 0), 3 * (limit.count + 1) * period


def _slots(limit: Limit, period: int) -> tuple[tuple[int, int, int], int]:
    return (-(-period // SLOTS), limit.count, SLOTS), 2 * limit.count


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
