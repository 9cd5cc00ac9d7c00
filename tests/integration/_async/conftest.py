"""Clients and stores that are closed in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisBundle, AsyncRedisModule
from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.contract import CacheEvents
from tests.cache_keys import async_idle


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., redis.asyncio.Redis]]:
    """Return the client of a new module for an address and other settings; closed in the end."""
    modules: list[AsyncRedisModule] = []

    def connect(addr: str, **settings: object) -> redis.asyncio.Redis:
        modules.append(AsyncRedisModule(config={"addr": addr, **settings}))
        return modules[-1].client()

    yield connect
    for module in modules:
        await module.shutdown_resources()


@pytest.fixture
async def new_store(addr: str, prefix: str) -> AsyncIterator[Callable[..., AsyncRedisCacheStore]]:
    """Return the store of a new bundle, which knows of others no more than one in another process would."""
    bundles: list[AsyncRedisBundle] = []
    there = addr

    def new_store(
        *, addr: str = there, events: CacheEvents | None = None, key_prefix: str = prefix, **settings: object
    ) -> AsyncRedisCacheStore:
        config = {
            "addr": addr,
            "key_prefix": key_prefix,
            "client_name": prefix,
            "cache": {"default_ttl": "60s", **settings},
        }
        bundles.append(AsyncRedisBundle(config=config, cache_events=events))
        store: AsyncRedisCacheStore = bundles[-1].cache.store()
        return store

    yield new_store
    for bundle in bundles:
        await async_idle(bundle.cache.store())  # I16, whatever the test was about
        await bundle.shutdown_resources()
