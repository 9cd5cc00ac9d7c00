# Generated from _async.py by .ci/unasync.py; do not edit.
"""Slots of which each is held by one at a time: leases in a sorted set, by the server's clock."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import Final, cast

from modkit_redis.client import RedisExecutor
from modkit_redis.client.breaker import BrokenError, Spared
from modkit_redis.client.hearts import Heart
from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.outages import is_outage
from modkit_redis.contract.ratelimit import Decision, LimitState, Slots
from modkit_redis.ratelimit.answering import Substitute
from modkit_redis.ratelimit.planning import Question
from modkit_redis.ratelimit.slots.scripts import ENTER, RENEW

_LOG: Final = logging.getLogger("modkit_redis.ratelimit")


class Holder:
    """Takes slots, keeps them and frees them."""

    def __init__(
        self,
        executor: RedisExecutor,
        deadline: timedelta | None,
        spared: Spared,
        substitute: Substitute,
    ) -> None:
        """Hold none.

        Args:
            executor: Talks to Redis.
            deadline: Bound on each exchange.
            spared: Knows when not to ask.
            substitute: Decides then.
        """
        self._executor, self._deadline = executor, deadline
        self._spared, self._substitute = spared, substitute
        self._hearts: dict[int, Heart] = {}  # by their leases, ms

    def enter(self, question: Question, token: bytes, slots: Slots) -> Decision:
        """Take a slot for *token*, if one is free."""
        try:
            with self._spared.guarding():
                return self._take(question, token, slots)
        except BrokenError:
            self._spared.check()
        except (StoreUnavailableError, CommandRefusedError) as error:
            if not is_outage(error):
                error.__traceback__ = None  # its frames show the key
                raise
        return self._substitute.of_slots(slots, question)

    def _take(self, question: Question, token: bytes, slots: Slots) -> Decision:
        arguments = (token, slots.count, _lease_ms(slots), int(slots.shadow))
        reply = self._executor.run(ENTER, question.keys, arguments, deadline=self._deadline)
        fits, free, retry, reset = cast("list[int]", reply)
        wait, rest = timedelta(microseconds=retry), timedelta(microseconds=reset)
        state = LimitState(slots, bool(fits), free, wait, rest)
        return Decision(state.allowed or slots.shadow, (state,), subject=question.subject)

    def keeping(self, question: Question, token: bytes, slots: Slots) -> AbstractContextManager[None]:
        """Return a context in which the slot is kept, however long it takes."""
        lease_ms = _lease_ms(slots)
        heart = self._hearts.get(lease_ms)
        if heart is None:
            heart = Heart(lease_ms / 3000, partial(self._renew, lease_ms), _warn_of_loss)
            heart = self._hearts.setdefault(lease_ms, heart)
        return heart.beating(question.keys[0], token)

    def leave(self, question: Question, token: bytes) -> None:
        """Free the slot; where there is no answer, it is freed when its lease ends."""
        try:
            with self._spared.guarding():
                self._executor.execute("ZREM", question.keys[0], token, deadline=self._deadline)
        except BrokenError:
            _LOG.warning("a slot is free only when its lease ends: Redis did not answer before")
        except (StoreUnavailableError, CommandRefusedError) as error:
            _LOG.warning("a slot is free only when its lease ends: %s", error.reason)

    def close(self) -> None:
        """End the renewing."""
        for heart in list(self._hearts.values()):
            heart.close()

    def _renew(self, lease_ms: int, key: str, token: bytes) -> bool:
        try:
            reply = self._executor.run(RENEW, [key], (token, lease_ms), deadline=self._deadline)
        except (StoreUnavailableError, CommandRefusedError) as error:
            return is_outage(error)  # if so, there may be an answer the next time
        return reply == 1


def _warn_of_loss() -> None:
    _LOG.warning("the lease of a slot ended while it was held: somebody else may hold it as well")


def _lease_ms(slots: Slots) -> int:
    return slots.lease // timedelta(milliseconds=1)
