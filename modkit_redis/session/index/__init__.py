"""Which sessions each user is signed in with."""

from modkit_redis.session.index._async import AsyncIndex
from modkit_redis.session.index._sync import Index

__all__ = ["AsyncIndex", "Index"]
