"""The contenders with asyncio: redis-py, our cache, and the peers."""

from __future__ import annotations

import json
from typing import ClassVar

import redis.asyncio

from benchmarks.cache.async_peers import Aiocache, Cashews, FastapiRedisSdk, Loader, Ways
from benchmarks.cache.contender import ENCODED, TTL_S, VALUE, AsyncContender, async_no_hit
from benchmarks.installed import endpoint
from benchmarks.timing import Way
from modkit_redis import AsyncRedisBundle


class RedisPy:
    """Bare redis-py: the yardstick, and the same with the decoding by hand."""

    distribution: ClassVar[str] = "redis"
    configured: ClassVar[str] = "redis.asyncio.Redis(host, port)"
    protection: ClassVar[str] = ""

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.asyncio.Redis(host=host, port=port)

    @property
    def ways(self) -> Ways:
        """The bytes, and the value."""
        return Way("GET", self._client.get, ENCODED), Way("GET + json.loads", self._get, VALUE)

    async def _get(self, key: str) -> object:
        return json.loads(await self._client.get(key) or b"")

    async def store(self, key: str) -> None:
        """Store compact JSON."""
        await self._client.set(key, ENCODED, ex=TTL_S)

    async def load(self, key: str, loader: Loader) -> object:
        """It is no cache."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()


class Ours:
    """modkit-redis."""

    distribution: ClassVar[str] = "modkit-redis"
    configured: ClassVar[str] = "AsyncRedisBundle, defaults: JSON, lease 5 s; and again with stale_for"
    protection: ClassVar[str] = "get_or_set"

    def __init__(self, addr: str) -> None:
        cache = {"default_ttl": f"{TTL_S}s"}
        graceful = {**cache, "stale_for": f"{TTL_S}s"}
        self._bundle = AsyncRedisBundle(config={"addr": addr, "cache": cache})
        self._graceful = AsyncRedisBundle(config={"addr": addr, "key_prefix": "grace", "cache": graceful})
        self._store, self._keeping = self._bundle.cache.store(), self._graceful.cache.store()

    @property
    def ways(self) -> Ways:
        """Without and with a loader at hand; and where values are kept beyond their TTL."""
        store, keeping = self._store, self._keeping
        return (
            Way("get", store.get, VALUE),
            Way("get_or_set", lambda key: store.get_or_set(key, async_no_hit), VALUE),
            Way("get_or_set, stale_for", lambda key: keeping.get_or_set(key, async_no_hit), VALUE),
        )

    async def store(self, key: str) -> None:
        """Store the value."""
        await self._store.set(key, VALUE)
        await self._keeping.set(key, VALUE)

    async def load(self, key: str, loader: Loader) -> object:
        """Get or load it."""
        return await self._store.get_or_set(key, loader)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._bundle.shutdown_resources()
        await self._graceful.shutdown_resources()


CONTENDERS: tuple[type[AsyncContender], ...] = (RedisPy, Ours, Cashews, Aiocache, FastapiRedisSdk)
