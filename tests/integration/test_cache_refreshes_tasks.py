"""Refreshes that outlast the drain are cancelled; in test_cache_refreshes_threads.py they cannot be."""

from __future__ import annotations

import asyncio

import redis

from modkit_redis import AsyncRedisBundle
from tests.cache_keys import async_idle, leases
from tests.crews import AsyncSource, async_pass_time
from tests.timing import lasting


async def test_refreshes_that_do_not_end_in_time_are_cancelled_and_free_their_leases(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    cache = {"default_ttl": "60s", "stale_for": "60s", "lease": "60s", "drain_timeout": "200ms"}
    bundle = AsyncRedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache})
    store, source = bundle.cache.store(), AsyncSource("new", held=3)
    before = asyncio.all_tasks()
    await store.set_many(dict.fromkeys("abc", "first"), ttl=0.02)
    await async_pass_time(0.03)
    for number, key in enumerate("abc"):
        assert await store.get_or_set(key, source.load) == "first"
        await source.begun[number].wait()

    with lasting(0.2):
        await bundle.shutdown_resources()

    assert source.running == 0
    assert leases(admin, prefix) == []
    await async_idle(store)
    assert asyncio.all_tasks() == before


async def test_a_shutdown_that_is_cancelled_cancels_the_refreshes_at_once(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    cache = {"default_ttl": "60s", "stale_for": "60s", "lease": "60s", "drain_timeout": "60s"}
    bundle = AsyncRedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache})
    store, source = bundle.cache.store(), AsyncSource("new", held=1)
    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)
    assert await store.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()

    ending = asyncio.ensure_future(bundle.shutdown_resources())
    await async_pass_time()
    ending.cancel()
    await asyncio.wait([ending])

    await async_idle(store)
    assert source.running == 0
    await bundle.shutdown_resources()
