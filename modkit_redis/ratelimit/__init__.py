"""The rate-limit module, its settings and its store."""

from modkit_redis.ratelimit._async import AsyncRedisRateLimitStore
from modkit_redis.ratelimit._sync import RedisRateLimitStore
from modkit_redis.ratelimit.config import RateLimitSettings
from modkit_redis.ratelimit.decorator import limited
from modkit_redis.ratelimit.module import AsyncRateLimitModule, RateLimitModule

__all__ = [
    "AsyncRateLimitModule",
    "AsyncRedisRateLimitStore",
    "RateLimitModule",
    "RateLimitSettings",
    "RedisRateLimitStore",
    "limited",
]
