"""The contenders in sync code: redis-py, our cache, dogpile.cache."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import redis

from benchmarks.cache.contender import ENCODED, TTL_S, VALUE, Contender, no_hit
from benchmarks.installed import endpoint
from benchmarks.timing import Way
from modkit_redis import RedisBundle


class RedisPy:
    """Bare redis-py: the yardstick, and the same with the decoding by hand."""

    distribution: ClassVar[str] = "redis"
    configured: ClassVar[str] = "redis.Redis(host, port)"
    protection: ClassVar[str] = ""

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.Redis(host=host, port=port)

    @property
    def ways(self) -> Sequence[Way[object]]:
        """The bytes, and the value."""
        return Way("GET", self._client.get, ENCODED), Way("GET + json.loads", self._get, VALUE)

    def _get(self, key: str) -> object:
        return json.loads(self._client.get(key) or b"")

    def store(self, key: str) -> None:
        """Store compact JSON."""
        self._client.set(key, ENCODED, ex=TTL_S)

    def load(self, key: str, loader: Callable[[], object]) -> object:
        """It is no cache."""
        raise NotImplementedError

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


class Ours:
    """modkit-redis."""

    distribution: ClassVar[str] = "modkit-redis"
    configured: ClassVar[str] = "RedisBundle, defaults: JSON, lease 5 s; and again with stale_for"
    protection: ClassVar[str] = "get_or_set"

    def __init__(self, addr: str) -> None:
        cache = {"default_ttl": f"{TTL_S}s"}
        graceful = {**cache, "stale_for": f"{TTL_S}s"}
        self._bundle = RedisBundle(config={"addr": addr, "cache": cache})
        self._graceful = RedisBundle(config={"addr": addr, "key_prefix": "grace", "cache": graceful})
        self._store, self._keeping = self._bundle.cache.store(), self._graceful.cache.store()

    @property
    def ways(self) -> Sequence[Way[object]]:
        """Without and with a loader at hand; and where values are kept beyond their TTL."""
        store, keeping = self._store, self._keeping
        return (
            Way("get", store.get, VALUE),
            Way("get_or_set", lambda key: store.get_or_set(key, no_hit), VALUE),
            Way("get_or_set, stale_for", lambda key: keeping.get_or_set(key, no_hit), VALUE),
        )

    def store(self, key: str) -> None:
        """Store the value."""
        self._store.set(key, VALUE)
        self._keeping.set(key, VALUE)

    def load(self, key: str, loader: Callable[[], object]) -> object:
        """Get or load it."""
        return self._store.get_or_set(key, loader)

    def close(self) -> None:
        """Close its connections."""
        self._bundle.shutdown_resources()
        self._graceful.shutdown_resources()


class Dogpile:
    """dogpile.cache."""

    distribution: ClassVar[str] = "dogpile.cache"
    configured: ClassVar[str] = (
        "dogpile.cache.redis as in its documentation; pickle, its default; lock_sleep 20 ms, as a "
        "stampede takes longer with 100 ms, its default, and less than 10 ms"
    )
    protection: ClassVar[str] = "get_or_create, distributed_lock=True"

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        region: Any = importlib.import_module("dogpile.cache").make_region()
        self._region = region.configure(
            "dogpile.cache.redis",
            expiration_time=TTL_S,
            arguments={
                "host": host,
                "port": port,
                "redis_expiration_time": 2 * TTL_S,  # it has to be longer than the region's own
                "distributed_lock": True,
                "thread_local_lock": False,
                "lock_timeout": 5,  # without one, a crash holds the lock for ever
                "lock_sleep": 0.02,
            },
        )

    @property
    def ways(self) -> Sequence[Way[object]]:
        """Without and with a loader at hand; the lock is taken only after a miss."""
        region = self._region
        return (
            Way("get", region.get, VALUE),
            Way("get_or_create", lambda key: region.get_or_create(key, no_hit), VALUE),
        )

    def store(self, key: str) -> None:
        """Store the value."""
        self._region.set(key, VALUE)

    def load(self, key: str, loader: Callable[[], object]) -> object:
        """Get or load it."""
        return self._region.get_or_create(key, loader)

    def close(self) -> None:
        """Close its connections."""
        self._region.backend.writer_client.close()


CONTENDERS: tuple[type[Contender], ...] = (RedisPy, Ours, Dogpile)
