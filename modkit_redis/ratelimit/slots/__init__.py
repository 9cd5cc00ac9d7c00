"""How many are busy at the same time."""

from modkit_redis.ratelimit.slots._async import AsyncHolder
from modkit_redis.ratelimit.slots._sync import Holder

__all__ = ["AsyncHolder", "Holder"]
