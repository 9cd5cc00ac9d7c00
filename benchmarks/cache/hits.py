"""How long a hit takes, for one caller and for fifty at once."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from benchmarks import timing
from benchmarks.cache.contender import AsyncContender, Contender
from benchmarks.timing import CALLERS, Entrant, Plan, Timings

Hits = dict[tuple[str, str], Timings]
"""By contender and way; the first is what the others are compared with."""


def keys_of(number: int) -> tuple[str, ...]:
    """Return the keys of a contender; what one stores, the others cannot read."""
    return tuple(f"product:{number:02}{caller:02}" for caller in range(CALLERS))


def measure(contenders: Sequence[Contender], plan: Plan) -> Hits:
    """Measure the sync world."""
    hits: Hits = {}
    entrants = list[Entrant[object]]()
    for number, contender in enumerate(contenders):
        for key in keys_of(number):
            contender.store(key)
        for way in contender.ways:
            timings = hits[contender.distribution, way.name] = Timings()
            entrants.append(Entrant(way, keys_of(number), timings))
    timing.measure(entrants, plan)
    return hits


async def async_measure(contenders: Sequence[AsyncContender], plan: Plan) -> Hits:
    """Measure the asyncio world."""
    hits: Hits = {}
    entrants = list[Entrant[Awaitable[object]]]()
    for number, contender in enumerate(contenders):
        for key in keys_of(number):
            await contender.store(key)
        for way in contender.ways:
            timings = hits[contender.distribution, way.name] = Timings()
            entrants.append(Entrant(way, keys_of(number), timings))
    await timing.async_measure(entrants, plan)
    return hits
