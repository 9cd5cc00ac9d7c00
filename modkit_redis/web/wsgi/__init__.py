"""Middleware for WSGI applications, for any framework."""

from modkit_redis.web.wsgi.health import HealthMiddleware
from modkit_redis.web.wsgi.ratelimit import RateLimitMiddleware

__all__ = ["HealthMiddleware", "RateLimitMiddleware"]
