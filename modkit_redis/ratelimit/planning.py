"""From a call's arguments to what is asked of the server, or an error that says which argument is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from modkit_redis.contract.errors import ArgumentError, ConfigError
from modkit_redis.contract.keys import KeySpace
from modkit_redis.contract.ratelimit import (
    DEFAULT_NAME,
    Decision,
    Limit,
    Limits,
    Slots,
    Subject,
    check_together,
    parse_limits,
)
from modkit_redis.ratelimit._core import Algorithm, Rule, rule
from modkit_redis.ratelimit.config import RateLimitSettings

MOST: Final = 2**31
"""The highest cost there is."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be decided.

    Attributes:
        rules: The limits.
        keys: Their keys, in the same order.
        subject: Who asks.
        cost: How much for.
        wrong: Why it cannot be asked, if so.
    """

    rules: tuple[Rule, ...] = ()
    keys: tuple[str, ...] = ()
    subject: Subject = ""
    cost: int = 0
    wrong: ArgumentError | ConfigError | None = None

    def checked(self) -> Question:
        """Return this.

        Raises:
            ArgumentError: If an argument cannot be used. Whoever calls this has dropped the subject, which
                is a user's data: a traceback with local variables would show it.
            ConfigError: If neither the settings nor the call name a limit.
        """
        if self.wrong is not None:
            raise self.wrong
        return self

    def __repr__(self) -> str:
        return "Question(…)"  # who asks is a user's data


class Planner:
    """Makes questions."""

    def __init__(self, settings: RateLimitSettings, key_prefix: str) -> None:
        """Take limits and algorithm from *settings*."""
        self._algorithm: Algorithm = cast(Algorithm, settings.algorithm)
        self._rules = settings.rules()
        self._keys = KeySpace(key_prefix, "ratelimit")

    def question(self, subject: Subject, cost: int, limit: Limits | None) -> Question:
        """Return what is to be decided, or what is wrong with it."""
        try:
            return self._question(subject, cost, limit)
        except (ArgumentError, ConfigError) as error:
            return Question(wrong=error.with_traceback(None))

    def _question(self, subject: Subject, cost: int, limit: Limits | None) -> Question:
        checked_cost(cost)
        rules = self._rules if limit is None else self._rules_of(limit)
        if not rules:
            raise ConfigError(
                "REDIS_RATELIMIT_LIMIT",
                "is not set, and the call names no limit: set it, or give limit='login=5/minute'",
            )
        return Question(rules, self._names(subject, rules), subject, cost)

    def question_of(self, decision: Decision, cost: int) -> Question:
        """Return a question about all limits that *decision* charged; there may be none.

        Raises:
            ArgumentError: If it is no decision of a store like this one.
        """
        charged = [each.limit for each in decision.states if each.allowed and isinstance(each.limit, Limit)]
        rules = tuple(rule(each, self._algorithm) for each in charged)
        return Question(rules, self._names(decision.subject, rules), decision.subject, cost)

    def question_of_slots(self, subject: Subject, slots: Slots) -> Question:
        """Return a question without rules, about the slots of *subject*, or what is wrong with it."""
        if not isinstance(slots, Slots):
            return Question(wrong=ArgumentError("slots", f"must be Slots, not {type(slots).__name__}"))
        try:
            return Question((), (self._name("c", slots.name, subject),), subject, 1)
        except ArgumentError as error:
            return Question(wrong=error.with_traceback(None))

    def _rules_of(self, limit: Limits) -> tuple[Rule, ...]:
        if isinstance(limit, str):
            return _parsed(limit, self._algorithm)
        given = [limit] if isinstance(limit, Limit) else limit
        if not isinstance(given, Sequence) or not all(isinstance(each, Limit) for each in given):
            raise ArgumentError("limit", "must be a Limit, several, or text like 'login=5/minute'")
        return _rules(tuple(given), self._algorithm)

    def _names(self, subject: Subject, rules: Sequence[Rule]) -> tuple[str, ...]:
        return tuple(self._name(each.letter, each.limit.name, subject) for each in rules)

    def _name(self, letter: str, name: str, subject: Subject) -> str:
        parts = subject if isinstance(subject, tuple) else (subject,)
        key, reason = "", f"must not make a key of more than {_LONGEST} bytes"
        try:
            key = self._keys.tagged(letter, name, tag=parts)
        except ArgumentError as error:
            reason = error.reason
        if (
            not key or len(key.encode()) > _LONGEST
        ):  # raised here: the frames behind it would show the subject
            raise ArgumentError("subject", reason)
        return key


def checked_decision(decision: Decision) -> Decision:
    """Return *decision* if it is one.

    Raises:
        ArgumentError: If not.
    """
    if not isinstance(decision, Decision):
        raise ArgumentError("decision", f"must be a Decision, not {type(decision).__name__}")
    return decision


def checked_cost(cost: int) -> int:
    """Return *cost* if it can be one.

    Raises:
        ArgumentError: If it is no whole number, negative or absurdly large.
    """
    if type(cost) is not int or not 0 <= cost <= MOST:
        raise ArgumentError("cost", f"must be a whole number from 0 to {MOST}")
    return cost


@lru_cache(maxsize=1024)
def _parsed(text: str, algorithm: Algorithm) -> tuple[Rule, ...]:
    return _rules(parse_limits(text), algorithm)


@lru_cache(maxsize=1024)
def _rules(limits: tuple[Limit, ...], algorithm: Algorithm) -> tuple[Rule, ...]:
    check_together(limits)
    if any(each.name == DEFAULT_NAME for each in limits):
        raise ArgumentError("limit", "needs a name of its own where a call brings it, as in 'login=5/minute'")
    return tuple(rule(each, algorithm) for each in limits)


_LONGEST: Final = 2048
