"""Many who want the same few slots, in several processes of both worlds; some hold theirs for long."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any, Final

import redis

from modkit_redis.contract import LimitExceededError, Slots
from tests.limiters import AsyncLimiters, Limiters
from tests.support import stock_client

SLOTS: Final = Slots(3, "jobs", lease=timedelta(seconds=1))
CALLERS: Final = 4
LONGER: Final = 1.3
"""Seconds for which some hold a slot: longer than its lease."""


@dataclass(frozen=True)
class Witness:
    """What is known of who is busy, beside the limiter.

    Attributes:
        addr: Of the server.
        prefix: Of the keys.
        seed: Of what is left to chance.
    """

    addr: str
    prefix: str
    seed: int

    @property
    def busy(self) -> str:
        return f"{self.prefix}:busy"

    @property
    def seen(self) -> str:
        return f"{self.prefix}:seen"

    @property
    def over(self) -> str:
        return f"{self.prefix}:over"

    def enter(self, admin: redis.Redis, who: str) -> None:
        """Note that *who* is busy, and how many are."""
        pipeline = admin.pipeline(transaction=True)
        pipeline.sadd(self.busy, who)
        pipeline.scard(self.busy)
        admin.hincrby(self.seen, str(pipeline.execute()[1]), 1)

    def leave(self, admin: redis.Redis, who: str) -> None:
        """Note that he is not."""
        admin.srem(self.busy, who)

    def clear(self, admin: redis.Redis, pid: int) -> int:
        """Forget all of a process that is dead, and return how many there were."""
        dead = [each for each in self.members(admin) if each.startswith(f"{pid}-")]
        return int(admin.srem(self.busy, *dead)) if dead else 0

    def members(self, admin: redis.Redis) -> list[str]:
        """Return who is busy."""
        found: Any = admin.smembers(self.busy)
        return [each.decode() for each in found]

    def most(self, admin: redis.Redis) -> int:
        """Return how many were busy at the same time at most."""
        found: Any = admin.hkeys(self.seen)
        return max(map(int, found), default=0)

    def entered(self, admin: redis.Redis) -> int:
        """Return how often somebody was."""
        found: Any = admin.hvals(self.seen)
        return sum(map(int, found))


def begin(witness: Witness, number: int) -> BaseProcess:
    """Begin a process that works until it is told that it is over, or is killed."""
    work = _work_in_tasks if number % 2 else _work_in_threads
    process = get_context("spawn").Process(target=work, args=(witness, number), daemon=True)
    process.start()
    return process


def _times(witness: Witness, number: int, caller: int) -> Callable[[], float]:
    chance = random.Random(witness.seed + 100 * number + caller)
    return lambda: LONGER if chance.random() < 0.05 else chance.random() * 0.02


def _work_in_threads(witness: Witness, number: int) -> None:
    limiters = Limiters()
    store = limiters.open(witness.addr, witness.prefix)

    def call(caller: int) -> None:
        who, seconds = f"{os.getpid()}-{caller}", _times(witness, number, caller)
        with stock_client(witness.addr) as admin:
            while not admin.exists(witness.over):
                try:
                    with store.hold("all", SLOTS):
                        witness.enter(admin, who)
                        time.sleep(seconds())
                        witness.leave(admin, who)
                except LimitExceededError:
                    time.sleep(0.005)

    with ThreadPoolExecutor(CALLERS) as threads:
        list(threads.map(call, range(CALLERS)))
    limiters.close()


def _work_in_tasks(witness: Witness, number: int) -> None:
    asyncio.run(_work(witness, number))


async def _work(witness: Witness, number: int) -> None:
    limiters = AsyncLimiters()
    store = limiters.open(witness.addr, witness.prefix)

    async def call(caller: int) -> None:
        who, seconds = f"{os.getpid()}-{caller}", _times(witness, number, caller)
        with stock_client(witness.addr) as admin:
            while not admin.exists(witness.over):
                try:
                    async with store.hold("all", SLOTS):
                        witness.enter(admin, who)
                        await asyncio.sleep(seconds())
                        witness.leave(admin, who)
                except LimitExceededError:
                    await asyncio.sleep(0.005)

    await asyncio.gather(*(call(caller) for caller in range(CALLERS)))
    await limiters.aclose()
