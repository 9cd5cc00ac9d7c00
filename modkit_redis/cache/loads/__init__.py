"""Loading what is not in the cache: one load per key at a time, here and among all processes."""

from modkit_redis.cache.loads._async import AsyncLoads
from modkit_redis.cache.loads._sync import Loads

__all__ = ["AsyncLoads", "Loads"]
