"""What a session costs the server in memory."""

from __future__ import annotations

from statistics import median_low
from typing import Final, NamedTuple

import redis

from benchmarks.session.contender import DATA, AsyncContender, Contender

SESSIONS: Final = 25
"""The median is taken: now and then the allocator gives a session more than it needs."""


class Footprint(NamedTuple):
    """One session in an otherwise empty database.

    Attributes:
        keys: How many keys it takes.
        used: Bytes by ``MEMORY USAGE``, which rounds up as the allocator does.
    """

    keys: int
    used: int


def footprint(contender: Contender, admin: redis.Redis) -> Footprint:
    """Weigh a session."""
    weighings = list[Footprint]()
    for number in range(SESSIONS):
        admin.flushdb()
        contender.begin(f"weighed:{number}")
        weighings.append(_weigh(admin))
    return median_low(weighings)


async def async_footprint(contender: AsyncContender, admin: redis.Redis) -> Footprint:
    """Weigh a session."""
    weighings = list[Footprint]()
    for number in range(SESSIONS):
        admin.flushdb()
        await contender.begin(f"weighed:{number}")
        weighings.append(_weigh(admin))
    return median_low(weighings)


def _weigh(admin: redis.Redis) -> Footprint:
    keys = list(admin.scan_iter())
    if not keys:
        raise AssertionError(f"nothing was stored of {DATA}")
    return Footprint(len(keys), sum(admin.memory_usage(key, samples=0) or 0 for key in keys))
