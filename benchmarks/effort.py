"""What each way asks of the server: commands and round trips."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, NamedTuple

from benchmarks.timing import Way
from modkit_redis.testing import ServerWatch

CALLS: Final = 5


class Effort(NamedTuple):
    """What one call sends.

    Attributes:
        commands: The commands, those inside scripts left out.
        trips: How many times it waits for the server.
    """

    commands: tuple[str, ...]
    trips: float


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
