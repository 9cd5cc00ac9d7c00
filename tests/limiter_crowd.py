"""Many who hit one limit at once, from several processes of both worlds."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Final

from modkit_redis.contract import Decision
from tests.limiters import AsyncLimiters, Clock, Limiters
from tests.support import stock_client

PROCESSES: Final = 4
CALLERS: Final = 8
AFTER_OUTAGE: Final = 0.02
"""Seconds until a caller goes on, or all of them would be done before a server is back."""


@dataclass(frozen=True)
class Crowd:
    """What a process is to do.

    Attributes:
        addr: Of the server.
        prefix: Of the keys.
        algorithm: How the limit is counted.
        limit: The limit.
        hits: How often each caller hits it.
        number: Which process it is.
        is_timed: Whether the scripts see the real time.
    """

    addr: str
    prefix: str
    algorithm: str
    limit: str
    hits: int
    number: int = 0
    is_timed: bool = False


def outcome(decision: Decision) -> str:
    """Return what came of a hit."""
    return "degraded" if decision.degraded else "admitted" if decision else "refused"


def run(crowd: Crowd) -> Counter[str]:
    """Do it, in one of the worlds."""
    return asyncio.run(_run_tasks(crowd)) if crowd.number % 2 else _run_threads(crowd)


def _meet(crowd: Crowd) -> None:
    with stock_client(crowd.addr) as admin:
        ready = f"{crowd.prefix}:ready"
        admin.incr(ready)
        over = time.monotonic() + 20
        while int(admin.get(ready) or PROCESSES) < PROCESSES and time.monotonic() < over:
            time.sleep(0.002)


def _run_threads(crowd: Crowd) -> Counter[str]:
    limiters = Limiters()
    clock = None if crowd.is_timed else Clock()
    store = limiters.open(crowd.addr, crowd.prefix, clock=clock, algorithm=crowd.algorithm, breaker="1ms")

    def call(_: int) -> Counter[str]:
        found = Counter[str]()
        for _ in range(crowd.hits):
            decision = store.hit("ann", limit=crowd.limit)
            found[outcome(decision)] += 1
            if decision.degraded:
                time.sleep(AFTER_OUTAGE)
        return found

    try:
        _meet(crowd)
        with ThreadPoolExecutor(CALLERS) as threads:
            return sum(threads.map(call, range(CALLERS)), Counter())
    finally:
        limiters.close()


async def _run_tasks(crowd: Crowd) -> Counter[str]:
    limiters = AsyncLimiters()
    clock = None if crowd.is_timed else Clock()
    store = limiters.open(crowd.addr, crowd.prefix, clock=clock, algorithm=crowd.algorithm, breaker="1ms")

    async def call() -> Counter[str]:
        found = Counter[str]()
        for _ in range(crowd.hits):
            decision = await store.hit("ann", limit=crowd.limit)
            found[outcome(decision)] += 1
            if decision.degraded:
                await asyncio.sleep(AFTER_OUTAGE)
        return found

    try:
        await asyncio.to_thread(_meet, crowd)
        return sum(await asyncio.gather(*(call() for _ in range(CALLERS))), Counter())
    finally:
        await limiters.aclose()


@contextmanager
def crowds(crowd: Crowd) -> Iterator[list[Counter[str]]]:
    """Begin it in all processes; at the end of the block, the list holds what came of it in each."""
    found: list[Counter[str]] = []
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as workers:
        running = [workers.submit(run, replace(crowd, number=number)) for number in range(PROCESSES)]
        yield found
        found += [each.result(60) for each in running]
