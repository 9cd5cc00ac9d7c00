"""From a call's arguments to what is asked of the server, or an error that says which argument is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from modkit_redis.contract.errors import ArgumentError, ConfigError
from modkit_redis.contract.keys import KeySpace
from modkit_redis.contract.ratelimit import DEFAULT_NAME, Limit, Limits, Subject, check_together, parse_limits
from modkit_redis.ratelimit._core import Algorithm, Rule, rule
from modkit_redis.ratelimit.config import RateLimitSettings


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be decided.

    Attributes:
        rules: The limits.
        keys: Their keys, in the same order.
        subject: Who asks.
        cost: How much for.
    """

    rules: tuple[Rule, ...]
    keys: tuple[str, ...]
    subject: Subject
    cost: int

    def __repr__(self) -> str:
        return "Question(…)"  # who asks is a user's data


class Planner:
    """Makes questions."""

    def __init__(self, settings: RateLimitSettings, key_prefix: str) -> None:
        """Take limits and algorithm from *settings*."""
        self._algorithm = cast(Algorithm, settings.algorithm)
        self._rules = settings.rules()
        self._keys = KeySpace(key_prefix, "ratelimit")

    def question(self, subject: Subject, cost: int, limit: Limits | None) -> Question:
        """Return what is to be decided.

        Raises:
            ArgumentError: If an argument cannot be used.
            ConfigError: If neither the settings nor the call name a limit.
        """
        if type(cost) is not int or not 0 <= cost <= _MOST:
            raise ArgumentError("cost", f"must be a whole number from 0 to {_MOST}")
        rules = self._rules if limit is None else self._rules_of(limit)
        if not rules:
            raise ConfigError(
                "REDIS_RATELIMIT_LIMIT",
                "is not set, and the call names no limit: set it, or give limit='login=5/minute'",
            )
        return Question(rules, self._names(subject, rules), subject, cost)

    def _rules_of(self, limit: Limits) -> tuple[Rule, ...]:
        if isinstance(limit, str):
            return _parsed(limit, self._algorithm)
        given = [limit] if isinstance(limit, Limit) else limit
        if not isinstance(given, Sequence) or not all(isinstance(each, Limit) for each in given):
            raise ArgumentError("limit", "must be a Limit, several, or text like 'login=5/minute'")
        return _rules(tuple(given), self._algorithm)

    def _names(self, subject: Subject, rules: Sequence[Rule]) -> tuple[str, ...]:
        tag = subject if isinstance(subject, tuple) else (subject,)
        names = tuple(self._keys.tagged(each.letter, each.limit.name, tag=tag) for each in rules)
        if len(names[0].encode()) > _LONGEST:
            raise ArgumentError("subject", f"must not be longer than {_LONGEST} bytes, escaped and with its limit")
        return names


@lru_cache(maxsize=1024)
def _parsed(text: str, algorithm: Algorithm) -> tuple[Rule, ...]:
    return _rules(parse_limits(text), algorithm)


@lru_cache(maxsize=1024)
def _rules(limits: tuple[Limit, ...], algorithm: Algorithm) -> tuple[Rule, ...]:
    check_together(limits)
    if any(each.name == DEFAULT_NAME for each in limits):
        raise ArgumentError("limit", "needs a name of its own where a call brings it, as in 'login=5/minute'")
    return tuple(rule(each, algorithm) for each in limits)


_MOST: Final = 2**31
_LONGEST: Final = 2048
