"""Middleware for WSGI applications, for any framework."""

from modkit_redis.web.wsgi.health import HealthMiddleware
from modkit_redis.web.wsgi.ratelimit import RateLimitMiddleware
from modkit_redis.web.wsgi.session import SessionMiddleware

__all__ = ["HealthMiddleware", "RateLimitMiddleware", "SessionMiddleware"]
