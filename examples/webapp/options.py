"""What can be chosen about the application, and the settings that come of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

from modkit_redis import BundleSettings, CacheSettings, RateLimitSettings, RedisSettings, SessionSettings
from modkit_redis.contract import Limit

Switch: TypeAlias = Literal["sessions", "cache", "limits", "commands"]
"""What can be left out; ``commands`` is the panel that shows them."""

SWITCHES: tuple[Switch, ...] = get_args(Switch)

_LIMIT = Limit(5, timedelta(seconds=20), name="press")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was chosen.

    Attributes:
        redis: Which server, with a key prefix and a client name that nobody else uses.
        without: What is left out.
        is_shared: Whether others use the server as well: its round trips cannot be told apart then.
        query_takes: How long the slow query takes.
        fresh_for: How long its result is fresh.
        stale_for: How much longer it is shown while a new one is made.
        limit: How often the button may be pressed.
    """

    redis: RedisSettings
    without: frozenset[Switch] = frozenset()
    is_shared: bool = False
    query_takes: timedelta = timedelta(seconds=1.2)
    fresh_for: timedelta = timedelta(seconds=10)
    stale_for: timedelta = timedelta(seconds=20)
    limit: Limit = _LIMIT

    def has(self, switch: Switch) -> bool:
        """Tell whether something is not left out."""
        return switch not in self.without

    def settings(self) -> BundleSettings:
        """Return the settings of the bundle; a capability that is left out has none."""
        return BundleSettings(
            redis=self.redis,
            session=_SESSIONS if self.has("sessions") else None,
            cache=CacheSettings(default_ttl=self.fresh_for, stale_for=self.stale_for, on_outage="miss")
            if self.has("cache")
            else None,
            ratelimit=RateLimitSettings(limit=(self.limit,), on_outage="open")
            if self.has("limits")
            else None,
        )


_SESSIONS = SessionSettings(
    idle_ttl=timedelta(minutes=30), absolute_ttl=timedelta(hours=12), per_user_max=8, on_outage="anonymous"
)
