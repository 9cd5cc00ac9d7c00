"""From a call's arguments to what is asked of the server, or an error that says which argument is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final, cast

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
from modkit_redis.ratelimit._core import Algorithm, Rule, charges_of, is_charged, lowered, rule
from modkit_redis.ratelimit.config import RateLimitSettings

MOST: Final = 2**31
"""The highest cost there is."""


@dataclass(slots=True, repr=False, eq=False)
class Question:
    """What is to be decided; no tuple, as what shows local variables would show the parts of one.

    Attributes:
        rules: The limits.
        keys: Their keys, in the same order.
        subject: Who asks.
        cost: How much for.
        arguments: What the script is told of them.
        wrong: Why it cannot be asked, if so.
    """

    rules: tuple[Rule, ...] = ()
    keys: tuple[str, ...] = ()
    subject: Subject = ""
    cost: int = 0
    arguments: tuple[str | int, ...] = ()
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


class Plan:
    """Limits that are asked for together, and what is the same in each question about them."""

    __slots__ = ("_heads", "_of_one", "rules")

    def __init__(self, rules: tuple[Rule, ...], keys: KeySpace) -> None:
        """Prepare."""
        self.rules = rules
        self._heads = tuple(keys.key(each.counting, each.limit.name) + ":" for each in rules)
        self._of_one = self._arguments(1)

    def keys(self, subject: Subject) -> tuple[str, ...]:
        """Return the keys of the limits for *subject*.

        Raises:
            ArgumentError: If *subject* cannot be one.
        """
        return _with_tag(self._heads, subject)

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
        """Return what is to be decided, or what is wrong with it."""
        try:
            return self._question(subject, cost, limit)
        except (ArgumentError, ConfigError) as error:
            return Question(wrong=error.with_traceback(None))

    def _question(self, subject: Subject, cost: int, limit: Limits | None) -> Question:
        checked_cost(cost)
        plan = self._plan if limit is None else self._planned(_hashable(limit))
        if plan is None:
            raise ConfigError(
                "REDIS_RATELIMIT_LIMIT",
                "is not set, and the call names no limit: set it, or give limit='login=5/minute'",
            )
        if type(subject) is not str:
            subject = plain_subject(subject)
        return Question(plan.rules, self._keys_of(plan, subject), subject, cost, plan.arguments(cost))

    def question_of(self, decision: Decision, cost: int) -> Question:
        """Return what charges *cost* to all limits that *decision* charged; there may be none.

        Raises:
            ArgumentError: If it is no decision of a store like this one.
        """
        rules = self._charged(decision)
        keys = Plan(rules, self._keys).keys(decision.subject)
        arguments = tuple(part for each in rules for part in each.charging(cost))
        return Question(rules, keys, decision.subject, cost, arguments)

    def taking_back(self, decision: Decision, cost: int) -> Question:
        """Return what takes *cost* back from all limits that *decision* charged; there may be none.

        Raises:
            ArgumentError: If it is no decision of a store like this one.
        """
        rules = self._charged(decision)
        keys = Plan(rules, self._keys).keys(decision.subject)
        charges = charges_of(decision, cost)
        arguments: list[str | int] = []
        for charge, taken in charges:
            states = filter(is_charged, charge.states)
            for each, state in zip(rules, states, strict=True):
                reset_us = state.reset_after // timedelta(microseconds=1)
                arguments += each.refunding(taken, charge.at_us, reset_us)
        return Question(rules, keys * len(charges), decision.subject, cost, tuple(arguments))

    def lowered(self, decision: Decision, cost: int) -> Decision:
        """Return *decision* as it is when it has been lowered to *cost*."""
        return lowered(decision, cost, self._algorithm)

    def _charged(self, decision: Decision) -> tuple[Rule, ...]:
        return tuple(
            rule(each.limit, self._algorithm)
            for each in decision.states
            if is_charged(each) and isinstance(each.limit, Limit)
        )

    def question_of_slots(self, subject: Subject, slots: Slots) -> Question:
        """Return a question without rules, about the slots of *subject*, or what is wrong with it."""
        if not isinstance(slots, Slots):
            return Question(wrong=ArgumentError("slots", f"must be Slots, not {type(slots).__name__}"))
        try:
            subject = plain_subject(subject)
            return Question((), _with_tag((self._keys.key("c", slots.name) + ":",), subject), subject, 1)
        except ArgumentError as error:
            return Question(wrong=error.with_traceback(None))

    def _plan_of(self, limit: str | tuple[Limit, ...]) -> Plan:
        limits = parse_limits(limit) if isinstance(limit, str) else limit
        check_together(limits)
        if any(each.name == DEFAULT_NAME for each in limits):
            raise ArgumentError(
                "limit", "needs a name of its own where a call brings it, as in 'login=5/minute'"
            )
        return Plan(tuple(rule(each, self._algorithm) for each in limits), self._keys)


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


def plain_subject(subject: Subject) -> Subject:
    """Return *subject* as mere text, or a tuple of such: a class of its own might be equal to other text.

    Raises:
        ArgumentError: If it is no text, and no tuple of nothing else.
    """
    if isinstance(subject, str):
        return str.__str__(subject)
    if not isinstance(subject, tuple):
        raise ArgumentError("subject", f"must be text or a tuple of texts, not {type(subject).__name__}")
    for part in subject:
        if not isinstance(part, str):
            raise ArgumentError("subject", f"must be a tuple of texts, and hold no {type(part).__name__}")
    return tuple([str.__str__(part) for part in subject])


def _hashable(limit: Limits) -> str | tuple[Limit, ...]:
    if isinstance(limit, str):
        return limit
    given = (limit,) if isinstance(limit, Limit) else limit
    if not isinstance(given, Sequence) or not all(isinstance(each, Limit) for each in given):
        raise ArgumentError("limit", "must be a Limit, several, or text like 'login=5/minute'")
    return tuple(given)


def _with_tag(heads: Sequence[str], subject: Subject) -> tuple[str, ...]:
    try:
        tag = key_tag(subject if isinstance(subject, tuple) else (subject,))
        keys = tuple([head + tag for head in heads])
        if max(map(len, keys), default=0) <= _LONGEST // 4 or all(
            len(each.encode()) <= _LONGEST for each in keys
        ):
            return keys  # a character has four bytes at most
        reason = f"must not make a key of more than {_LONGEST} bytes"
    except ArgumentError as error:
        reason = error.reason
    # Raised here, or the frames behind it would show the subject.
    raise ArgumentError("subject", reason)


_LONGEST: Final = 2048
