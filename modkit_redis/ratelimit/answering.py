"""What a decision is when Redis does not answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from modkit_redis.contract.ratelimit import Decision, Limit, LimitState, Slots
from modkit_redis.ratelimit.config import RateLimitSettings
from modkit_redis.ratelimit.local import LocalLimiter
from modkit_redis.ratelimit.planning import Question


class Substitute:
    """Decides in the place of Redis, as the settings say."""

    def __init__(self, settings: RateLimitSettings) -> None:
        """Take what the settings say."""
        self._allows = settings.on_outage == "open"
        self._wait = max(settings.breaker, timedelta(seconds=1))
        is_local, replicas = settings.on_outage == "local", settings.replicas or 1
        self._local = LocalLimiter(replicas, self._wait) if is_local else None

    def decision(self, question: Question, *, charges: bool) -> Decision:
        """Return a decision without Redis."""
        if self._local is not None:
            return self._local.decide(question, charges=charges)
        return self._fixed([each.limit for each in question.rules], question)

    def of_slots(self, slots: Slots, question: Question) -> Decision:
        """Return a decision about slots, which this process alone cannot count."""
        return self._fixed([slots], question)

    def forget(self, question: Question) -> None:
        """Forget what was counted here."""
        if self._local is not None:
            self._local.forget(question)

    def _fixed(self, limits: Sequence[Limit | Slots], question: Question) -> Decision:
        states = tuple(self._state(each, question.cost) for each in limits)
        allowed = self._allows or all(each.shadow for each in limits)
        return Decision(allowed, states, question.cost, degraded=True, subject=question.subject)

    def _state(self, limit: Limit | Slots, cost: int) -> LimitState:
        if self._allows:
            return LimitState(limit, True, 0, timedelta(0), timedelta(0))
        wait = self._wait if cost <= limit.capacity else None  # more than that is never allowed
        return LimitState(limit, False, 0, wait, self._wait)
