"""The rate limiter: each method checks its arguments, asks Redis once, and interprets the answer."""

from __future__ import annotations

from typing import Final, Literal, cast

import redis.asyncio

from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.ratelimit import Decision, Limits, Subject
from modkit_redis.ratelimit._core import decision
from modkit_redis.ratelimit.config import RateLimitSettings
from modkit_redis.ratelimit.planning import Planner, Question
from modkit_redis.ratelimit.scripts import DECIDE, REFUND

_SERVERS_TIME: Final = ""


class AsyncRedisRateLimitStore:
    """A rate limiter in Redis; see ``AsyncRateLimitStore`` for what each method does."""

    def __init__(self, *, client: redis.asyncio.Redis, key_prefix: str, settings: RateLimitSettings) -> None:
        """Make a store; nothing is sent.

        Args:
            client: The client whose pool is used.
            key_prefix: What all keys begin with.
            settings: Its settings.
        """
        self._executor = AsyncRedisExecutor(client)
        self._planner = Planner(settings, key_prefix)
        self._settings = settings

    async def hit(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        """Decide whether *subject* may go on, and charge *cost* to all limits if so, to none if not."""
        return await self._decide("hit", self._planner.question(subject, cost, limit))

    async def peek(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        """Decide the same, and charge nothing."""
        return await self._decide("peek", self._planner.question(subject, cost, limit))

    async def refund(self, decision: Decision) -> None:
        """Take back what *decision* charged; nothing, if it was refused or degraded."""

    async def reset(self, subject: Subject, *, limit: Limits | None = None) -> None:
        """Forget what *subject* has used."""
        question = self._planner.question(subject, 0, limit)
        await self._executor.execute("UNLINK", *question.keys, deadline=self._settings.deadline)

    async def _decide(self, what: Literal["hit", "peek"], question: Question) -> Decision:
        arguments = [what, _SERVERS_TIME, *(part for each in question.rules for part in each.arguments(question.cost))]
        reply = await self._executor.run(DECIDE, question.keys, arguments, deadline=self._settings.deadline)
        now, *answers = cast("list[int]", reply)
        return decision(question.rules, question.subject, question.cost, answers, at_us=int(now))
