"""The peers with asyncio: cashews, aiocache, fastapi-redis-sdk; they need not be installed."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

import redis.asyncio

from benchmarks.cache.contender import TTL_S, VALUE, async_no_hit
from benchmarks.installed import endpoint
from benchmarks.timing import Way

Ways = Sequence[Way[Awaitable[object]]]
Loader = Callable[[], Awaitable[object]]


class Cashews:
    """cashews."""

    distribution: ClassVar[str] = "cashews"
    configured: ClassVar[str] = (
        "setup('redis://…', max_connections=100), as its default of 10 is slower for 50 callers; pickle, its "
        "default; no client_side cache, which does not ask Redis; @cache(lock=True) locks for hits, too"
    )
    protection: ClassVar[str] = "@cache(lock=True)"

    def __init__(self, addr: str) -> None:
        self._cache: Any = importlib.import_module("cashews").Cache()
        self._cache.setup(f"redis://{addr}", max_connections=100)

        async def load(key: str, loader: Loader) -> object:  # `key` is the template's
            return await loader()

        self._cached: Any = self._cache(ttl=TTL_S, key="{key}")(load)
        self._locked: Any = self._cache(ttl=TTL_S, key="{key}", lock=True)(load)
        self._early: Any = self._cache.early(ttl=2 * TTL_S, early_ttl=TTL_S, key="{key}")(load)

    @property
    def ways(self) -> Ways:
        """By key, and by a cached function: plain, locked, and with values kept beyond their time."""
        return (
            Way("get", self._cache.get, VALUE),
            Way("@cache", lambda key: self._cached(key, async_no_hit), VALUE),
            Way("@cache(lock=True)", lambda key: self._locked(key, async_no_hit), VALUE),
            Way("@early", lambda key: self._early(key, async_no_hit), VALUE),
        )

    async def store(self, key: str) -> None:
        """Store the value, and again as @early does."""

        async def load() -> object:
            return VALUE

        await self._cache.set(key, VALUE, expire=TTL_S)
        await self._early(key, load)

    async def load(self, key: str, loader: Loader) -> object:
        """Get or load it."""
        return await self._locked(key, loader)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._cache.close()


class Aiocache:
    """aiocache."""

    distribution: ClassVar[str] = "aiocache"
    configured: ClassVar[str] = "Cache.REDIS, defaults: JSON, timeout 5 s, lease 2 s"
    protection: ClassVar[str] = "@cached_stampede (RedLock)"

    def __init__(self, addr: str) -> None:
        module: Any = importlib.import_module("aiocache")
        host, port = endpoint(addr)

        async def load(key: str, loader: Loader) -> object:
            return await loader()

        decorated = module.cached_stampede(
            ttl=TTL_S,
            key_builder=lambda _function, key, _loader: key,
            cache=module.Cache.REDIS,
            endpoint=host,
            port=port,
        )
        self._cached: Any = decorated(load)
        self._cache: Any = self._cached.cache

    @property
    def ways(self) -> Ways:
        """By key, and by a cached function; the lock is taken only after a miss."""
        return (
            Way("get", self._cache.get, VALUE),
            Way("@cached_stampede", lambda key: self._cached(key, async_no_hit), VALUE),
        )

    async def store(self, key: str) -> None:
        """Store the value."""
        await self._cache.set(key, VALUE, ttl=TTL_S)

    async def load(self, key: str, loader: Loader) -> object:
        """Get or load it."""
        return await self._cached(key, loader)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._cache.close()


class FastapiRedisSdk:
    """fastapi-redis-sdk, without FastAPI around it."""

    distribution: ClassVar[str] = "fastapi-redis-sdk"
    configured: ClassVar[str] = (
        "CacheBackend(redis.asyncio.Redis(…)); JSON, its default; its other half, Depends(cache()), answers "
        "whole HTTP requests, and its latency is FastAPI's"
    )
    protection: ClassVar[str] = "none: get, load, set as its guide says"

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.asyncio.Redis(host=host, port=port)
        self._backend: Any = importlib.import_module("redis_fastapi").CacheBackend(self._client)

    @property
    def ways(self) -> Ways:
        """By key."""
        return (Way("get", self._backend.get, VALUE),)

    async def store(self, key: str) -> None:
        """Store the value."""
        await self._backend.set(key, VALUE, ttl=TTL_S)

    async def load(self, key: str, loader: Loader) -> object:
        """Get or load it; nobody waits for anybody."""
        found: object = await self._backend.get(key)
        if found is None:
            found = await loader()
            await self._backend.set(key, found, ttl=TTL_S)
        return found

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()
