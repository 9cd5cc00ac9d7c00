"""Denials that are known without asking: who was refused is refused again until it would be allowed."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Final, NamedTuple

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import Decision, Limit, Limits, LimitState, Subject
from modkit_redis.kernel.forks import mend_after_fork
from modkit_redis.ratelimit.planning import plain_subject

_REMADE_AFTER: Final = 0.01
"""Seconds after which the times in a remembered denial are brought up to date."""

_LONGEST: Final = 60.0
"""Seconds after which it is asked again, as somebody else may have reset or refunded."""

_EPOCHS: Final = 256
_LASTING: Final = (str, Limit, tuple, type(None))  # a list may be another one the next time


class _Denial:
    __slots__ = ("decision", "since", "told", "until")

    def __init__(self, decision: Decision, since: float, until: float) -> None:
        self.decision, self.since, self.until = decision, since, until
        self.told = (decision, since)  # the denial as it was told last, and when


class Asked(NamedTuple):
    """When something is asked of the server.

    Attributes:
        at: When, on the monotonic clock.
        epoch: How often had been forgotten then what its subject was refused.
    """

    at: float
    epoch: int


class Denials:
    """Remembers refusals of a store.

    Usage only falls with time, unless somebody resets or refunds it elsewhere; then a denial that is
    remembered here may be wrong until its end. A denial of some cost is one of any higher cost as well, but
    does not say for how long: so each cost is asked for by itself.
    """

    def __init__(self, most: int) -> None:
        """Remember none.

        Args:
            most: How many are remembered; the oldest are forgotten first.
        """
        self._most = most
        self.after_fork()
        mend_after_fork(self)

    def after_fork(self) -> None:
        """Begin anew: a thread that held the lock, in the midst of a change, does not exist here."""
        self._lock = threading.Lock()
        self._known: dict[Subject, dict[tuple[Limits | None, int], _Denial]] = {}
        self._count = 0
        self._epochs = [0] * _EPOCHS  # of all subjects with one hash

    def __len__(self) -> int:
        return self._count

    def find(self, subject: Subject, limit: Limits | None, cost: int) -> Decision | None:
        """Return the denial of what is asked, if it is known."""
        if not self._known or type(cost) is not int:
            return None
        try:
            known = self._known[_who(subject)][limit, cost]
        except (KeyError, TypeError, ArgumentError):  # TypeError: limits in a list
            return None
        now = time.monotonic()
        if now >= known.until:
            return None
        told, since = known.told
        if now - since > _REMADE_AFTER:
            told = _later(known.decision, now - known.since)
            known.told = told, now
        return told

    def asked(self, subject: Subject) -> Asked:
        """Return what ``remember`` wants to know; to be called before the server is asked."""
        return Asked(time.monotonic(), self._epochs[hash(_who(subject)) % _EPOCHS])

    def remember(self, limit: Limits | None, decision: Decision, asked: Asked) -> None:
        """Remember *decision*, if time alone changes it, and nothing was forgotten since it was asked for."""
        if decision.allowed or not self._most or decision.degraded:
            return
        wait = decision.retry_after
        if not wait or not isinstance(limit, _LASTING):
            return
        subject = _who(decision.subject)
        denial = _Denial(decision, asked.at, asked.at + min(wait.total_seconds(), _LONGEST))
        with self._lock:
            if asked.epoch != self._epochs[hash(subject) % _EPOCHS]:
                return
            of_subject = self._known.pop(subject, {})
            self._count -= len(of_subject)
            of_subject.pop((limit, decision.cost), None)
            while of_subject and len(of_subject) >= self._most:
                del of_subject[next(iter(of_subject))]
            while self._count + len(of_subject) >= self._most:
                self._count -= len(self._known.pop(next(iter(self._known))))
            of_subject[limit, decision.cost] = denial
            self._known[subject] = of_subject
            self._count += len(of_subject)

    def forget(self, subject: Subject) -> None:
        """Forget what is known of *subject*, and what it is being refused just now."""
        try:
            subject = _who(subject)
        except ArgumentError:  # of what cannot be one, nothing is known
            return
        with self._lock:
            self._epochs[hash(subject) % _EPOCHS] += 1
            self._count -= len(self._known.pop(subject, ()))


def _who(subject: Subject) -> Subject:
    """Return the same for what is the same subject: text, and a tuple of nothing else.

    Raises:
        ArgumentError: If *subject* cannot be one.
    """
    if type(subject) is str:
        return subject
    plain = plain_subject(subject)
    return plain[0] if isinstance(plain, tuple) and len(plain) == 1 else plain


def _later(decision: Decision, seconds: float) -> Decision:
    passed = timedelta(seconds=seconds)
    return replace(decision, states=tuple(_state(each, passed) for each in decision.states))


def _state(state: LimitState, passed: timedelta) -> LimitState:
    none = timedelta(0)
    reset = max(state.reset_after - passed, none)
    if state.retry_after is None:  # a shadow limit's; the store remembers no other
        return replace(state, reset_after=reset)
    wait = max(state.retry_after - passed, none)
    return replace(state, allowed=not wait, retry_after=wait, reset_after=reset)
