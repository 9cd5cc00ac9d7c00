"""What each way asks of the server: commands, round trips, and memory."""

from __future__ import annotations

from collections.abc import Awaitable
from statistics import median_low
from typing import Final, NamedTuple

import redis

from benchmarks.session.contender import DATA, AsyncContender, Contender
from benchmarks.timing import Way
from modkit_redis.testing import ServerWatch

CALLS: Final = 5
SESSIONS: Final = 25
"""The median is taken: now and then the allocator gives a session more than it needs."""


class Effort(NamedTuple):
    """What one call sends.

    Attributes:
        commands: The commands, those inside scripts left out.
        trips: How many times it waits for the server.
    """

    commands: tuple[str, ...]
    trips: float


class Footprint(NamedTuple):
    """One session in an otherwise empty database.

    Attributes:
        keys: How many keys it takes.
        used: Bytes by ``MEMORY USAGE``, which rounds up as the allocator does.
    """

    keys: int
    used: int


def effort(way: Way[object], caller: str, watch: ServerWatch) -> Effort:
    """Count what a call sends, once connections are open and scripts are known."""
    if way.prepare is not None:
        way.prepare(caller, CALLS + 1)
    way.call(caller)
    watch.commands()
    watch.round_trips()
    for _ in range(CALLS):
        way.call(caller)
    return _effort(watch)


async def async_effort(way: Way[Awaitable[object]], caller: str, watch: ServerWatch) -> Effort:
    """Count what a call sends, once connections are open and scripts are known."""
    if way.prepare is not None:
        await way.prepare(caller, CALLS + 1)
    await way.call(caller)
    watch.commands()
    watch.round_trips()
    for _ in range(CALLS):
        await way.call(caller)
    return _effort(watch)


def _effort(watch: ServerWatch) -> Effort:
    names = [line.split(" ", 1)[0].upper() for line in watch.commands()]
    if len(names) % CALLS:
        raise AssertionError(f"not the same commands in each call: {names}")
    return Effort(tuple(names[: len(names) // CALLS]), watch.round_trips() / CALLS)


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
