# Generated from _async.py by .ci/unasync.py; do not edit.
"""The rate limiter: each method checks its arguments, asks Redis once, and interprets the answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal, cast

import redis

from modkit_redis.client import RedisExecutor, Script
from modkit_redis.client.breaker import BrokenError, Spared
from modkit_redis.client.executor import Argument, Reply
from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.outages import is_outage
from modkit_redis.contract.ratelimit import Decision, Limits, Slots, Subject
from modkit_redis.contract.values import Duration, milliseconds
from modkit_redis.ratelimit._core import decision, raised
from modkit_redis.ratelimit.answering import Substitute
from modkit_redis.ratelimit.blocks import Hold, Reserving
from modkit_redis.ratelimit.config import RateLimitSettings
from modkit_redis.ratelimit.denials import Denials
from modkit_redis.ratelimit.planning import Planner, Question, checked_cost, checked_decision
from modkit_redis.ratelimit.scripts import DECIDE, REFUND
from modkit_redis.ratelimit.slots import Holder
from modkit_redis.ratelimit.waiting import sleep


class RedisRateLimitStore:
    """A rate limiter in Redis; see ``RateLimitStore`` for what each method does."""

    def __init__(self, *, client: redis.Redis, key_prefix: str, settings: RateLimitSettings) -> None:
        """Make a store; nothing is sent.

        Args:
            client: The client whose pool is used.
            key_prefix: What all keys begin with.
            settings: Its settings.
        """
        self._executor = RedisExecutor(client)
        self._deadline = settings.deadline
        self._planner = Planner(settings, key_prefix)
        self._substitute = Substitute(settings)
        self._denials = Denials(settings.deny_cache)
        self._spared = Spared(client, settings.breaker.total_seconds())
        self._holder = Holder(self._executor, settings.deadline, self._spared, self._substitute)

    def hit(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        """Decide whether *subject* may go on, and charge *cost* to all limits if so, to none if not."""
        if (denied := self._denials.find(subject, limit, cost)) is not None:
            return denied
        question = self._planner.question(subject, cost, limit)
        del subject  # a traceback with local variables would show it
        return self._hit(question.checked(), limit)

    def peek(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        """Decide the same, and charge nothing."""
        question = self._planner.question(subject, cost, limit)
        del subject
        return self._decide("peek", question.checked())

    def acquire(
        self, subject: Subject, *, timeout: Duration, cost: int = 1, limit: Limits | None = None
    ) -> Decision:
        """Wait until *subject* may go on, for *timeout* at most."""
        question = self._planner.question(subject, cost, limit)
        del subject
        question.checked()
        over = time.monotonic() + milliseconds(timeout, "timeout") / 1000
        while True:
            answer = self._denials.find(question.subject, limit, cost)
            if answer is None:
                answer = self._hit(question, limit)
            wait = answer.retry_after
            if answer.allowed or wait is None or time.monotonic() + wait.total_seconds() > over:
                return answer
            sleep(wait.total_seconds())

    def reserve(
        self,
        subject: Subject,
        *,
        cost: int = 1,
        limit: Limits | None = None,
        timeout: Duration | None = None,
    ) -> Reserving:
        """Return what lets an ``with`` block run if *subject* may go on, now or within *timeout*."""
        return Reserving(self, subject, cost=cost, limit=limit, timeout=timeout)

    def hold(self, subject: Subject, slots: Slots) -> Hold:
        """Return what lets an ``with`` block run in one of the *slots* of *subject*."""
        question = self._planner.question_of_slots(subject, slots)
        del subject
        return Hold(self._holder, question.checked(), slots)

    def refund(self, decision: Decision) -> None:
        """Take back what *decision* charged; nothing, if it was refused, degraded or only peeked at."""
        self._take_back(checked_decision(decision), decision.cost)

    def settle(self, decision: Decision, cost: int) -> Decision:
        """Charge *cost* in the place of what *decision* charged."""
        more = checked_cost(cost) - checked_decision(decision).cost
        if not decision.charged or not more:
            return decision
        if more < 0:
            self._take_back(decision, -more)
            return self._planner.lowered(decision, cost)
        question = self._planner.question_of(decision, more)
        if not question.rules:
            return decision
        return raised(decision, self._ask("charge", question), cost)

    def reset(self, subject: Subject, *, limit: Limits | None = None) -> None:
        """Forget what *subject* has used."""
        question = self._planner.question(subject, 0, limit)
        del subject
        question.checked()
        self._denials.forget(question.subject)
        self._substitute.forget(question)
        try:
            self._executor.execute("UNLINK", *question.keys, deadline=self._deadline)
        except (StoreUnavailableError, CommandRefusedError) as error:
            error.__traceback__ = None  # its frames show the keys
            raise
        finally:
            self._denials.forget(question.subject)  # what was asked before may have been refused meanwhile

    def close(self) -> None:
        """Renew no slot any more."""
        self._holder.close()

    def _hit(self, question: Question, limit: Limits | None) -> Decision:
        asked = self._denials.asked(question.subject)
        answer = self._decide("hit", question)
        self._denials.remember(limit, answer, asked)
        return answer

    def _decide(self, what: Literal["hit", "peek"], question: Question) -> Decision:
        try:
            with self._spared.guarding():
                return self._ask(what, question)
        except BrokenError:
            self._spared.check()
        except (StoreUnavailableError, CommandRefusedError) as error:
            if not is_outage(error):
                raise
        return self._substitute.decision(question, charges=what == "hit")

    def _ask(self, what: Literal["hit", "peek", "charge"], question: Question) -> Decision:
        reply = self._run(DECIDE, question, (what, "", *question.arguments))
        now, *answers = cast("list[int]", reply)
        return decision(
            question.rules, question.subject, question.cost, answers, at_us=now, charges=what != "peek"
        )

    def _run(self, script: Script, question: Question, arguments: Sequence[Argument]) -> Reply:
        try:
            return self._executor.run(script, question.keys, arguments, deadline=self._deadline)
        except (StoreUnavailableError, CommandRefusedError) as error:
            error.__traceback__ = None  # its frames show the keys
            raise

    def _take_back(self, decision: Decision, cost: int) -> None:
        self._denials.forget(decision.subject)
        if not decision.charged or cost < 1:
            return
        question = self._planner.taking_back(decision, cost)
        if not question.rules:
            return
        try:
            self._run(REFUND, question, ("", *question.arguments))
        finally:
            self._denials.forget(decision.subject)
