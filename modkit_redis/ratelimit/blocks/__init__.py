"""What lets a block run if it may, and settles afterwards."""

from modkit_redis.ratelimit.blocks._async import AsyncHold, AsyncRedisReservation, AsyncReserving
from modkit_redis.ratelimit.blocks._sync import Hold, RedisReservation, Reserving

__all__ = [
    "AsyncHold",
    "AsyncRedisReservation",
    "AsyncReserving",
    "Hold",
    "RedisReservation",
    "Reserving",
]
