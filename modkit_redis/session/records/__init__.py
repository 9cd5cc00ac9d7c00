"""Sessions as they are in Redis."""

from modkit_redis.session.records._async import AsyncRecords
from modkit_redis.session.records._sync import Records

__all__ = ["AsyncRecords", "Records"]
