"""What a decision is when Redis does not answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from modkit_redis.contract.ratelimit import Decision, Limit, LimitState, Slots, Subject
from modkit_redis.ratelimit.config import RateLimitSettings
from modkit_redis.ratelimit.local import LocalLimiter
from modkit_redis.ratelimit.planning import Question


class Substitute:
    """Decides in the place of Redis, as the settings say."""

    def __init__(self, settings: RateLimitSettings) -> None:
        """Take what the settings say."""
        self._allows = settings.on_outage == "open"
        self._wait = max(settings.breaker, timedelta(seconds=1))
        self._local = LocalLimiter(settings.replicas or 1) if settings.on_outage == "local" else None

    def decision(self, question: Question, *, charges: bool) -> Decision:
        """Return a decision without Redis."""
        if self._local is not None:
            return self._local.decide(question.rules, question.subject, question.cost, charges=charges)
        return self._fixed([each.limit for each in question.rules], question.subject, question.cost)

    def of_slots(self, slots: Slots, subject: Subject) -> Decision:
        """Return a decision about slots, which this process alone cannot count."""
        return self._fixed([slots], subject, 1)

    def forget(self, question: Question) -> None:
        """Forget what was counted here."""
        if self._local is not None:
            self._local.forget(question.rules, question.subject)

    def _fixed(self, limits: Sequence[Limit | Slots], subject: Subject, cost: int) -> Decision:
        wait = timedelta(0) if self._allows else self._wait
        states = tuple(LimitState(each, self._allows, 0, wait, wait) for each in limits)
        allowed = self._allows or all(each.shadow for each in limits)
        return Decision(allowed, states, cost, degraded=True, subject=subject)
