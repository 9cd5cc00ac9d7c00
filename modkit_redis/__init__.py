"""First-class Redis for applications built on dependency-injector."""

from modkit_redis.bundle import AsyncRedisBundle, BundleSettings, RedisBundle
from modkit_redis.cache import AsyncCacheModule, CacheModule, CacheSettings, cached
from modkit_redis.client import AsyncRedisModule, RedisModule, RedisSettings
from modkit_redis.kernel import OrderedResource, check_wiring, mount, wire_strict
from modkit_redis.session import AsyncSessionModule, SessionModule, SessionSettings

__all__ = [
    "AsyncCacheModule",
    "AsyncRedisBundle",
    "AsyncRedisModule",
    "AsyncSessionModule",
    "BundleSettings",
    "CacheModule",
    "CacheSettings",
    "OrderedResource",
    "RedisBundle",
    "RedisModule",
    "RedisSettings",
    "SessionModule",
    "SessionSettings",
    "cached",
    "check_wiring",
    "mount",
    "wire_strict",
]
