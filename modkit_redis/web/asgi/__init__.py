"""Middleware for ASGI applications, for any framework."""

from modkit_redis.web.asgi.ratelimit import RateLimitMiddleware

__all__ = ["RateLimitMiddleware"]
