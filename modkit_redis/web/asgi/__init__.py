"""Middleware for ASGI applications, for any framework."""

from modkit_redis.web.asgi.health import HealthMiddleware
from modkit_redis.web.asgi.ratelimit import RateLimitMiddleware
from modkit_redis.web.asgi.session import SessionMiddleware

__all__ = ["HealthMiddleware", "RateLimitMiddleware", "SessionMiddleware"]
