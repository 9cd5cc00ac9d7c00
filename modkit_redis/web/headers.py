"""Rate limits in HTTP headers, as draft-ietf-httpapi-ratelimit-headers-11 has them.

``RateLimit-Policy`` and ``RateLimit`` are lists with one item per limit, which carries the limit's name.
Limits that are not enforced (``shadow``) are left out, as a client must not slow down for them; so are slots,
which are no rate. What Redis did not count is not told: a ``degraded`` decision has a policy and no numbers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import Decision, Limit, LimitState

Draft: TypeAlias = Literal["draft-11"]
"""Which draft the headers follow: the number of its revision."""

Decisions: TypeAlias = Decision | Sequence[Decision]
"""One decision, or all that were made about a request."""

Headers: TypeAlias = list[tuple[str, str]]
"""Names and values."""

DRAFTS: Final[tuple[Draft, ...]] = ("draft-11",)


def rate_limit_headers(
    decisions: Decisions, *, draft: Draft | None = "draft-11", legacy: bool = False
) -> Headers:
    """Return the headers that tell a client about *decisions*; none where there is nothing to tell.

    In ``RateLimit``, ``r`` is what is left, and ``t`` is in how many seconds all of it is allowed again; for
    a limit that refuses, in how many the request will be allowed, as ``Retry-After`` says. Seconds are
    rounded up.

    Args:
        decisions: What was decided.
        draft: Which draft to follow; ``None`` leaves its headers out.
        legacy: Whether to give ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset`` as well: the numbers of
            the limit that refuses, or has least left, and the time of its reset in seconds since 1970.

    Raises:
        ArgumentError: If there is no such draft here.
    """
    if draft not in (*DRAFTS, None):
        raise ArgumentError("draft", f"must be {' or '.join(map(repr, DRAFTS))}, or None")
    told = list(_told(decisions))
    known = [(limit, state) for decision, limit, state in told if not decision.degraded]
    found: Headers = []
    if draft is not None and told:
        found.append(("RateLimit-Policy", ", ".join([_policy(limit) for _, limit, _ in told])))
        if known:
            found.append(("RateLimit", ", ".join([_service_limit(state) for _, state in known])))
    if legacy and known:
        found += _legacy(*min(known, key=lambda each: (each[1].allowed, each[1].remaining)))
    return found


def retry_after(refused: Iterable[Decision]) -> int | None:
    """Return for how many seconds to wait, at least 1, or ``None`` if waiting does not help."""
    waits = [each.retry_after for each in refused]
    known = [each for each in waits if each is not None]
    return max([1, *map(seconds, known)]) if len(known) == len(waits) else None


def merged(standing: Iterable[tuple[str, str]], added: Iterable[tuple[str, str]]) -> Headers:
    """Return both: items are added before those of the same list, and another header stands as it is."""
    found = list(standing)
    names = [name.lower() for name, _ in found]
    for name, value in added:
        if (lower := name.lower()) not in names:
            found.append((name, value))
        elif lower in _LISTS:
            at = names.index(lower)
            found[at] = (found[at][0], f"{value}, {found[at][1]}")
    return found


def as_sequence(decisions: Decisions) -> Sequence[Decision]:
    """Return *decisions* as a sequence."""
    return (decisions,) if isinstance(decisions, Decision) else decisions


def seconds(span: timedelta) -> int:
    """Return *span* in whole seconds, rounded up."""
    return -(-span // _SECOND)


LIST_NAMES: Final = ("RateLimit-Policy", "RateLimit")
LEGACY_NAMES: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_LISTS: Final = frozenset(each.lower() for each in LIST_NAMES)
_SECOND: Final = timedelta(seconds=1)
_MOST: Final = 10**15 - 1
"""The largest integer of Structured Fields (RFC 9651)."""


def _told(decisions: Decisions) -> Iterator[tuple[Decision, Limit, LimitState]]:
    for decision in as_sequence(decisions):
        for state in decision.states:
            if isinstance(state.limit, Limit) and not state.limit.shadow:
                yield decision, state.limit, state


@lru_cache(maxsize=1024)
def _policy(limit: Limit) -> str:
    return f"{_string(limit.name)};q={_integer(limit.count)};w={_integer(seconds(limit.period))}"


def _service_limit(state: LimitState) -> str:
    wait = None if state.allowed else state.retry_after
    window = seconds(state.reset_after if wait is None else wait)
    item = f"{_string(state.limit.name)};r={_integer(state.remaining)}"
    return f"{item};t={_integer(window)}" if window > 0 else item


def _legacy(limit: Limit, state: LimitState) -> Headers:
    reset = int(time.time()) + seconds(state.reset_after)
    values = (limit.count, state.remaining, reset)
    return [(name, _integer(value)) for name, value in zip(LEGACY_NAMES, values, strict=True)]


def _integer(number: int) -> str:
    return str(min(max(number, 0), _MOST))


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
