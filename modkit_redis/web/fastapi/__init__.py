"""FastAPI: tokens, limits and sessions as dependencies, and the life of a container as a lifespan."""

from modkit_redis.web.fastapi.health import health_routes
from modkit_redis.web.fastapi.inject import Inject
from modkit_redis.web.fastapi.installing import install
from modkit_redis.web.fastapi.limits import RateLimit
from modkit_redis.web.fastapi.refusing import RefusedError
from modkit_redis.web.fastapi.sessions import RequiredSession, current_session
from modkit_redis.web.starlette import lifespan

__all__ = [
    "Inject",
    "RateLimit",
    "RefusedError",
    "RequiredSession",
    "current_session",
    "health_routes",
    "install",
    "lifespan",
]
