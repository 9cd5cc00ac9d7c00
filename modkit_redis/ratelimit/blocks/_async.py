"""What lets a block run if it may, and settles afterwards."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from types import TracebackType

from modkit_redis.contract.errors import ModkitRedisError
from modkit_redis.contract.ratelimit import (
    AsyncRateLimitStore,
    Decision,
    LimitExceededError,
    Limits,
    Slots,
    Subject,
)
from modkit_redis.contract.values import Duration
from modkit_redis.ratelimit.planning import Question
from modkit_redis.ratelimit.slots import AsyncHolder


class AsyncRedisReservation:
    """What was charged in advance; see ``AsyncReservation``."""

    def __init__(self, store: AsyncRateLimitStore, decision: Decision) -> None:
        """Take the decision that allowed it."""
        self._store, self._decision, self._settled = store, decision, decision

    @property
    def decision(self) -> Decision:
        """The decision that allowed it."""
        return self._decision

    async def settle(self, cost: int) -> None:
        """Charge *cost* in the place of what was charged in advance."""
        self._settled = await self._store.settle(self._settled, cost)


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
    """Lets a block run in a slot, if one is free; each block that it is used for has a slot of its own."""

    def __init__(self, holder: AsyncHolder, question: Question, slots: Slots) -> None:
        """Prepare; nothing is sent.

        Args:
            holder: Takes slots and keeps them.
            question: Whose they are.
            slots: How many there are.
        """
        self._holder, self._question, self._slots = holder, question, slots
        self._entered: list[AsyncExitStack] = []  # each holds one slot, and it does not matter whose

    async def __aenter__(self) -> Decision:
        token, stack = secrets.token_bytes(12), AsyncExitStack()
        # Before it is taken: who is interrupted while he asks may have been given it.
        stack.push_async_callback(self._holder.leave, self._question, token)
        try:
            decision = await self._holder.enter(self._question, token, self._slots)
            if decision and not decision.degraded:
                await stack.enter_async_context(self._holder.keeping(self._question, token, self._slots))
        except ModkitRedisError:
            raise
        except BaseException:
            await stack.aclose()
            raise
        if not decision:
            raise LimitExceededError(decision)
        self._entered.append(AsyncExitStack() if decision.degraded else stack)
        return decision

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._entered.pop().aclose()
