"""What a request costs in this process: time, CPU and round trips, for one caller and for fifty at once."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import NamedTuple

from benchmarks import timing
from benchmarks.effort import Effort, async_effort, effort
from benchmarks.timing import CALLERS, Entrant, Plan, Timings, Way
from benchmarks.web.contender import Contender, Row, name_of
from benchmarks.web.driving import AsgiDriver, WsgiDriver
from modkit_redis.testing import ServerWatch


class Place(NamedTuple):
    """What was measured: what, and of whom."""

    row: Row
    name: str


@dataclass(slots=True)
class Measured:
    """What was measured.

    Attributes:
        effort: What one request sends.
        timings: How long it takes.
    """

    effort: Effort
    timings: Timings = field(default_factory=Timings)


Measurements = dict[Place, Measured]
"""The first is the framework alone, with which all are compared."""


def measure(kinds: Sequence[type[Contender]], plan: Plan, addr: str) -> Measurements:
    """Measure WSGI applications."""
    found: Measurements = {}
    entrants = list[Entrant[object]]()
    contenders = [kind(addr) for kind in kinds]
    with ServerWatch(addr) as watch:
        for contender in contenders:
            for row in contender.rows:
                driver, callers = WsgiDriver(contender.app(row), row), callers_of(len(entrants))
                if row not in (Row.BARE, Row.LIMIT):
                    for each in callers:
                        driver.begin(each)
                way: Way[object] = Way(row.value, driver.visit, expected=True)
                measured = Measured(effort(way, callers[0], watch))
                found[Place(row, name_of(type(contender)))] = measured
                entrants.append(Entrant(way, callers, measured.timings))
    timing.measure(entrants, plan)
    for contender in contenders:
        contender.close()
    return found


async def async_measure(kinds: Sequence[type[Contender]], plan: Plan, addr: str) -> Measurements:
    """Measure ASGI applications."""
    found: Measurements = {}
    entrants = list[Entrant[Awaitable[object]]]()
    contenders = [kind(addr) for kind in kinds]
    async with AsyncExitStack() as lifespans:
        with ServerWatch(addr) as watch:
            for contender in contenders:
                for row in contender.rows:
                    app = contender.app(row)
                    await lifespans.enter_async_context(app.router.lifespan_context(app))
                    driver, callers = AsgiDriver(app, row), callers_of(len(entrants))
                    if row not in (Row.BARE, Row.LIMIT):
                        for each in callers:
                            await driver.begin(each)
                    way: Way[Awaitable[object]] = Way(row.value, driver.visit, expected=True)
                    measured = Measured(await async_effort(way, callers[0], watch))
                    found[Place(row, name_of(type(contender)))] = measured
                    entrants.append(Entrant(way, callers, measured.timings))
        await timing.async_measure(entrants, plan)
    for contender in contenders:
        closing = contender.close()
        if isawaitable(closing):
            await closing
    return found


def callers_of(application: int) -> tuple[str, ...]:
    """Return the addresses of the clients of one application, which visit no other."""
    return tuple(f"10.1.{application}.{client}" for client in range(CALLERS))
