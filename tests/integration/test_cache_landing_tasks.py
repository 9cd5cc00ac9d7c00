"""Loads by tasks, which end whatever their loader does; see test_cache_landing_threads.py for threads."""

from __future__ import annotations

import asyncio

import pytest
import redis

from modkit_redis import AsyncRedisBundle
from modkit_redis.cache.loads import async_flights
from tests.cache_keys import async_idle, leases
from tests.crews import AsyncGate, AsyncJob, AsyncSource, async_pass_time
from tests.timing import lasting


class Stubborn:
    """A loader that goes on when it is cancelled, until its gate is opened.

    Attributes:
        begun: Opens as it begins.
        gate: Lets it end.
        cancelled: How often it was cancelled.
    """

    def __init__(self) -> None:
        self.begun, self.gate = AsyncGate(), AsyncGate()
        self.cancelled = 0

    async def load(self) -> str:
        self.begun.open()
        while not self.gate.is_open:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
        return "new"


def bundle_of(addr: str, prefix: str, **cache: object) -> AsyncRedisBundle:
    settings = {"default_ttl": "60s", "stale_for": "60s", "lease": "60s", **cache}
    return AsyncRedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": settings})


async def test_shutdown_does_not_wait_for_a_refresh_that_heeds_no_cancellation(
    addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert async_flights._LAST_WORDS == 1
    monkeypatch.setattr(async_flights, "_LAST_WORDS", 0.1)
    bundle, loader = bundle_of(addr, prefix, drain_timeout="50ms"), Stubborn()
    store = bundle.cache.store()
    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)
    assert await store.get_or_set("k", loader.load) == "first"
    await loader.begun.wait()

    with lasting(0.15):
        await bundle.shutdown_resources()

    assert loader.cancelled == 1
    loader.gate.open()
    await async_idle(store)


async def test_shutdown_waits_a_little_for_a_load_that_nobody_waits_for_any_more(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    bundle, loader = bundle_of(addr, prefix), Stubborn()
    store = bundle.cache.store()
    job = AsyncJob(lambda: store.get_or_set("k", loader.load))
    await loader.begun.wait()
    job.task.cancel()
    await asyncio.wait([job.task])

    ending = AsyncJob(bundle.shutdown_resources)
    await async_pass_time()
    assert not ending.is_done
    loader.gate.open()
    await ending.result()

    assert leases(admin, prefix) == []
    await async_idle(store)


async def test_shutdown_leaves_alone_a_load_that_somebody_waits_for(addr: str, prefix: str) -> None:
    bundle, source = bundle_of(addr, prefix), AsyncSource("new", held=1)
    store = bundle.cache.store()
    job = AsyncJob(lambda: store.get_or_set("k", source.load))
    await source.begun[0].wait()

    await store.aclose()

    assert not job.is_done
    source.gates[0].open()
    assert await job.result() == "new"
    await bundle.shutdown_resources()
