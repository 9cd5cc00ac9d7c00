"""Settings of the rate limiter."""

from __future__ import annotations

from collections.abc import Iterator, Set
from datetime import timedelta
from typing import ClassVar, Self, cast

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import Limit, check_together, parse_limits
from modkit_redis.kernel.given import EnvFile
from modkit_redis.kernel.parsing import RefusedError, choice, duration, duration_or_zero, integer, text
from modkit_redis.kernel.settings import Settings, setting
from modkit_redis.ratelimit._core import ALGORITHMS, Algorithm, Rule, rule


class Limits(tuple[Limit, ...]):
    """Limits of a setting; shown as one would write them."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(map(str, self))


def limits(value: object) -> Limits:
    """Return the limits that *value* is, or that text describes."""
    given = (value,) if isinstance(value, Limit) else value
    try:
        if isinstance(given, tuple | list) and all(isinstance(each, Limit) for each in given):
            check_together(given)
            return Limits(given)
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

    limit: tuple[Limit, ...] | None = setting(
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
        choice("closed", "open", "local"),
        "what a decision is when Redis does not answer: `closed` refuses, `open` allows, `local` counts in "
        "this process alone. It is `degraded` in each case",
        default="closed",
    )
    replicas: int | None = setting(
        integer(1, 100_000),
        "how many processes share each limit; with `local`, each allows its part",
        default=None,
    )
    deadline: timedelta | None = setting(
        duration,
        "bound on each decision as a whole; the client's timeouts alone when unset",
        default=None,
    )

    breaker: timedelta = setting(
        duration_or_zero,
        "how long nobody asks after Redis did not answer; then one call at a time does. 0: every call asks",
        default=timedelta(seconds=1),
    )
    deny_cache: int = setting(
        integer(0, 1_000_000),
        "how many denials this process remembers, to refuse again without asking; it does not hear of what "
        "others reset or refund meanwhile",
        default=0,
    )

    @classmethod
    def load(cls, config: object, name: str = "", env_file: EnvFile = None) -> Self:
        """Read the settings as others are read; a section that is missing is an empty one.

        Each setting has a default, and whoever uses the limiter may name the limit in each call.
        """
        return super().load({} if config is None else config, name, env_file)

    def rules(self) -> tuple[Rule, ...]:
        """Return how the limits are counted; none where there is no limit."""
        return tuple(rule(each, cast(Algorithm, self.algorithm)) for each in self.limit or ())

    def _contradictions(self, unusable: Set[str]) -> Iterator[tuple[str, str]]:
        if not unusable & {"on_outage", "replicas"} and (self.on_outage == "local") != (
            self.replicas is not None
        ):
            yield "replicas", "goes with REDIS_RATELIMIT_ON_OUTAGE=local: set both or neither"
        if not unusable & {"limit", "algorithm"}:
            try:
                self.rules()
            except ArgumentError as error:
                yield "limit", f"{error.argument.removeprefix('limit').strip()} {error.reason}".strip()
