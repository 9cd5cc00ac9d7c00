"""The session module, its settings and its store."""

from modkit_redis.session._async import AsyncRedisSessionStore
from modkit_redis.session._sync import RedisSessionStore
from modkit_redis.session.config import SessionSettings
from modkit_redis.session.module import AsyncSessionModule, SessionModule

__all__ = [
    "AsyncRedisSessionStore",
    "AsyncSessionModule",
    "RedisSessionStore",
    "SessionModule",
    "SessionSettings",
]
