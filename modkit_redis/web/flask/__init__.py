"""Sessions and rate limits for Flask; needs the extra ``flask``."""

from typing import cast

import flask

from modkit_redis.web.flask.errors import SessionUnavailableError
from modkit_redis.web.flask.interface import RedisSessionInterface
from modkit_redis.web.flask.ratelimit import RateLimits
from modkit_redis.web.flask.refused import LimitsUnavailableError, RateLimitedError, UnidentifiedError
from modkit_redis.web.flask.session import FlaskSession

session: FlaskSession = cast(FlaskSession, flask.session)
"""``flask.session`` with its type, for applications with a ``RedisSessionInterface``."""

__all__ = [
    "FlaskSession",
    "LimitsUnavailableError",
    "RateLimitedError",
    "RateLimits",
    "RedisSessionInterface",
    "SessionUnavailableError",
    "UnidentifiedError",
    "session",
]
