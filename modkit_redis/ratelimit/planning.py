"""From a call's arguments to what is asked of the server, or an error that says which argument is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, cast

from modkit_redis.contract.errors import ArgumentError, ConfigError
from modkit_redis.contract.keys import KeySpace, key_tag
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


class Question(NamedTuple):
    """What is to be decided; a tuple, as one is made for each request of an application.

    Attributes:
        rules: The limits.
        keys: Their keys, in the same order.
        subject: Who asks.
        cost: How much for.
        arguments: What the script is told of them.
    """

    rules: tuple[Rule, ...]
    keys: tuple[str, ...]
    subject: Subject
    cost: int
    arguments: tuple[str | int, ...]

    def __repr__(self) -> str:
        return "Question(…)"  # who asks is a user's data


class Plan:
    """Limits that are asked for together, and what is the same in each question about them."""

    __slots__ = ("_heads", "_of_one", "rules")

    def __init__(self, rules: tuple[Rule, ...], keys: KeySpace) -> None:
        """Prepare."""
        self.rules = rules
        self._heads = tuple(keys.key(each.letter, each.limit.name) + ":" for each in rules)
        self._of_one = self._arguments(1)

    def keys(self, subject: Subject) -> tuple[str, ...]:
        """Return the keys of the limits for *subject*.

        Raises:
            ArgumentError: If *subject* cannot be one.
        """
        end = key_tag(subject if isinstance(subject, tuple) else (subject,))
        return tuple([_fitting(head + end) for head in self._heads])

    def arguments(self, cost: int) -> tuple[str | int, ...]:
        """Return what the script is told about all limits."""
        return self._of_one if cost == 1 else self._arguments(cost)

    def _arguments(self, cost: int) -> tuple[str | int, ...]:
        return tuple(part for each in self.rules for part in each.arguments(cost))


class Planner:
    """Makes questions."""

    def __init__(self, settings: RateLimitSettings, key_prefix: str) -> None:
        """Take limits and algorithm from *settings*."""
        self._algorithm: Algorithm = cast(Algorithm, settings.algorithm)
        self._keys = KeySpace(key_prefix, "ratelimit")
        rules = settings.rules()
        self._plan = Plan(rules, self._keys) if rules else None
        self._planned = lru_cache(maxsize=1024)(self._plan_of)
        self._keys_of = lru_cache(maxsize=4096)(Plan.keys)  # most ask more than once

    def question(self, subject: Subject, cost: int, limit: Limits | None) -> Question:
        """Return what is to be decided.

        Raises:
            ArgumentError: If an argument cannot be used.
            ConfigError: If neither the settings nor the call name a limit.
        """
        checked_cost(cost)
        plan = self._plan if limit is None else self._planned(_hashable(limit))
        if plan is None:
            raise ConfigError(
                "REDIS_RATELIMIT_LIMIT",
                "is not set, and the call names no limit: set it, or give limit='login=5/minute'",
            )
        try:
            keys = self._keys_of(plan, subject)
        except TypeError:  # it cannot be hashed, and is refused here
            keys = plan.keys(subject)
        return Question(plan.rules, keys, subject, cost, plan.arguments(cost))

    def question_of(self, decision: Decision, cost: int) -> Question:
        """Return a question about all limits that *decision* charged.

        Raises:
            ArgumentError: If it is no decision of a store like this one.
        """
        charged = [each.limit for each in decision.states if each.allowed and isinstance(each.limit, Limit)]
        rules = tuple(rule(each, self._algorithm) for each in charged)
        if not rules:
            raise ArgumentError("decision", "has charged no limit")
        plan = Plan(rules, self._keys)
        return Question(rules, plan.keys(decision.subject), decision.subject, cost, plan.arguments(cost))

    def key_of_slots(self, subject: Subject, slots: Slots) -> str:
        """Return the key of the slots of *subject*.

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        if not isinstance(slots, Slots):
            raise ArgumentError("slots", f"must be Slots, not {type(slots).__name__}")
        parts = subject if isinstance(subject, tuple) else (subject,)
        return _fitting(self._keys.tagged("c", slots.name, tag=parts))

    def _plan_of(self, limit: str | tuple[Limit, ...]) -> Plan:
        limits = parse_limits(limit) if isinstance(limit, str) else limit
        check_together(limits)
        if any(each.name == DEFAULT_NAME for each in limits):
            raise ArgumentError(
                "limit", "needs a name of its own where a call brings it, as in 'login=5/minute'"
            )
        return Plan(tuple(rule(each, self._algorithm) for each in limits), self._keys)


def checked_cost(cost: int) -> int:
    """Return *cost* if it can be one.

    Raises:
        ArgumentError: If it is no whole number, negative or absurdly large.
    """
    if type(cost) is not int or not 0 <= cost <= _MOST:
        raise ArgumentError("cost", f"must be a whole number from 0 to {_MOST}")
    return cost


def _hashable(limit: Limits) -> str | tuple[Limit, ...]:
    if isinstance(limit, str):
        return limit
    given = (limit,) if isinstance(limit, Limit) else limit
    if not isinstance(given, Sequence) or not all(isinstance(each, Limit) for each in given):
        raise ArgumentError("limit", "must be a Limit, several, or text like 'login=5/minute'")
    return tuple(given)


def _fitting(key: str) -> str:
    if len(key) > _LONGEST // 4 and len(key.encode()) > _LONGEST:  # a character has four bytes at most
        raise ArgumentError("subject", f"must not make a key of more than {_LONGEST} bytes")
    return key


_MOST: Final = 2**31
_LONGEST: Final = 2048
