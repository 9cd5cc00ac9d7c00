"""How long it takes to load, save and sign in, for one caller and for fifty at once."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks import timing
from benchmarks.effort import Effort, async_effort, effort
from benchmarks.session.contender import AsyncContender, Contender, Row
from benchmarks.timing import CALLERS, Entrant, Plan, Timings
from modkit_redis.testing import ServerWatch


class Place(NamedTuple):
    """What was measured: what, of whom, and how it was done."""

    row: Row
    distribution: str
    way: str


@dataclass(slots=True)
class Measured:
    """What was measured.

    Attributes:
        effort: What one call sends.
        timings: How long it takes.
    """

    effort: Effort
    timings: Timings = field(default_factory=Timings)


Requests = dict[Place, Measured]
"""The first of each row is what the others of that row are compared with."""


def measure(contenders: Sequence[Contender], plan: Plan, watched: str) -> Requests:
    """Measure the sync world."""
    requests: Requests = {}
    entrants = list[Entrant[object]]()
    with ServerWatch(watched) as watch:
        for contender in contenders:
            for row, way in contender.ways:
                callers = callers_of(row, way.name)
                for each in callers:
                    contender.begin(each)
                place = Place(row, contender.distribution, way.name)
                requests[place] = Measured(effort(way, callers[0], watch))
                entrants.append(Entrant(way, callers, requests[place].timings))
    timing.measure(entrants, plan)
    return requests


async def async_measure(contenders: Sequence[AsyncContender], plan: Plan, watched: str) -> Requests:
    """Measure the asyncio world."""
    requests: Requests = {}
    entrants = list[Entrant[Awaitable[object]]]()
    with ServerWatch(watched) as watch:
        for contender in contenders:
            for row, way in contender.ways:
                callers = callers_of(row, way.name)
                for each in callers:
                    await contender.begin(each)
                place = Place(row, contender.distribution, way.name)
                requests[place] = Measured(await async_effort(way, callers[0], watch))
                entrants.append(Entrant(way, callers, requests[place].timings))
    await timing.async_measure(entrants, plan)
    return requests


def callers_of(row: Row, way: str) -> tuple[str, ...]:
    """Return the callers of one way, who do nothing else."""
    return tuple(f"{row.value}:{way}:{caller:02}" for caller in range(CALLERS))
