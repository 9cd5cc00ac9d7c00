"""What the stores behind the tokens can do.

Each capability completes its own protocol; what stands here is settled and stays.
"""

from __future__ import annotations

from typing import Protocol

from modkit_redis.contract.values import Duration


class CacheStore(Protocol):
    """A cache in Redis (``redis.cache.store``)."""

    def set(self, key: str, value: object, *, ttl: Duration | None = None) -> None:
        """Store *value* for *ttl*, or for the store's default."""

    def delete(self, *keys: str) -> int:
        """Remove *keys* and return how many were there."""
        ...


class AsyncCacheStore(Protocol):
    """A cache in Redis (``redis.cache.store``) for asyncio."""

    async def set(self, key: str, value: object, *, ttl: Duration | None = None) -> None:
        """Store *value* for *ttl*, or for the store's default."""

    async def delete(self, *keys: str) -> int:
        """Remove *keys* and return how many were there."""
        ...


class SessionStore(Protocol):
    """Sessions in Redis (``redis.session.store``)."""

    def destroy(self, token: str) -> None:
        """End the session that *token* opens; none is no error."""


class AsyncSessionStore(Protocol):
    """Sessions in Redis (``redis.session.store``) for asyncio."""

    async def destroy(self, token: str) -> None:
        """End the session that *token* opens; none is no error."""


class RateLimitStore(Protocol):
    """A rate limiter in Redis (``redis.ratelimit.store``)."""

    def reset(self, subject: str) -> None:
        """Forget what *subject* has used."""


class AsyncRateLimitStore(Protocol):
    """A rate limiter in Redis (``redis.ratelimit.store``) for asyncio."""

    async def reset(self, subject: str) -> None:
        """Forget what *subject* has used."""
