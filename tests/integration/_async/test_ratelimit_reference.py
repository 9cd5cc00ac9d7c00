"""The reference table: rate 1/s, burst 5; and what a subject costs in memory."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from modkit_redis.contract import Limit
from modkit_redis.ratelimit._core import ALGORITHMS, Algorithm, rule
from tests.caching import within
from tests.limiters import SECOND, AsyncLimiters, Clock, bytes_of, lifetimes, most_bytes, states

NONE = timedelta(0)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


async def test_five_hits_are_admitted_and_the_sixth_is_told_when(
    addr: str, prefix: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix, clock=Clock(lasting=True), limit="1/second burst 5")

    decisions = [await store.hit("ann") for _ in range(6)]

    assert [each.allowed for each in decisions] == [True] * 5 + [False]
    assert [each.remaining for each in decisions] == [4, 3, 2, 1, 0, 0]
    assert [each.retry_after for each in decisions] == [NONE] * 5 + [seconds(1)]
    assert [each.reset_after for each in decisions] == [seconds(each) for each in (1, 2, 3, 4, 5, 5)]
    assert [each.degraded for each in decisions] == [False] * 6


async def test_a_cost_of_six_is_refused_for_ever_and_charges_nothing(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix, clock=Clock(lasting=True), limit="1/second burst 5")

    decision = await store.hit("ann", cost=6)
    waited = await store.acquire("ann", cost=6, timeout=60)

    assert (decision.allowed, decision.retry_after, decision.remaining) == (False, None, 5)
    assert (waited.allowed, waited.retry_after) == (False, None)
    assert states(admin, prefix) == {}


async def test_a_hit_of_no_cost_changes_nothing(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix, clock=Clock(lasting=True), limit="1/second burst 5")

    decision = await store.hit("ann", cost=0)

    assert (decision.allowed, decision.remaining, decision.retry_after) == (True, 5, NONE)
    assert states(admin, prefix) == {}


async def test_it_is_allowed_again_as_it_was_told_by_the_real_clock(
    addr: str, prefix: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix, limit="2/100ms")
    await store.hit("ann", cost=2)

    with within(0.2):
        decision = await store.acquire("ann", timeout=5)
    with within(0.2):
        both = await store.acquire("ann", cost=2, timeout=5)

    assert (decision.allowed, both.allowed) == (True, True)


async def test_who_would_wait_for_too_long_does_not_wait_at_all(
    addr: str, prefix: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix, limit="1/hour")
    await store.hit("ann")

    with within(0.1):
        decision = await store.acquire("ann", timeout=60)

    assert not decision


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_key_is_small_and_gone_when_its_time_is_over(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, algorithm: Algorithm
) -> None:
    clock, limit = Clock(), "m=100/minute"
    above = f"{prefix[:5]}:ratelimit:{rule(Limit.parse(limit), algorithm).counting}:m:"
    subject = "u" * (32 - len(above) - 2)
    store = limiters.open(addr, prefix[:5], clock=clock, algorithm=algorithm)
    for cost in (9, 7, 30, 31, 8):
        await store.hit(subject, cost=cost, limit=limit)
        clock.now += 13 * SECOND

    key = f"{above}{{{subject}}}"
    assert len(key) == 32
    assert bytes_of(admin, key) in range(40, most_bytes(admin, algorithm) + 1)
    await store.reset(subject, limit=limit)
    await store.hit(subject, limit="m=1/30s")
    [ttl_ms] = lifetimes(admin, prefix[:5]).values()
    assert 0 < ttl_ms <= 60_002
    await store.reset(subject, limit="m=1/30s")
