"""What the stores behind the tokens can do; those of cache and session are in modules of their own.

Each capability completes its own protocol; what stands here is settled and stays.
"""

from __future__ import annotations

from typing import Protocol


class RateLimitStore(Protocol):
    """A rate limiter in Redis (``redis.ratelimit.store``)."""

    def reset(self, subject: str) -> None:
        """Forget what *subject* has used."""


class AsyncRateLimitStore(Protocol):
    """A rate limiter in Redis (``redis.ratelimit.store``) for asyncio."""

    async def reset(self, subject: str) -> None:
        """Forget what *subject* has used."""
