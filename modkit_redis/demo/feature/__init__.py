"""A feature of an application, in both worlds: what an application's own modules look like."""

from modkit_redis.demo.feature import _async as async_visits
from modkit_redis.demo.feature import _sync as visits

__all__ = ["async_visits", "visits"]
