"""Middleware for ASGI applications, for any framework."""

from modkit_redis.web.asgi.generations import evict_responses
from modkit_redis.web.asgi.health import HealthMiddleware
from modkit_redis.web.asgi.ratelimit import RateLimitMiddleware
from modkit_redis.web.asgi.responses import ResponseCacheMiddleware
from modkit_redis.web.asgi.session import SessionMiddleware

__all__ = [
    "HealthMiddleware",
    "RateLimitMiddleware",
    "ResponseCacheMiddleware",
    "SessionMiddleware",
    "evict_responses",
]
