"""Middleware for ASGI applications, for any framework."""

from modkit_redis.web.asgi.generations import evict_responses
from modkit_redis.web.asgi.responses import ResponseCacheMiddleware

__all__ = ["ResponseCacheMiddleware", "evict_responses"]
