"""Settings of the rate limiter."""

from __future__ import annotations

from collections.abc import Iterator, Set
from datetime import timedelta
from typing import ClassVar, cast

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import Limit, parse_limits
from modkit_redis.kernel.parsing import RefusedError, choice, duration, text
from modkit_redis.kernel.settings import Settings, setting
from modkit_redis.ratelimit._core import ALGORITHMS, Algorithm, Rule, rule


class Limits(tuple[Limit, ...]):
    """Limits of a setting; shown as one would write them."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(map(str, self))


def limits(value: object) -> Limits:
    """Return the limits that *value* is, or that text describes."""
    if isinstance(value, Limit):
        return Limits([value])
    if isinstance(value, tuple | list) and all(isinstance(each, Limit) for each in value):
        found = Limits(value)
        value = str(found)
    try:
        return Limits(parse_limits(text(value)))
    except ArgumentError as error:
        reason = f"{error.argument.removeprefix('limit').strip()} {error.reason}".strip()
    raise RefusedError(reason)


class RateLimitSettings(Settings):
    """Settings of a rate limiter.

    Durations are ``timedelta``; as text they carry a unit. What each setting means is in its ``about``,
    which :meth:`describe` returns and ``docs/reference/settings.md`` lists.
    """

    section: ClassVar[str] = "ratelimit"

    limit: Limits | None = setting(
        limits,
        "the limits where a call names none, for example `100/minute`, or `second=10/second, day=1000/day`",
        default=None,
    )
    algorithm: str = setting(
        choice(*ALGORITHMS),
        "how limits are counted: `gcra` (token bucket), `sliding` (window counter), `fixed` (window) or "
        "`strict` (window that is never exceeded)",
        default="gcra",
    )
    on_outage: str = setting(
        choice("closed", "open"),
        "what a decision is when Redis does not answer: `closed` refuses, `open` allows; it is `degraded` "
        "in either case",
        default="closed",
    )
    deadline: timedelta | None = setting(
        duration,
        "bound on each decision as a whole; the client's timeouts alone when unset",
        default=None,
    )

    def rules(self) -> tuple[Rule, ...]:
        """Return how the limits are counted; none where there is no limit."""
        return tuple(rule(each, cast(Algorithm, self.algorithm)) for each in self.limit or ())

    def _contradictions(self, unusable: Set[str]) -> Iterator[tuple[str, str]]:
        if not unusable & {"limit", "algorithm"}:
            try:
                self.rules()
            except ArgumentError as error:
                yield "limit", f"{error.argument.removeprefix('limit').strip()} {error.reason}".strip()
