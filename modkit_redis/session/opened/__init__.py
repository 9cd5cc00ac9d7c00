"""Sessions as applications use them."""

from modkit_redis.session.opened._async import AsyncOpening, AsyncRedisSession
from modkit_redis.session.opened._sync import Opening, RedisSession

__all__ = ["AsyncOpening", "AsyncRedisSession", "Opening", "RedisSession"]
