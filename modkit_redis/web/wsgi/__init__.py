"""Middleware for WSGI applications, for any framework."""

from modkit_redis.web.wsgi.ratelimit import RateLimitMiddleware

__all__ = ["RateLimitMiddleware"]
