"""Sessions and rate limits in web frameworks: middleware, and integrations for those with ways of their own.

Nothing here imports a framework, but ``starlette``, ``fastapi`` and ``flask``, each of which needs its extra.
"""

from modkit_redis.web.cookies import SessionCookie
from modkit_redis.web.headers import rate_limit_headers
from modkit_redis.web.health import AsyncReadiness, HealthPaths, Readiness
from modkit_redis.web.identity import client_address
from modkit_redis.web.recency import is_recent, mark_signed_in, sign_in
from modkit_redis.web.refusals import Refusal, refusal, refused

__all__ = [
    "AsyncReadiness",
    "HealthPaths",
    "Readiness",
    "Refusal",
    "SessionCookie",
    "client_address",
    "is_recent",
    "mark_signed_in",
    "rate_limit_headers",
    "refusal",
    "refused",
    "sign_in",
]
