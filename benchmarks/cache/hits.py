"""How long a hit takes, for one caller and for fifty at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from benchmarks.cache.contender import CALLERS, AsyncContender, Contender, Way

Reply = TypeVar("Reply", covariant=True)
Item = TypeVar("Item")


@dataclass(slots=True)
class Timings:
    """What was measured of one way to read, turn by turn.

    Attributes:
        wall: Time of one hit for one caller, in µs.
        cpu: This process's part of it, in µs.
        rate: Hits a second for fifty callers.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


Hits = dict[tuple[str, str], Timings]
"""By contender and way; the first is what the others are compared with."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        turns: Turns of one caller.
        calls: Calls in each.
        crowds: Turns of fifty callers.
        each: Calls of each of them in each.
    """

    turns: int = 120
    calls: int = 100
    crowds: int = 15
    each: int = 30


@dataclass(frozen=True, slots=True)
class Entrant(Generic[Reply]):
    """One way of one contender, and where its timings go.

    Attributes:
        way: The way to read.
        keys: One for each caller: cashews lets callers of one key share one GET.
        timings: Where they go.
    """

    way: Way[Reply]
    keys: Sequence[str]
    timings: Timings


def keys_of(number: int) -> tuple[str, ...]:
    """Return the keys of a contender; what one stores, the others cannot read."""
    return tuple(f"product:{number:02}{caller:02}" for caller in range(CALLERS))


def rotated(items: Sequence[Item], turn: int) -> Iterator[Item]:
    """Yield all *items*, each turn beginning with another, so that none always follows the same."""
    first = turn % len(items)
    yield from items[first:]
    yield from items[:first]


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
    for turn in range(plan.turns):
        for entrant in rotated(entrants, turn):
            alone(entrant, plan.calls)
    with ThreadPoolExecutor(CALLERS) as threads:
        for turn in range(plan.crowds):
            for entrant in rotated(entrants, turn):
                crowd(entrant, plan.each, threads)
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
    for turn in range(plan.turns):
        for entrant in rotated(entrants, turn):
            await async_alone(entrant, plan.calls)
    for turn in range(plan.crowds):
        for entrant in rotated(entrants, turn):
            await async_crowd(entrant, plan.each)
    return hits


def alone(entrant: Entrant[object], calls: int) -> None:
    """Time *calls* of one caller."""
    read, key = entrant.way.read, entrant.keys[0]
    check(entrant.way, read(key))
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        read(key)
    entrant.timings.wall.append((time.perf_counter() - wall) / calls * 1e6)
    entrant.timings.cpu.append((time.process_time() - cpu) / calls * 1e6)


async def async_alone(entrant: Entrant[Awaitable[object]], calls: int) -> None:
    """Time *calls* of one caller."""
    read, key = entrant.way.read, entrant.keys[0]
    check(entrant.way, await read(key))
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        await read(key)
    entrant.timings.wall.append((time.perf_counter() - wall) / calls * 1e6)
    entrant.timings.cpu.append((time.process_time() - cpu) / calls * 1e6)


def crowd(entrant: Entrant[object], each: int, threads: ThreadPoolExecutor) -> None:
    """Time *each* calls of each of fifty threads, once all are connected."""
    read, gate = entrant.way.read, threading.Barrier(CALLERS + 1)

    def call(key: str) -> object:
        gate.wait()
        read(key)
        gate.wait()
        for _ in range(each - 1):
            read(key)
        return read(key)

    calls = [threads.submit(call, key) for key in entrant.keys]
    gate.wait()
    gate.wait()
    started = time.perf_counter()
    values = [done.result() for done in calls]
    entrant.timings.rate.append(CALLERS * each / (time.perf_counter() - started))
    for value in values:
        check(entrant.way, value)


async def async_crowd(entrant: Entrant[Awaitable[object]], each: int) -> None:
    """Time *each* calls of each of fifty tasks, once all are connected."""
    read = entrant.way.read

    async def call(key: str) -> object:
        for _ in range(each - 1):
            await read(key)
        return await read(key)

    await asyncio.gather(*map(read, entrant.keys))
    started = time.perf_counter()
    values = await asyncio.gather(*map(call, entrant.keys))
    entrant.timings.rate.append(CALLERS * each / (time.perf_counter() - started))
    for value in values:
        check(entrant.way, value)


def check(way: Way[Reply], value: object) -> None:
    """Refuse to measure a wrong answer."""
    if value != way.expected:
        raise AssertionError(f"{way.name} returned {value!r}")
