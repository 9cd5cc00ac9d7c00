"""Denials that are known without asking: who was refused is refused again until it would be allowed."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Final

from modkit_redis.contract.ratelimit import Decision, Limits, Subject
from modkit_redis.kernel.forks import mend_after_fork

_REMADE_AFTER: Final = 0.01
"""Seconds after which the times in a remembered denial are brought up to date."""


class _Denial:
    __slots__ = ("cost", "decision", "made", "since", "told", "until")

    def __init__(self, decision: Decision, since: float, until: float) -> None:
        self.cost = decision.cost
        self.decision = self.told = decision
        self.since = self.made = since
        self.until = until


class Denials:
    """Remembers refusals of a store.

    Usage only falls with time, unless somebody resets or refunds it elsewhere; then a denial that is
    remembered here may be wrong until its end. A denial of some cost is one of any higher cost as well.
    """

    def __init__(self, most: int) -> None:
        """Remember none.

        Args:
            most: How many are remembered; the oldest are forgotten first.
        """
        self._most = most
        self._known: dict[tuple[Subject, Limits | None], _Denial] = {}
        self.after_fork()
        mend_after_fork(self)

    def after_fork(self) -> None:
        """Take a new lock: a thread that held the old one does not exist here."""
        self._lock = threading.Lock()

    def find(self, subject: Subject, limit: Limits | None, cost: int) -> Decision | None:
        """Return the denial of what is asked, if it is known."""
        try:
            known = self._known.get((subject, limit))
        except TypeError:  # limits in a list
            return None
        if known is None or type(cost) is not int or cost < known.cost:
            return None
        now = time.monotonic()
        if now >= known.until:
            return None
        told = known.told
        if now - known.made > _REMADE_AFTER or cost != told.cost:
            told = _later(known.decision, cost, now - known.since)
            known.told, known.made = told, now
        return told

    def remember(self, limit: Limits | None, decision: Decision, sent: float) -> None:
        """Remember *decision*, which was asked for at *sent*, if it is one that time alone changes."""
        if decision.allowed or not self._most or decision.degraded or isinstance(limit, list):
            return
        wait = decision.retry_after
        if not wait:
            return
        with self._lock:
            while len(self._known) >= self._most:
                self._known.pop(next(iter(self._known)))
            self._known[decision.subject, limit] = _Denial(decision, sent, sent + wait.total_seconds())

    def forget(self, subject: Subject) -> None:
        """Forget what is known of *subject*."""
        with self._lock:
            for key in [each for each in self._known if each[0] == subject]:
                del self._known[key]


def _later(decision: Decision, cost: int, seconds: float) -> Decision:
    passed = timedelta(seconds=seconds)
    none = timedelta(0)
    states = tuple(
        replace(
            each,
            retry_after=None
            if each.retry_after is None or cost > each.limit.capacity
            else max(each.retry_after - passed, none),
            reset_after=max(each.reset_after - passed, none),
        )
        for each in decision.states
    )
    return replace(decision, states=states, cost=cost)
