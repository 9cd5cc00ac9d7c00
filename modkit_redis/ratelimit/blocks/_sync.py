# Generated from _async.py by .ci/unasync.py; do not edit.
"""What lets a block run if it may, and settles afterwards."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from types import TracebackType

from modkit_redis.contract.ratelimit import (
    Decision,
    LimitExceededError,
    Limits,
    RateLimitStore,
    Slots,
    Subject,
)
from modkit_redis.contract.values import Duration
from modkit_redis.ratelimit.slots import Holder


class RedisReservation:
    """What was charged in advance; see ``Reservation``."""

    def __init__(self, store: RateLimitStore, decision: Decision) -> None:
        """Take the decision that allowed it."""
        self._store, self._decision = store, decision

    @property
    def decision(self) -> Decision:
        """The decision that allowed it."""
        return self._decision

    def settle(self, cost: int) -> None:
        """Charge *cost* in the place of what was charged in advance."""
        self._store.settle(self._decision, cost)


class Reserving:
    """Lets a block run if a decision allows it."""

    def __init__(
        self,
        store: RateLimitStore,
        subject: Subject,
        *,
        cost: int,
        limit: Limits | None,
        timeout: Duration | None,
    ) -> None:
        """Prepare; nothing is sent. The arguments are those of ``acquire``; without *timeout*, of ``hit``."""
        self._store, self._subject = store, subject
        self._cost, self._limit, self._timeout = cost, limit, timeout

    def __enter__(self) -> RedisReservation:
        if self._timeout is None:
            decision = self._store.hit(self._subject, cost=self._cost, limit=self._limit)
        else:
            decision = self._store.acquire(
                self._subject, timeout=self._timeout, cost=self._cost, limit=self._limit
            )
        if not decision:
            raise LimitExceededError(decision)
        return RedisReservation(self._store, decision)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave what was charged as it is: who knows better settles."""


class Hold:
    """Lets a block run in a slot, if one is free."""

    def __init__(self, holder: Holder, key: str, slots: Slots, subject: Subject) -> None:
        """Prepare; nothing is sent.

        Args:
            holder: Takes slots and keeps them.
            key: Of the slots.
            slots: How many there are.
            subject: Whose they are.
        """
        self._holder, self._key, self._slots, self._subject = holder, key, slots, subject
        self._token = secrets.token_bytes(12)
        self._stack = ExitStack()

    def __enter__(self) -> Decision:
        decision = self._holder.enter(self._key, self._token, self._slots, self._subject)
        if not decision:
            raise LimitExceededError(decision)
        if not decision.degraded:
            self._stack.callback(self._holder.leave, self._key, self._token)
            self._stack.enter_context(self._holder.keeping(self._key, self._token, self._slots))
        return decision

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
