"""Sessions and rate limits for Flask; needs the extra ``flask``."""

from modkit_redis.web.flask.ratelimit import RateLimits
from modkit_redis.web.flask.refused import LimitsUnavailableError, RateLimitedError, UnidentifiedError

__all__ = ["LimitsUnavailableError", "RateLimitedError", "RateLimits", "UnidentifiedError"]
