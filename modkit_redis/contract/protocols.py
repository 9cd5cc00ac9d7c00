"""What the stores behind the tokens can do; the cache's is in a module of its own.

Each capability completes its own protocol; what stands here is settled and stays.
"""

from __future__ import annotations

from typing import Protocol


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
