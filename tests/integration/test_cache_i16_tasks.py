"""I16: when nothing is loaded, nothing is left of it; test_cache_i07_threads.py does the same for threads."""

from __future__ import annotations

import asyncio

from modkit_redis import AsyncRedisBundle
from tests.crews import AsyncJob, AsyncSource, async_pass_time, async_until


async def test_i16_nothing_renews_a_lease_when_its_load_has_ended(addr: str, prefix: str) -> None:
    cache = {"default_ttl": "60s", "lease": "300ms"}
    bundle = AsyncRedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache})
    store, source, renewed = bundle.cache.store(), AsyncSource("new", held=1), list[str]()
    renew = store._loads._leads._heart._renew

    async def noted(name: str, token: bytes) -> bool:
        renewed.append(name)
        await renew(name, token)
        return True

    store._loads._leads._heart._renew = noted
    job = AsyncJob(lambda: store.get_or_set("k", source.load))
    await source.begun[0].wait()
    await async_until(lambda: bool(renewed), "the lease is renewed")
    source.gates[0].open()
    await job.result()
    await store.get_or_set("short", source.load)
    renewed.clear()

    await async_pass_time(0.3)

    assert renewed == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await bundle.shutdown_resources()
