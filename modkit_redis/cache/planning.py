"""From a call's arguments and the settings to one plan, or an error that says which argument is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from modkit_redis.cache._core import LONGEST_KEPT_MS, Plan
from modkit_redis.cache.config import CacheSettings
from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.sentinels import Lifetime, NoExpiry
from modkit_redis.contract.values import Duration, milliseconds


class Planner:
    """Makes plans.

    Attributes:
        default: The plan of a call that does not say otherwise.
    """

    def __init__(self, settings: CacheSettings) -> None:
        """Take the defaults from *settings*."""
        self._generations = settings.generations
        self.default = Plan(
            ttl_ms=milliseconds(settings.default_ttl, "default_ttl"),
            negative_ms=None
            if settings.negative_ttl is None
            else milliseconds(settings.negative_ttl, "negative_ttl"),
            stale_ms=_span(settings.stale_for, "stale_for"),
            error_ms=_span(settings.stale_if_error, "stale_if_error"),
            early=settings.early_refresh,
        )

    def plan(
        self,
        ttl: Lifetime | None = None,
        stale_for: Duration | None = None,
        stale_if_error: Duration | None = None,
        negative_ttl: Duration | None = None,
        early_refresh: bool | None = None,
    ) -> Plan:
        """Return the plan of a call; what is ``None`` is as the settings say.

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        if ttl is stale_for is stale_if_error is negative_ttl is early_refresh is None:
            return self.default
        if early_refresh is not None and not isinstance(early_refresh, bool):
            raise ArgumentError("early_refresh", "must be True or False")
        ttl_ms, negative_ms, stale_ms, error_ms, early = self.default
        return _checked(
            Plan(
                ttl_ms=ttl_ms if ttl is None else self._lifetime(ttl),
                negative_ms=negative_ms
                if negative_ttl is None
                else milliseconds(negative_ttl, "negative_ttl"),
                stale_ms=stale_ms if stale_for is None else _span(stale_for, "stale_for"),
                error_ms=error_ms if stale_if_error is None else _span(stale_if_error, "stale_if_error"),
                early=early if early_refresh is None else early_refresh,
            )
        )

    def _lifetime(self, ttl: Lifetime) -> int:
        if not isinstance(ttl, NoExpiry):
            return milliseconds(ttl, "ttl")
        if self._generations:
            raise ArgumentError(
                "ttl",
                "must not be NO_EXPIRY with REDIS_CACHE_GENERATIONS: clear() would never free it",
            )
        return 0


def _checked(plan: Plan) -> Plan:
    grace_ms = max(plan.stale_ms, plan.error_ms)
    if grace_ms and max(plan.ttl_ms, plan.negative_ms or 0) + grace_ms > LONGEST_KEPT_MS:
        which = "stale_for" if plan.stale_ms >= plan.error_ms else "stale_if_error"
        raise ArgumentError(which, "and the TTL must not be more than 49 days together")
    return plan


def _span(span: Duration, argument: str) -> int:
    """Return *span*, which may be zero, in milliseconds."""
    return 0 if not isinstance(span, bool) and span in _ZEROS else milliseconds(span, argument)


_ZEROS: Final = (0, timedelta(0))
