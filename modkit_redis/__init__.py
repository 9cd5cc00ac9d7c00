"""First-class Redis for applications built on dependency-injector."""

from modkit_redis.bundle import AsyncRedisBundle, BundleSettings, RedisBundle
from modkit_redis.cache import AsyncCacheModule, CacheModule, CacheSettings, cached
from modkit_redis.client import AsyncRedisModule, RedisModule, RedisSettings
from modkit_redis.kernel import OrderedResource, check_wiring, mount, wire_strict
from modkit_redis.ratelimit import AsyncRateLimitModule, RateLimitModule, RateLimitSettings, limited
from modkit_redis.session import AsyncSessionModule, SessionModule, SessionSettings

__all__ = [
    "AsyncCacheModule",
    "AsyncRateLimitModule",
    "AsyncRedisBundle",
    "AsyncRedisModule",
    "AsyncSessionModule",
    "BundleSettings",
    "CacheModule",
    "CacheSettings",
    "OrderedResource",
    "RateLimitModule",
    "RateLimitSettings",
    "RedisBundle",
    "RedisModule",
    "RedisSettings",
    "SessionModule",
    "SessionSettings",
    "cached",
    "check_wiring",
    "limited",
    "mount",
    "wire_strict",
]
