"""What is done with sessions, and told of it."""

from modkit_redis.session.keeping._async import AsyncKeeper
from modkit_redis.session.keeping._sync import Keeper

__all__ = ["AsyncKeeper", "Keeper"]
