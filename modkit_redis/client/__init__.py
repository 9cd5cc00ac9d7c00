"""The base module, its settings and its client."""

from modkit_redis.client._async import AsyncRedisExecutor
from modkit_redis.client._sync import RedisExecutor
from modkit_redis.client.config import RedisSettings
from modkit_redis.client.executor import AsyncExecutor, Executor, Script
from modkit_redis.client.module import AsyncRedisModule, RedisModule

__all__ = [
    "AsyncExecutor",
    "AsyncRedisExecutor",
    "AsyncRedisModule",
    "Executor",
    "RedisExecutor",
    "RedisModule",
    "RedisSettings",
    "Script",
]
