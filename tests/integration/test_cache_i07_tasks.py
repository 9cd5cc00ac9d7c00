"""I7: cancelling any callers fails no other, and leaves neither a task nor a lease behind.

test_cache_i07_threads.py says what interrupts do to threads, which cannot be cancelled.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis

from modkit_redis import AsyncRedisBundle
from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.contract import MISS
from tests.cache_keys import async_idle, leases
from tests.crews import AsyncGate, AsyncJob, AsyncSource, Told, async_pass_time, async_until
from tests.faults.proxy import Proxy


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def store(proxy: Proxy, prefix: str, told: Told) -> AsyncIterator[AsyncRedisCacheStore]:
    cache = {"default_ttl": "60s", "lease": "60s", "stale_for": "60s"}
    bundle = AsyncRedisBundle(
        config={"addr": proxy.addr, "key_prefix": prefix, "cache": cache}, cache_events=told
    )
    before = asyncio.all_tasks()
    store: AsyncRedisCacheStore = bundle.cache.store()
    yield store
    await async_idle(store)
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}
    await bundle.shutdown_resources()


def asking(store: AsyncRedisCacheStore, source: AsyncSource) -> AsyncJob[object]:
    return AsyncJob(lambda: store.get_or_set("k", source.load))


async def test_i07_cancelling_any_of_the_callers_fails_no_other(
    store: AsyncRedisCacheStore, told: Told, chance: random.Random
) -> None:
    for _ in range(40):
        await store.delete("k")
        told.clear()
        source = AsyncSource("new", held=1)
        jobs = [asking(store, source) for _ in range(chance.randint(2, 6))]
        await source.begun[0].wait()
        await async_until(lambda: told.times("miss") == len(jobs), "all wait")  # noqa: B023  # it is called at once
        cancelled = chance.sample(jobs, chance.randrange(1, len(jobs)))

        for job in cancelled:
            job.task.cancel()
        await asyncio.wait([job.task for job in cancelled])
        source.gates[0].open()

        assert all(job.task.cancelled() for job in cancelled)
        assert {await job.result() for job in jobs if job not in cancelled} == {"new"}
        assert source.loads == 1


async def test_i07_when_nobody_waits_any_more_the_load_is_cancelled_and_its_lease_freed(
    store: AsyncRedisCacheStore, told: Told, admin: redis.Redis, prefix: str
) -> None:
    source = AsyncSource("new", held=1)
    jobs = [asking(store, source) for _ in range(3)]
    await source.begun[0].wait()
    await async_until(lambda: told.times("miss") == 3, "all wait")

    for job in jobs:
        job.task.cancel()
    await asyncio.wait([job.task for job in jobs])
    await async_until(lambda: not source.running, "the load is cancelled")
    await async_idle(store)

    assert all(job.task.cancelled() for job in jobs)
    assert admin.exists(f"{prefix}:cache:k") == 0
    assert await store.get_or_set("k", source.load) == "new"
    assert source.loads == 2


async def test_i07_who_comes_while_an_abandoned_load_ends_loads_anew(
    store: AsyncRedisCacheStore, prefix: str
) -> None:
    ending = AsyncGate()
    begun = AsyncGate()

    async def stubborn() -> object:
        begun.open()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.shield(ending.wait())
        return "old"

    job = AsyncJob(lambda: store.get_or_set("k", stubborn))
    await begun.wait()
    job.task.cancel()
    await asyncio.wait([job.task])
    source = AsyncSource("new")
    another = asking(store, source)
    await async_pass_time()
    assert not another.is_done  # it waits for the lease
    ending.open()

    assert await another.result() == "new"
    assert source.loads == 1


async def test_i07_a_refresh_goes_on_when_who_caused_it_is_cancelled(
    store: AsyncRedisCacheStore, told: Told
) -> None:
    source = AsyncSource("new", held=1)
    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)

    async def ask_and_stay() -> None:
        assert await store.get_or_set("k", source.load) == "first"
        await asyncio.Event().wait()

    job = AsyncJob(ask_and_stay)
    await source.begun[0].wait()
    job.task.cancel()
    await asyncio.wait([job.task])
    joined = AsyncJob(lambda: store.get_or_set("k", source.load, stale_for=0))
    await async_until(lambda: told.times("miss") == 1, "it waits for the refresh")
    joined.task.cancel()
    await asyncio.wait([joined.task])
    source.gates[0].open()
    await async_idle(store)

    assert await store.get("k") == "new"
    assert source.loads == 1


async def test_i07_a_load_that_is_waited_for_is_not_made_a_refresh_by_who_finds_an_old_value(
    store: AsyncRedisCacheStore, admin: redis.Redis, prefix: str
) -> None:
    source = AsyncSource("new", held=1)
    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)
    job = AsyncJob(lambda: store.get_or_set("k", source.load, stale_for=0))
    await source.begun[0].wait()
    assert await store.get_or_set("k", source.load) == "first"

    job.task.cancel()
    await async_until(lambda: not source.running, "the load is cancelled")
    await async_idle(store)

    assert source.loads == 1
    assert leases(admin, prefix) == []


async def test_i07_a_loader_that_was_cancelled_from_within_is_repeated_for_the_others(
    store: AsyncRedisCacheStore, told: Told
) -> None:
    source = AsyncSource("new", held=1)
    source.fails = asyncio.CancelledError()
    first = asking(store, source)
    await source.begun[0].wait()
    second = asking(store, source)
    await async_until(lambda: told.times("miss") == 2, "both wait")
    source.fails = None

    source.gates[0].open()

    with pytest.raises(asyncio.CancelledError):
        await first.result()
    assert await second.result() == "new"
    assert source.loads == 2


@pytest.mark.parametrize("is_stale", [False, True], ids=["", "stale"])
async def test_i07_wherever_a_call_is_cancelled_no_lease_is_left(
    store: AsyncRedisCacheStore,
    proxy: Proxy,
    admin: redis.Redis,
    prefix: str,
    chance: random.Random,
    is_stale: bool,
) -> None:
    proxy.delay, name = 0.004, f"{prefix}:cache:k"
    left: list[float] = []
    for _ in range(40):
        await store.delete("k")
        if is_stale:
            await store.set("k", "first", ttl=0.001)
        after = chance.random() * 0.02
        job = AsyncJob(lambda: store.get_or_set("k", AsyncSource("new").load, stale_for=0))
        done, _ = await asyncio.wait([job.task], timeout=after)
        if not done:
            job.task.cancel()
            await asyncio.wait([job.task])
        await async_idle(store)
        if leases(admin, prefix):
            left.append(after)

    assert left == []
    proxy.delay = 0
    admin.delete(name)
    assert await store.get("k") is MISS


async def test_i07_a_call_that_is_cancelled_before_its_value_could_be_sent_leaves_no_lease(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    cache = {"default_ttl": "60s", "lease": "60s"}
    config = {"addr": addr, "key_prefix": prefix, "pool_size": 1, "cache": cache}
    bundle = AsyncRedisBundle(config=config)
    pool, store = bundle.client().connection_pool, bundle.cache.store()
    loaded = AsyncGate()
    taken: list[Any] = []

    async def take_the_connection() -> object:
        taken.append(await pool.get_connection())
        loaded.open()
        return "new"

    job = AsyncJob(lambda: store.get_or_set("k", take_the_connection))
    await loaded.wait()
    await async_pass_time()
    job.task.cancel()
    await asyncio.wait([job.task])
    await pool.release(taken[0])
    await async_idle(store)

    assert leases(admin, prefix) == []
    await bundle.shutdown_resources()
