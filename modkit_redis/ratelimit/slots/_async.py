"""Slots of which each is held by one at a time: leases in a sorted set, by the server's clock."""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import Final, cast

from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.client.breaker import Breaker, BrokenError
from modkit_redis.client.hearts import AsyncHeart
from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.outages import is_outage
from modkit_redis.contract.ratelimit import Decision, LimitState, Slots, Subject
from modkit_redis.ratelimit.answering import Substitute
from modkit_redis.ratelimit.slots.scripts import ENTER, RENEW

_LOG: Final = logging.getLogger("modkit_redis.ratelimit")


class AsyncHolder:
    """Takes slots, keeps them and frees them."""

    def __init__(
        self,
        executor: AsyncRedisExecutor,
        deadline: timedelta | None,
        breaker: Breaker,
        pause: float,
        substitute: Substitute,
    ) -> None:
        """Hold none.

        Args:
            executor: Talks to Redis.
            deadline: Bound on each exchange.
            breaker: Knows when not to ask.
            pause: For how many seconds nobody asks after a failure.
            substitute: Decides then.
        """
        self._executor, self._deadline = executor, deadline
        self._breaker, self._pause, self._substitute = breaker, pause, substitute
        self._hearts: dict[int, AsyncHeart] = {}  # by their leases, ms

    async def enter(self, key: str, token: bytes, slots: Slots, subject: Subject) -> Decision:
        """Take a slot for *token*, if one is free."""
        try:
            with self._breaker.guarding(self._pause):
                return await self._take(key, token, slots, subject)
        except BrokenError:
            pass
        except (StoreUnavailableError, CommandRefusedError) as error:
            if not is_outage(error):
                raise
        return self._substitute.of_slots(slots, subject)

    async def _take(self, key: str, token: bytes, slots: Slots, subject: Subject) -> Decision:
        arguments = (token, slots.count, _lease_ms(slots), int(slots.shadow))
        reply = await self._executor.run(ENTER, [key], arguments, deadline=self._deadline)
        fits, free, retry, reset = cast("list[int]", reply)
        wait, rest = timedelta(microseconds=retry), timedelta(microseconds=reset)
        state = LimitState(slots, bool(fits), free, wait, rest)
        return Decision(state.allowed or slots.shadow, (state,), subject=subject)

    def keeping(self, key: str, token: bytes, slots: Slots) -> AbstractAsyncContextManager[None]:
        """Return a context in which the slot is kept, however long it takes."""
        lease_ms = _lease_ms(slots)
        heart = self._hearts.get(lease_ms)
        if heart is None:
            heart = AsyncHeart(lease_ms / 3000, partial(self._renew, lease_ms))
            heart = self._hearts.setdefault(lease_ms, heart)
        return heart.beating(key, token)

    async def leave(self, key: str, token: bytes) -> None:
        """Free the slot; where there is no answer, it is freed when its lease ends."""
        try:
            await self._executor.execute("ZREM", key, token, deadline=self._deadline)
        except (StoreUnavailableError, CommandRefusedError) as error:
            _LOG.warning("a slot is free only when its lease ends: %s", error.reason)

    async def aclose(self) -> None:
        """End the renewing."""
        for heart in list(self._hearts.values()):
            await heart.aclose()

    async def _renew(self, lease_ms: int, key: str, token: bytes) -> bool:
        try:
            reply = await self._executor.run(RENEW, [key], (token, lease_ms), deadline=self._deadline)
        except (StoreUnavailableError, CommandRefusedError):
            return True  # there may be an answer the next time
        return reply == 1


def _lease_ms(slots: Slots) -> int:
    return slots.lease // timedelta(milliseconds=1)
