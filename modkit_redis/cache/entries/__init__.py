"""The entries of a cache as they are in Redis."""

from modkit_redis.cache.entries._async import AsyncEntries
from modkit_redis.cache.entries._sync import Entries

__all__ = ["AsyncEntries", "Entries"]
