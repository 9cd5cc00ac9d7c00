"""What lets a block run if it may, and settles afterwards."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from types import TracebackType

from modkit_redis.contract.ratelimit import (
    AsyncRateLimitStore,
    Decision,
    LimitExceededError,
    Limits,
    Slots,
    Subject,
)
from modkit_redis.contract.values import Duration
from modkit_redis.ratelimit.slots import AsyncHolder


class AsyncRedisReservation:
    """What was charged in advance; see ``AsyncReservation``."""

    def __init__(self, store: AsyncRateLimitStore, decision: Decision) -> None:
        """Take the decision that allowed it."""
        self._store, self._decision = store, decision

    @property
    def decision(self) -> Decision:
        """The decision that allowed it."""
        return self._decision

    async def settle(self, cost: int) -> None:
        """Charge *cost* in the place of what was charged in advance."""
        await self._store.settle(self._decision, cost)


class AsyncReserving:
    """Lets a block run if a decision allows it."""

    def __init__(
        self,
        store: AsyncRateLimitStore,
        subject: Subject,
        *,
        cost: int,
        limit: Limits | None,
        timeout: Duration | None,
    ) -> None:
        """Prepare; nothing is sent. The arguments are those of ``acquire``; without *timeout*, of ``hit``."""
        self._store, self._subject = store, subject
        self._cost, self._limit, self._timeout = cost, limit, timeout

    async def __aenter__(self) -> AsyncRedisReservation:
        if self._timeout is None:
            decision = await self._store.hit(self._subject, cost=self._cost, limit=self._limit)
        else:
            decision = await self._store.acquire(
                self._subject, timeout=self._timeout, cost=self._cost, limit=self._limit
            )
        if not decision:
            raise LimitExceededError(decision)
        return AsyncRedisReservation(self._store, decision)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave what was charged as it is: who knows better settles."""


class AsyncHold:
    """Lets a block run in a slot, if one is free."""

    def __init__(self, holder: AsyncHolder, key: str, slots: Slots, subject: Subject) -> None:
        """Prepare; nothing is sent.

        Args:
            holder: Takes slots and keeps them.
            key: Of the slots.
            slots: How many there are.
            subject: Whose they are.
        """
        self._holder, self._key, self._slots, self._subject = holder, key, slots, subject
        self._token = secrets.token_bytes(12)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Decision:
        decision = await self._holder.enter(self._key, self._token, self._slots, self._subject)
        if not decision:
            raise LimitExceededError(decision)
        if not decision.degraded:
            self._stack.push_async_callback(self._holder.leave, self._key, self._token)
            await self._stack.enter_async_context(self._holder.keeping(self._key, self._token, self._slots))
        return decision

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
