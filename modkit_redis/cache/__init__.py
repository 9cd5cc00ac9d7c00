"""The cache module, its settings and its store."""

from modkit_redis.cache._async import AsyncRedisCacheStore
from modkit_redis.cache._sync import RedisCacheStore
from modkit_redis.cache.config import CacheSettings
from modkit_redis.cache.decorator import cached
from modkit_redis.cache.module import AsyncCacheModule, CacheModule

__all__ = [
    "AsyncCacheModule",
    "AsyncRedisCacheStore",
    "CacheModule",
    "CacheSettings",
    "RedisCacheStore",
    "cached",
]
