"""Random load on a cache from several processes of both worlds, and the oracle that judges what they read.

There is a counter for each key, the truth. Whoever writes counts up, invalidates what is cached, and only
then says that it is done; whoever reads first asks what is done, and must not get less. A key has one writer.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final

from modkit_redis import AsyncRedisBundle, RedisBundle
from modkit_redis.contract import MISS
from tests.cache_keys import async_idle, idle
from tests.cache_mutants import mutated
from tests.capability import stock_async_client
from tests.support import stock_client

KEYS: Final = ("a", "b", "c", "d")
_READERS: Final = 5


@dataclass(frozen=True)
class Plan:
    """What one process does.

    Attributes:
        addr: The server.
        prefix: Of the cache's keys and, with ``:x``, of the truth.
        seed: Of all randomness.
        seconds: For how long.
        ways: How values are invalidated: ``delete``, ``set``, ``clear``, or ``stock`` for a stock client.
        settings: Of the cache.
        mutant: What is broken: ``unfenced``, ``followers`` or nothing. A wrong value ends the run.
        trouble: Whether loads fail and tasks are cancelled at random.
        number: Which of the processes this is; odd ones are asynchronous.
        among: How many there are.
    """

    addr: str
    prefix: str
    seed: int
    seconds: float
    ways: tuple[str, ...]
    settings: dict[str, object] = field(default_factory=dict)
    mutant: str = ""
    trouble: bool = False
    number: int = 0
    among: int = 1

    @property
    def config(self) -> dict[str, object]:
        cache = {"default_ttl": "60s", **self.settings}
        return {"addr": self.addr, "key_prefix": self.prefix, "pool_size": 20, "cache": cache}

    @property
    def mine(self) -> tuple[str, ...]:
        """The keys that this process writes."""
        return KEYS[self.number :: self.among] if self.ways else ()

    def name(self, kind: str, key: str = "") -> str:
        return f"{self.prefix}:x:{kind}:{key}"

    def chances(self) -> list[random.Random]:
        return [random.Random(f"{self.seed}/{self.number}/{each}") for each in range(_READERS + 1)]


class BrokenError(Exception):
    """The truth cannot be asked for now."""


@dataclass
class Report:
    """What happened in one process.

    Attributes:
        reads: How many values were read.
        loads: How many were loaded.
        writes: How many were invalidated.
        wrong: What must not happen.
    """

    reads: int = 0
    loads: int = 0
    writes: int = 0
    wrong: list[str] = field(default_factory=list)

    def judge(self, value: object, done: Any, key: str) -> None:
        self.reads += 1
        if value is not MISS and (not isinstance(value, int) or value < int(done or 0)):
            self.wrong.append(f"{key}: {value!r} was read when {int(done or 0)} was done")


def run(plan: Plan) -> Report:
    """Do what *plan* says."""
    with mutated(plan.mutant):
        return asyncio.run(_run_tasks(plan)) if plan.number % 2 else _run_threads(plan)


def run_all(workers: ProcessPoolExecutor, plan: Plan, among: int = 4) -> Report:
    """Do what *plan* says in so many processes at once, and return their reports as one."""
    print(f"seed {plan.seed}")  # noqa: T201  # pytest shows it when the test fails
    running = [workers.submit(run, replace(plan, number=number, among=among)) for number in range(among)]
    reports = [each.result(plan.seconds + 60) for each in running]
    wrong = [each for report in reports for each in report.wrong]
    reads, loads, writes = (sum(getattr(r, what) for r in reports) for what in ("reads", "loads", "writes"))
    return Report(reads, loads, writes, wrong)


def _run_threads(plan: Plan) -> Report:
    bundle, db, report = RedisBundle(config=plan.config), stock_client(plan.addr), Report()
    store, chances = bundle.cache.store(), plan.chances()

    def load(key: str, chance: random.Random) -> int:
        report.loads += 1
        alone = db.incr(plan.name("running", key))
        value = int(db.get(plan.name("db", key)) or 0)
        time.sleep(chance.random() * 0.004)
        db.decr(plan.name("running", key))
        if alone != 1 and not plan.ways:
            report.wrong.append(f"{key}: {alone} loads at once")
        if plan.trouble and chance.random() < 0.1:
            raise BrokenError
        return value

    def read(chance: random.Random) -> None:
        key = chance.choice(KEYS)
        done = db.get(plan.name("done", key))
        try:
            asked = chance.random() < 0.2
            value = store.get(key) if asked else store.get_or_set(key, lambda: load(key, chance))
        except BrokenError:
            return
        report.judge(value, done, key)

    def write(chance: random.Random) -> None:
        key, way = chance.choice(plan.mine), chance.choice(plan.ways)
        value = int(db.incr(plan.name("db", key)))
        if way == "delete":
            store.delete(key)
        elif way == "set":
            store.set(key, value)
        elif way == "clear":
            store.clear()
        else:
            db.unlink(f"{plan.prefix}:cache:{key}")
        db.set(plan.name("done", key), value)
        report.writes += 1
        time.sleep(chance.random() * 0.006)

    def repeat(act: Any, chance: random.Random) -> None:
        try:
            while time.monotonic() < end and not (plan.mutant and db.exists(plan.name("caught"))):
                act(chance)
                if plan.mutant and report.wrong:
                    db.set(plan.name("caught"), 1)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is wrong
            report.wrong.append(repr(error))

    db.incr(plan.name("ready"))
    while int(db.get(plan.name("ready")) or 0) < plan.among:
        time.sleep(0.002)
    end = time.monotonic() + plan.seconds
    acts = [*[read] * _READERS, *([write] if plan.mine else [])]
    threads = [threading.Thread(target=repeat, args=pair) for pair in zip(acts, chances, strict=False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    idle(store)
    bundle.shutdown_resources()
    db.close()
    return report


async def _run_tasks(plan: Plan) -> Report:
    bundle, db, report = AsyncRedisBundle(config=plan.config), stock_async_client(plan.addr), Report()
    store, chances = bundle.cache.store(), plan.chances()

    async def load(key: str, chance: random.Random) -> int:
        report.loads += 1
        alone = await db.incr(plan.name("running", key))
        value = int(await db.get(plan.name("db", key)) or 0)
        await asyncio.sleep(chance.random() * 0.004)
        await db.decr(plan.name("running", key))
        if alone != 1 and not plan.ways:
            report.wrong.append(f"{key}: {alone} loads at once")
        if plan.trouble and chance.random() < 0.1:
            raise BrokenError
        return value

    async def read(chance: random.Random) -> None:
        key = chance.choice(KEYS)
        done = await db.get(plan.name("done", key))
        try:
            async with asyncio.timeout(chance.random() * 0.01 if plan.trouble else None):
                if chance.random() < 0.2:
                    value = await store.get(key)
                else:
                    value = await store.get_or_set(key, lambda: load(key, chance))
        except (BrokenError, TimeoutError):
            return
        report.judge(value, done, key)

    async def write(chance: random.Random) -> None:
        key, way = chance.choice(plan.mine), chance.choice(plan.ways)
        value = int(await db.incr(plan.name("db", key)))
        if way == "delete":
            await store.delete(key)
        elif way == "set":
            await store.set(key, value)
        elif way == "clear":
            await store.clear()
        else:
            await db.unlink(f"{plan.prefix}:cache:{key}")
        await db.set(plan.name("done", key), value)
        report.writes += 1
        await asyncio.sleep(chance.random() * 0.006)

    async def repeat(act: Any, chance: random.Random) -> None:
        try:
            while time.monotonic() < end and not (plan.mutant and await db.exists(plan.name("caught"))):
                await act(chance)
                if plan.mutant and report.wrong:
                    await db.set(plan.name("caught"), 1)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is wrong
            report.wrong.append(repr(error))

    await db.incr(plan.name("ready"))
    while int(await db.get(plan.name("ready")) or 0) < plan.among:  # noqa: ASYNC110  # of other processes
        await asyncio.sleep(0.002)
    end = time.monotonic() + plan.seconds
    acts = [*[read] * _READERS, *([write] if plan.mine else [])]
    await asyncio.gather(*(repeat(*pair) for pair in zip(acts, chances, strict=False)))
    await async_idle(store)
    await bundle.shutdown_resources()
    await db.aclose()
    return report
