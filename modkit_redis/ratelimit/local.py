"""A limiter in this process, for when Redis does not answer: each of the replicas allows its part."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from datetime import timedelta
from typing import Final

from modkit_redis.contract.ratelimit import Decision, Limit, LimitState
from modkit_redis.kernel.forks import mend_after_fork
from modkit_redis.ratelimit.planning import Question

_MOST: Final = 10_000
"""Subjects that are remembered; those that were not seen for longest are forgotten first."""

_US: Final = timedelta(microseconds=1)


class LocalLimiter:
    """Counts by token buckets, whatever algorithm the settings name; begins with nothing used."""

    def __init__(self, replicas: int, wait: timedelta) -> None:
        """Prepare.

        Args:
            replicas: How many processes share each limit.
            wait: When to ask again for what only all of them together allow.
        """
        self._replicas, self._wait = replicas, wait
        self._free_at: OrderedDict[str, int] = OrderedDict()  # by keys; on the monotonic clock, ns
        self.after_fork()
        mend_after_fork(self)

    def after_fork(self) -> None:
        """Take a new lock: a thread that held the old one does not exist here."""
        self._lock = threading.Lock()

    def decide(self, question: Question, *, charges: bool) -> Decision:
        """Decide as the server would, on this process' part; all limits are charged, or none."""
        with self._lock:
            now = time.monotonic_ns()
            asked = [
                (key, _Bucket(each.limit, self._replicas, self._debt(key, now), question.cost))
                for key, each in zip(question.keys, question.rules, strict=True)
            ]
            allowed = all(each.fits or each.limit.shadow for _, each in asked)
            for key, each in asked:
                if charges and allowed and each.fits and question.cost:
                    self._remember(key, now + each.charge())
        states = tuple(each.state(self._wait) for _, each in asked)
        return Decision(allowed, states, question.cost, degraded=True, subject=question.subject)

    def forget(self, question: Question) -> None:
        """Forget what its subject has used."""
        with self._lock:
            for key in question.keys:
                self._free_at.pop(key, None)

    def _debt(self, key: str, now: int) -> int:
        free_at = self._free_at.get(key)
        if free_at is None:
            return 0
        self._free_at.move_to_end(key)  # who is refused again and again is not forgotten
        return max(0, free_at - now)

    def _remember(self, key: str, free_at: int) -> None:
        self._free_at[key] = free_at
        self._free_at.move_to_end(key)
        while len(self._free_at) > _MOST:
            self._free_at.popitem(last=False)


class _Bucket:
    """One limit's part, in nanoseconds: a unit costs ``period * replicas / count``."""

    def __init__(self, limit: Limit, replicas: int, debt: int, cost: int) -> None:
        self.limit = limit
        self._unit = -(-(limit.period // _US) * 1000 * replicas // limit.count)
        self._capacity = max(1, limit.capacity // replicas) * self._unit
        self._debt = min(debt, self._capacity)
        self._cost, self._asked = cost, cost * self._unit
        self.fits = self._debt + self._asked <= self._capacity

    def charge(self) -> int:
        self._debt += self._asked
        return self._debt

    def state(self, wait: timedelta) -> LimitState:
        left = (self._capacity - self._debt) // self._unit
        return LimitState(self.limit, self.fits, left, self._retry_after(wait), _span(self._debt))

    def _retry_after(self, wait: timedelta) -> timedelta | None:
        if self._cost > self.limit.capacity:
            return None
        if self._asked > self._capacity:  # more than is allowed here, but Redis may answer again
            return wait
        return _span(max(0, self._debt + self._asked - self._capacity))


def _span(nanoseconds: int) -> timedelta:
    return timedelta(microseconds=-(-nanoseconds // 1000))
