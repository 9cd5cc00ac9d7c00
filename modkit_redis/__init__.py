"""First-class Redis for applications built on dependency-injector."""

from modkit_redis.bundle import AsyncRedisBundle, BundleSettings, RedisBundle
from modkit_redis.cache import AsyncCacheModule, CacheModule, CacheSettings, cached
from modkit_redis.client import AsyncRedisModule, RedisModule, RedisSettings
from modkit_redis.kernel import OrderedResource, check_wiring, mount, wire_strict

__all__ = [
    "AsyncCacheModule",
    "AsyncRedisBundle",
    "AsyncRedisModule",
    "BundleSettings",
    "CacheModule",
    "CacheSettings",
    "OrderedResource",
    "RedisBundle",
    "RedisModule",
    "RedisSettings",
    "cached",
    "check_wiring",
    "mount",
    "wire_strict",
]
