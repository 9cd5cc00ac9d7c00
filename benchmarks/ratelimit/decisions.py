"""How long a decision takes, for one caller and for fifty at once, and what it asks of the server."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final, NamedTuple

import redis

from benchmarks import timing
from benchmarks.effort import Effort, async_effort, effort
from benchmarks.ratelimit.contender import AsyncContender, Contender, Row
from benchmarks.timing import CALLERS, Entrant, Plan, Timings, Way
from modkit_redis.testing import ServerWatch

SUBJECTS: Final = 15
"""Subjects that are weighed; the median is taken, as the allocator now and then gives more than is needed."""

HITS: Final = (1, 100)
"""Decisions about a subject before it is weighed."""


class Place(NamedTuple):
    """What was measured: what, of whom, and how it was done."""

    row: Row
    distribution: str
    way: str


@dataclass(slots=True)
class Measured:
    """What was measured.

    Attributes:
        effort: What one decision sends.
        timings: How long it takes.
        bytes: What a subject costs the server after each of ``HITS``; nothing for denials.
    """

    effort: Effort
    timings: Timings = field(default_factory=Timings)
    bytes: tuple[int, ...] = ()


Decisions = dict[Place, Measured]
"""The first of each row is what the others of that row are compared with."""


def measure(contenders: Sequence[Contender], plan: Plan, admin: redis.Redis, watched: str) -> Decisions:
    """Measure the sync world."""
    decisions: Decisions = {}
    entrants = list[Entrant[object]]()
    for contender in contenders:
        for row, way in contender.ways:
            callers = callers_of(len(entrants), CALLERS)
            place = Place(row, contender.distribution, way.name)
            if row is Row.DENIED:
                for each in callers:  # what is allowed at all
                    way.call(each)
            with ServerWatch(watched) as watch:
                decisions[place] = Measured(effort(way, callers[0], watch))
            if row is Row.ALLOWED:
                decisions[place].bytes = weigh(way, admin)
            entrants.append(Entrant(way, callers, decisions[place].timings))
    timing.measure(entrants, plan)
    return decisions


async def async_measure(
    contenders: Sequence[AsyncContender], plan: Plan, admin: redis.Redis, watched: str
) -> Decisions:
    """Measure the asyncio world."""
    decisions: Decisions = {}
    entrants = list[Entrant[Awaitable[object]]]()
    for contender in contenders:
        for row, way in contender.ways:
            callers = callers_of(len(entrants), CALLERS)
            place = Place(row, contender.distribution, way.name)
            if row is Row.DENIED:
                for each in callers:
                    await way.call(each)
            with ServerWatch(watched) as watch:
                decisions[place] = Measured(await async_effort(way, callers[0], watch))
            if row is Row.ALLOWED:
                decisions[place].bytes = await async_weigh(way, admin)
            entrants.append(Entrant(way, callers, decisions[place].timings))
    await timing.async_measure(entrants, plan)
    return decisions


def callers_of(number: int, count: int) -> tuple[str, ...]:
    """Return callers whom one way alone knows, each of 32 bytes."""
    return tuple(f"{number:016x}{caller:016x}" for caller in range(count))


def weigh(way: Way[object], admin: redis.Redis) -> tuple[int, ...]:
    """Return how many bytes a subject takes after each of ``HITS``."""
    found = list[int]()
    for hits in HITS:
        weights = list[int]()
        for subject in callers_of(1 << 60, SUBJECTS):
            delete_of(subject, admin)
            for _ in range(hits):
                way.call(subject)
            weights.append(weight(subject, admin))
            delete_of(subject, admin)
        found.append(median_low(weights))
    return tuple(found)


async def async_weigh(way: Way[Awaitable[object]], admin: redis.Redis) -> tuple[int, ...]:
    """Return how many bytes a subject takes after each of ``HITS``."""
    found = list[int]()
    for hits in HITS:
        weights = list[int]()
        for subject in callers_of(1 << 60, SUBJECTS):
            delete_of(subject, admin)
            for _ in range(hits):
                await way.call(subject)
            weights.append(weight(subject, admin))
            delete_of(subject, admin)
        found.append(median_low(weights))
    return tuple(found)


def weight(subject: str, admin: redis.Redis) -> int:
    """Return what all keys of *subject* take, by ``MEMORY USAGE``."""
    return sum(
        admin.memory_usage(key, samples=0) or 0 for key in admin.scan_iter(f"*{subject}*", count=10_000)
    )


def delete_of(subject: str, admin: redis.Redis) -> None:
    """Delete all keys of *subject*."""
    for key in admin.scan_iter(f"*{subject}*", count=10_000):
        admin.delete(key)
