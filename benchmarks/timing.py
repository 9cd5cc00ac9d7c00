"""How long calls take, for one caller and for fifty at once: all contenders in turns, in one run."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

CALLERS: Final = 50
"""Concurrent callers in one process."""

Reply = TypeVar("Reply", covariant=True)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Way(Generic[Reply]):
    """One way of doing what is measured.

    Attributes:
        name: What is called.
        call: Does it, for a key.
        expected: What it has to return.
        prepare: Makes a key ready for so many calls, before they are timed; nothing where there is nothing
            to do.
    """

    name: str
    call: Callable[[str], Reply]
    expected: object
    prepare: Callable[[str, int], Reply] | None = None


@dataclass(slots=True)
class Timings:
    """What was measured of one way, turn by turn.

    Attributes:
        wall: Time of one call for one caller, in µs.
        cpu: This process's part of it, in µs.
        rate: Calls a second for fifty callers.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        turns: Turns of one caller.
        calls: Calls in each.
        crowds: Turns of fifty callers.
        each: Calls of each of them in each.
    """

    turns: int
    calls: int
    crowds: int
    each: int


@dataclass(frozen=True, slots=True)
class Entrant(Generic[Reply]):
    """One way of one contender, and where its timings go.

    Attributes:
        way: The way.
        keys: One for each caller: cashews lets callers of one key share one GET.
        timings: Where they go.
    """

    way: Way[Reply]
    keys: Sequence[str]
    timings: Timings


def measure(entrants: Sequence[Entrant[object]], plan: Plan) -> None:
    """Measure the sync world."""
    for turn in range(plan.turns):
        for entrant in rotated(entrants, turn):
            alone(entrant, plan.calls)
    with ThreadPoolExecutor(CALLERS) as threads:
        for turn in range(plan.crowds):
            for entrant in rotated(entrants, turn):
                crowd(entrant, plan.each, threads)


async def async_measure(entrants: Sequence[Entrant[Awaitable[object]]], plan: Plan) -> None:
    """Measure the asyncio world."""
    for turn in range(plan.turns):
        for entrant in rotated(entrants, turn):
            await async_alone(entrant, plan.calls)
    for turn in range(plan.crowds):
        for entrant in rotated(entrants, turn):
            await async_crowd(entrant, plan.each)


def rotated(items: Sequence[Item], turn: int) -> Iterator[Item]:
    """Yield all *items*, each turn beginning with another, so that none always follows the same."""
    first = turn % len(items)
    yield from items[first:]
    yield from items[:first]


def alone(entrant: Entrant[object], calls: int) -> None:
    """Time *calls* of one caller."""
    way, call, key = entrant.way, entrant.way.call, entrant.keys[0]
    if way.prepare is not None:
        way.prepare(key, calls + 1)
    check(way, call(key))
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        call(key)
    entrant.timings.wall.append((time.perf_counter() - wall) / calls * 1e6)
    entrant.timings.cpu.append((time.process_time() - cpu) / calls * 1e6)


async def async_alone(entrant: Entrant[Awaitable[object]], calls: int) -> None:
    """Time *calls* of one caller."""
    way, call, key = entrant.way, entrant.way.call, entrant.keys[0]
    if way.prepare is not None:
        await way.prepare(key, calls + 1)
    check(way, await call(key))
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        await call(key)
    entrant.timings.wall.append((time.perf_counter() - wall) / calls * 1e6)
    entrant.timings.cpu.append((time.process_time() - cpu) / calls * 1e6)


def crowd(entrant: Entrant[object], each: int, threads: ThreadPoolExecutor) -> None:
    """Time *each* calls of each of fifty threads, once all are connected."""
    way, call, gate = entrant.way, entrant.way.call, threading.Barrier(CALLERS + 1)

    def calls(key: str) -> object:
        if way.prepare is not None:
            way.prepare(key, each + 1)
        gate.wait()
        call(key)
        gate.wait()
        for _ in range(each - 1):
            call(key)
        return call(key)

    running = [threads.submit(calls, key) for key in entrant.keys]
    gate.wait()
    gate.wait()
    started = time.perf_counter()
    values = [done.result() for done in running]
    entrant.timings.rate.append(CALLERS * each / (time.perf_counter() - started))
    for value in values:
        check(way, value)


async def async_crowd(entrant: Entrant[Awaitable[object]], each: int) -> None:
    """Time *each* calls of each of fifty tasks, once all are connected."""
    way, call = entrant.way, entrant.way.call

    async def ready(key: str) -> None:
        if way.prepare is not None:
            await way.prepare(key, each + 1)
        await call(key)

    async def calls(key: str) -> object:
        for _ in range(each - 1):
            await call(key)
        return await call(key)

    await asyncio.gather(*map(ready, entrant.keys))
    started = time.perf_counter()
    values = await asyncio.gather(*map(calls, entrant.keys))
    entrant.timings.rate.append(CALLERS * each / (time.perf_counter() - started))
    for value in values:
        check(way, value)


def check(way: Way[Reply], value: object) -> None:
    """Refuse to measure a wrong answer."""
    if value != way.expected:
        raise AssertionError(f"{way.name} returned {value!r}")


def ratios(values: Sequence[float], base: Sequence[float]) -> list[float]:
    """Return each turn's value over that of the base in the same turn."""
    return [value / other for value, other in zip(values, base, strict=True)]
