"""What bytes under a key stand for, and what may be done with them."""

from __future__ import annotations

import pytest

from modkit_redis.cache._core import (
    Absence,
    Entry,
    Plan,
    Verdict,
    entry_in,
    judged,
    lease_bytes,
    value_header,
)
from modkit_redis.cache.codec import JSON, Encoded

ENCODED = Encoded(JSON, 0, b"1")
GENERATION = b"present!"
PLAN = Plan(ttl_ms=1000, negative_ms=None, stale_ms=0, error_ms=0, early=False)


def value(grace_ms: int = 0, *, generation: bytes = b"") -> bytes:
    return value_header(ENCODED, grace_ms, generations=bool(generation)) + generation + ENCODED.payload


def entry(fresh_ms: float, grace_ms: int) -> Entry:
    return Entry(JSON, 0, b"1", fresh_ms, grace_ms, 0, grace_ms)


@pytest.mark.parametrize(
    ("raw", "pttl", "generation", "absence"),
    [
        (None, -2, b"", Absence.GONE),
        (None, 5, b"", Absence.GONE),
        (value(), -2, b"", Absence.GONE),  # it expired, and was stored again, between two commands
        (b"", 5, b"", Absence.FOREIGN),
        (value()[:39], 5, b"", Absence.FOREIGN),
        (b"x" * 60, 5, b"", Absence.FOREIGN),
        (value()[:3] + b"X" + value()[4:], 5, b"", Absence.FOREIGN),
        (value(generation=GENERATION), 5, b"", Absence.FOREIGN),
        (value(generation=GENERATION), 5, b"another!", Absence.GONE),
        (value(), 5, GENERATION, Absence.GONE),
        (lease_bytes(b"somebody"), 5, b"", Absence.HELD),
        (lease_bytes(b"somebody"), 5, GENERATION, Absence.HELD),
    ],
)
def test_what_is_no_value(raw: bytes | None, pttl: int, generation: bytes, absence: Absence) -> None:
    assert entry_in(raw, pttl, generation) is absence


@pytest.mark.parametrize("generation", [b"", GENERATION])
def test_a_value_is_fresh_for_what_is_left_of_the_ttl_less_its_grace(generation: bytes) -> None:
    found = entry_in(value(300, generation=generation), 1000, generation)

    assert isinstance(found, Entry)
    assert (found.payload, found.fresh_ms, found.grace_ms) == (b"1", 700, 300)


@pytest.mark.parametrize(
    ("fresh", "grace", "stale", "error", "verdict"),
    [
        (1, 0, 0, 0, Verdict.FRESH),
        (0, 0, 0, 0, Verdict.GONE),
        (0, 100, 100, 0, Verdict.STALE),
        (-99, 100, 200, 0, Verdict.STALE),
        (-100, 100, 200, 0, Verdict.GONE),
        (-100, 200, 100, 0, Verdict.GONE),
        (-99, 100, 0, 200, Verdict.FALLBACK),
        (-100, 100, 0, 200, Verdict.GONE),
        (-100, 200, 0, 100, Verdict.GONE),
        (-50, 200, 10, 100, Verdict.FALLBACK),
    ],
)
def test_what_may_be_done_with_a_value(
    fresh: float, grace: int, stale: int, error: int, verdict: Verdict
) -> None:
    plan = PLAN._replace(stale_ms=stale, error_ms=error)

    assert judged(entry(fresh, grace), plan) is verdict
