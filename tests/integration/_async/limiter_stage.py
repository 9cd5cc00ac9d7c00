"""A limiter on a clock of its own, and what it has left in Redis."""

from __future__ import annotations

from typing import Any

import redis

from modkit_redis.contract import Decision
from modkit_redis.ratelimit import AsyncRedisRateLimitStore
from modkit_redis.ratelimit._core import Algorithm
from tests.limiter_models import Answer
from tests.limiters import SECOND, AsyncLimiters, Case, Clock, microseconds, states


def told(decision: Decision) -> Answer:
    [state] = decision.states
    return Answer(
        state.allowed, state.remaining, microseconds(state.retry_after), microseconds(state.reset_after)
    )


def ends_ms(admin: redis.Redis, key: bytes) -> int:
    found: Any = admin.execute_command("PEXPIRETIME", key)
    return int(found)


class Stage:
    """A store on a clock, and what it has left in Redis."""

    def __init__(
        self,
        addr: str,
        prefix: str,
        admin: redis.Redis,
        limiters: AsyncLimiters,
        algorithm: Algorithm,
        *,
        lasting: bool = False,
    ) -> None:
        self.clock, self.admin, self.prefix = Clock(lasting=lasting), admin, prefix
        self.store: AsyncRedisRateLimitStore = limiters.open(
            addr, prefix, clock=self.clock, algorithm=algorithm
        )

    def left(self) -> dict[bytes, bytes | None]:
        return states(self.admin, self.prefix)

    async def at(self, case: Case, now: int, cost: int = 0) -> Answer:
        """Return what a peek would be told at another time."""
        present, self.clock.now = self.clock.now, now
        try:
            return told(await self.store.peek("ann", cost=cost, limit=case.limit))
        finally:
            self.clock.now = present

    async def future(self, case: Case) -> list[Answer]:
        """Return what peeks would be told, now and later."""
        times = (0, 1, 999, 10 * SECOND, 600 * SECOND, 2399 * SECOND, case.period, 2 * case.period)
        return [await self.at(case, self.clock.now + each, cost) for each in times for cost in (0, 1, 5)]
