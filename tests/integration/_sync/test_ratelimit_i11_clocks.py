# Generated from ../_async/test_ratelimit_i11_clocks.py by .ci/unasync.py; do not edit.
"""I11: however far the server's clock goes back, nobody is locked out for longer than a limit's own time."""

from __future__ import annotations

import math
import struct

import pytest
import redis

from modkit_redis.ratelimit._core import ALGORITHMS
from tests.limiter_models import NOW
from tests.limiters import SECOND, Case, Clock, Limiters, lifetimes, microseconds

CASES = [Case(each, 6, 3600 * SECOND) for each in ALGORITHMS]
EACH = pytest.mark.parametrize("case", CASES, ids=str)
LONGEST = {"gcra": 1, "sliding": 2, "fixed": 1, "strict": 2}
"""In periods: when a subject that used all is allowed again at the latest."""

GARBAGE = [
    b"",
    b"none",
    b"\x00\xff\xfe",
    b"99999999999999999999 9 9",
    b"9" * 400,
    b"9" * 400 + b" " + b"9" * 400 + b" 1 2 3",
    b"-1 -1",
    b"1.5e300",
    b"0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
    b"1800000000000000 " * 50,
    b"500000 7 7",
    b"nan inf 12",
    b"1800000000000000 3600000",
    *(
        struct.pack(">3d", *each)
        for each in (
            (math.nan, 0, 7),
            (math.inf, 0, math.inf),
            (NOW + 10**6, math.nan, 10**6),
            (NOW + 10**6, -(10**300), 10**6),
            (NOW + 10**6, 1, -(10**6)),
            (NOW + 0.5, 0.25, 10**6),
            (1e300, 1e300, 1e300),
        )
    ),
]


@EACH
@pytest.mark.parametrize("back", [1, 3600 * SECOND, 86_400 * SECOND * 365], ids=["1us", "1h", "1y"])
def test_i11_who_is_refused_when_the_clock_has_gone_back_is_allowed_within_the_limits_own_time(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, case: Case, back: int
) -> None:
    clock = Clock(lasting=True)  # a microsecond before its window ends, a key is about to expire
    store = limiters.open(addr, prefix, clock=clock, algorithm=case.algorithm)
    assert store.hit("ann", cost=6, limit=case.limit)
    clock.now -= back
    begun = clock.now

    refused = store.hit("ann", limit=case.limit)
    decision = store.peek("ann", limit=case.limit)
    for _ in range(20):
        decision = store.hit("ann", limit=case.limit)
        if decision:
            break
        clock.now += microseconds(decision.retry_after)

    assert not refused
    assert decision
    assert clock.now - begun <= LONGEST[case.algorithm] * case.period
    assert min(lifetimes(admin, prefix).values()) > 0


@EACH
def test_i11_a_peek_moves_nothing_when_the_clock_has_gone_back(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, case: Case
) -> None:
    clock = Clock()
    store = limiters.open(addr, prefix, clock=clock, algorithm=case.algorithm)
    store.hit("ann", cost=6, limit=case.limit)
    [key] = lifetimes(admin, prefix)
    before = admin.get(key)
    clock.now -= 86_400 * SECOND

    assert not store.peek("ann", limit=case.limit)

    assert admin.get(key) == before


@EACH
def test_i11_a_refund_after_the_clock_has_gone_back_takes_back_what_was_charged(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, case: Case
) -> None:
    clock = Clock()
    store = limiters.open(addr, prefix, clock=clock, algorithm=case.algorithm)
    store.hit("ann", cost=4, limit=case.limit)
    decision = store.hit("ann", cost=2, limit=case.limit)
    clock.now -= 86_400 * SECOND

    store.refund(decision)

    assert (store.peek("ann", cost=0, limit=case.limit)).remaining == 2
    assert all(0 < each <= 2 * 3600 * 1000 + 10 for each in lifetimes(admin, prefix).values())


@EACH
def test_a_limit_that_is_lowered_refuses_for_no_longer_than_it_says(
    addr: str, prefix: str, limiters: Limiters, case: Case
) -> None:
    clock = Clock()
    store = limiters.open(addr, prefix, clock=clock, algorithm=case.algorithm)
    store.hit("ann", cost=6, limit=case.limit)

    lower = "x=1/10m" if case.algorithm == "gcra" else "x=1/hour"

    refused = store.hit("ann", limit=lower)
    clock.now += microseconds(refused.retry_after)

    assert not refused
    assert store.hit("ann", limit=lower)


@EACH
@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_whatever_bytes_are_under_a_key_it_heals(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, case: Case, number: int
) -> None:
    clock = Clock()
    store = limiters.open(addr, prefix, clock=clock, algorithm=case.algorithm)
    key = f"{prefix}:ratelimit:{case.rule.counting}:x:{{ann}}"
    admin.set(key, GARBAGE[number])

    decision = store.peek("ann", limit=case.limit)
    for _ in range(20):
        decision = store.hit("ann", limit=case.limit)
        if decision:
            break
        assert 0 < microseconds(decision.retry_after) <= 10 * case.period
        clock.now += microseconds(decision.retry_after)

    assert decision
    assert decision.remaining < case.count
    assert admin.pttl(key) > 0
    admin.set(key, GARBAGE[number])
    store.refund(decision)
    assert admin.pttl(key) != -1
