"""What one entry costs in Redis: every key that it leaves, also those of locks."""

from __future__ import annotations

from statistics import median_low
from typing import NamedTuple

import redis

from benchmarks.cache.contender import VALUE, AsyncContender, Contender

KEYS = tuple(f"product:{number:04}" for number in range(25))
"""The median is taken: now and then the allocator gives an entry more than it needs."""


class Footprint(NamedTuple):
    """One entry in an otherwise empty database.

    Attributes:
        keys: How many keys it takes.
        stored: Bytes of its values.
        used: Bytes by ``MEMORY USAGE``, which rounds up as the allocator does.
    """

    keys: int
    stored: int
    used: int


def footprint(contender: Contender, admin: redis.Redis) -> Footprint:
    """Measure an entry of a cache, loaded with its protection."""
    weighings = list[Footprint]()
    for key in KEYS:
        admin.flushdb()
        if contender.protection:
            contender.load(key, lambda: VALUE)
        else:
            contender.store(key)
        weighings.append(weigh(admin))
    return median_low(weighings)


async def async_footprint(contender: AsyncContender, admin: redis.Redis) -> Footprint:
    """Measure an entry of a cache, loaded with its protection."""

    async def load() -> object:
        return VALUE

    weighings = list[Footprint]()
    for key in KEYS:
        admin.flushdb()
        if contender.protection:
            await contender.load(key, load)
        else:
            await contender.store(key)
        weighings.append(weigh(admin))
    return median_low(weighings)


def weigh(admin: redis.Redis) -> Footprint:
    """Weigh every key there is; all are strings."""
    keys = list(admin.scan_iter())
    if not keys:
        raise AssertionError("nothing was stored")
    stored = sum(admin.strlen(key) for key in keys)
    return Footprint(len(keys), stored, sum(admin.memory_usage(key, samples=0) or 0 for key in keys))
