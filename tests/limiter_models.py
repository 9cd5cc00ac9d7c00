"""Models of the limiters by which the server's answers are judged.

They remember what was charged, count by exact fractions, and find out when something is allowed by
trying. All times are microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Protocol

from modkit_redis.ratelimit._core import SLOTS, Algorithm, Rule

OVERDRAFT: Final = 10
"""How many times a limit may be charged by a settle."""


@dataclass(frozen=True)
class Answer:
    """What a limiter says.

    Attributes:
        fits: Whether the cost is allowed.
        remaining: What is allowed afterwards.
        retry: After how long it would be allowed; 0 for now, -1 for never.
        reset: After how long it is as if it was never used.
    """

    fits: bool
    remaining: int
    retry: int
    reset: int


class Model(Protocol):
    """A limiter of one subject."""

    def ask(self, now: int, cost: int, *, charges: bool) -> Answer:
        """Decide at *now*."""
        ...

    def charge(self, now: int, cost: int) -> Answer:
        """Charge *cost* even if it is refused; return what is left, with nothing asked for."""
        ...

    def refund(self, now: int, cost: int, at: int, reset: int) -> None:
        """Take back what was charged at *at*, when the limit was to be fresh again after *reset*."""


@dataclass
class Bucket:
    """A token bucket in exact fractions; ``debt`` is what is missing in it."""

    rate: Fraction
    capacity: int
    debt: Fraction = Fraction(0)
    since: int = 0

    def ask(self, now: int, cost: int, *, charges: bool) -> Answer:
        self._pass_to(now)
        over = self.debt + cost - self.capacity
        fits = over <= 0
        if fits and charges:
            self.debt += cost
        retry = 0 if fits else -1 if cost > self.capacity else ceiling(over / self.rate)
        return Answer(fits, max(0, int(self.capacity - self.debt)), retry, ceiling(self.debt / self.rate))

    def charge(self, now: int, cost: int) -> Answer:
        self._pass_to(now)
        self.debt = min(self.debt + cost, Fraction(OVERDRAFT * self.capacity))
        return self.ask(now, 0, charges=False)

    def refund(self, now: int, cost: int, at: int, reset: int) -> None:
        self._pass_to(now)
        unpaid = max(0, at + reset - now) * self.rate
        self.debt = max(Fraction(0), self.debt - min(Fraction(cost), unpaid))

    def _pass_to(self, now: int) -> None:
        if now > self.since:
            self.debt = max(Fraction(0), self.debt - (now - self.since) * self.rate)
        self.since = now  # when the clock goes back, what is owed stays owed, and no more


@dataclass
class Counter:
    """Counts what was used in each window; of the one before, the part that has not passed counts."""

    width: int
    limit: int
    windows: int
    counts: dict[int, int] = field(default_factory=dict)

    def ask(self, now: int, cost: int, *, charges: bool) -> Answer:
        at = self._pass_to(now)
        before = self.used(now)
        fits = before + cost <= self.limit
        if fits and charges and cost:
            self.counts[at] = self.counts.get(at, 0) + cost
        retry = 0 if fits else -1 if cost > self.limit else self._first(now, cost)
        return Answer(fits, max(0, int(self.limit - self.used(now))), retry, self._reset(now))

    def charge(self, now: int, cost: int) -> Answer:
        at = self._pass_to(now)
        self.counts[at] = min(self.counts.get(at, 0) + cost, OVERDRAFT * self.limit)
        return self.ask(now, 0, charges=False)

    def refund(self, now: int, cost: int, at: int, reset: int) -> None:
        self._pass_to(now)
        window = min(at, now) // self.width
        if window in self.counts:
            self.counts[window] = max(0, self.counts[window] - cost)

    def used(self, now: int) -> Fraction:
        """Return what counts at *now*."""
        at, past = divmod(now, self.width)
        previous = self.counts.get(at - 1, 0) if self.windows == 2 else 0
        return self.counts.get(at, 0) + Fraction(previous * (self.width - past), self.width)

    def _pass_to(self, now: int) -> int:
        at = now // self.width
        newest = max((each for each in self.counts), default=at)
        if newest > at:  # the clock went back
            self.counts = {window - newest + at: used for window, used in self.counts.items()}
        return at

    def _first(self, now: int, cost: int) -> int:
        """Find when *cost* fits by trying: what is used never rises by itself."""
        return bisected(lambda wait: self.used(now + wait) + cost <= self.limit, 2 * self.width)

    def _reset(self, now: int) -> int:
        at = now // self.width
        counted = [each for each, used in self.counts.items() if used and each > at - self.windows]
        return (max(counted) + self.windows) * self.width - now if counted else 0


@dataclass
class Ring:
    """Counts what was used in each part of a window; the oldest part counts as a whole."""

    width: int
    limit: int
    counts: dict[int, int] = field(default_factory=dict)

    def ask(self, now: int, cost: int, *, charges: bool) -> Answer:
        at = self._pass_to(now)
        fits = self.used(now) + cost <= self.limit
        if fits and charges and cost:
            self.counts[at] = self.counts.get(at, 0) + cost
        retry = 0
        if not fits:
            span = (SLOTS + 1) * self.width
            retry = -1
            if cost <= self.limit:
                retry = bisected(lambda wait: self.used(now + wait) + cost <= self.limit, span)
        counted = [each for each, used in self.counts.items() if used and each >= at - SLOTS]
        reset = (max(counted) + SLOTS + 1) * self.width - now if counted else 0
        return Answer(fits, max(0, self.limit - self.used(now)), retry, reset)

    def charge(self, now: int, cost: int) -> Answer:
        at = self._pass_to(now)
        self.counts[at] = min(self.counts.get(at, 0) + cost, OVERDRAFT * self.limit)
        return self.ask(now, 0, charges=False)

    def refund(self, now: int, cost: int, at: int, reset: int) -> None:
        self._pass_to(now)
        part = min(at, now) // self.width
        if part in self.counts:
            self.counts[part] = max(0, self.counts[part] - cost)

    def used(self, now: int) -> int:
        """Return what counts at *now*."""
        oldest = now // self.width - SLOTS
        return sum(used for part, used in self.counts.items() if part >= oldest)

    def _pass_to(self, now: int) -> int:
        at = now // self.width
        newest = max((each for each in self.counts), default=at)
        if newest > at:  # the clock went back
            self.counts = {part - newest + at: used for part, used in self.counts.items()}
        return at


def model_of(rule: Rule, algorithm: Algorithm) -> Model:
    """Return the model of *rule*."""
    first, limit, _ = rule.numbers
    if algorithm == "gcra":
        period = rule.limit.period.total_seconds()
        return Bucket(Fraction(rule.limit.count, round(period * 1_000_000)), rule.capacity)
    if algorithm == "strict":
        return Ring(first, limit)
    return Counter(first, limit, 2 if algorithm == "sliding" else 1)


def worst(algorithm: Algorithm, limit: int, capacity: int, period: int, span: int) -> int:
    """Return how much may be admitted at most in *span*, as the table in the guide says."""
    if algorithm == "gcra":
        return capacity + span * limit // period
    whole = -(-(span + 1) // period)  # windows of length *period* that cover it
    return whole * limit if algorithm == "strict" else 2 * whole * limit


def most_in(admitted: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return, for each pair of admissions, the time between them and what was admitted meanwhile."""
    times = list(admitted)
    found: list[tuple[int, int]] = []
    for first, (begun, _) in enumerate(times):
        total = 0
        for ended, cost in times[first:]:
            total += cost
            found.append((ended - begun, total))
    return found


def ceiling(number: Fraction) -> int:
    """Round up."""
    return -(-number.numerator // number.denominator)


def bisected(holds: Callable[[int], bool], most: int) -> int:
    """Return the least number up to *most* that *holds* is true of, and of all above."""
    least = 0
    while least < most:
        middle = (least + most) // 2
        if holds(middle):
            most = middle
        else:
            least = middle + 1
    return least


NOW: Final = 1_800_000_000_000_000
"""When the tests' clock begins: 2027."""
