"""Limits that change while they are in use, and limits of one name: what was used stays used."""

from __future__ import annotations

import pytest
import redis

from modkit_redis.contract import Limit
from modkit_redis.ratelimit._core import ALGORITHMS, Algorithm, rule
from tests.limiters import SECOND, AsyncLimiters, Case, bytes_of, most_bytes

from .limiter_stage import Stage

SIMPLE = [Case(each, 6, 3600 * SECOND) for each in ALGORITHMS]
WINDOWS = [each for each in SIMPLE if each.algorithm != "gcra"]
EACH = pytest.mark.parametrize("case", SIMPLE, ids=str)
EACH_WINDOW = pytest.mark.parametrize("case", WINDOWS, ids=str)
BUCKET = SIMPLE[0]


@EACH_WINDOW
async def test_windows_of_another_length_are_counted_apart(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    admitted = {"x=5/hour": 0, "x=5/2h": 0}

    for _ in range(12):
        for limit in admitted:
            admitted[limit] += (await stage.store.hit("ann", limit=limit)).allowed

    assert admitted == {"x=5/hour": 5, "x=5/2h": 5}
    assert len(stage.left()) == 2


@EACH_WINDOW
async def test_a_refund_of_a_decision_by_the_former_length_leaves_the_new_windows(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    decision = await stage.store.hit("ann", cost=2, limit="x=5/hour")
    await stage.store.hit("ann", cost=4, limit="x=5/2h")

    await stage.store.refund(decision)

    assert (await stage.store.peek("ann", cost=0, limit="x=5/2h")).remaining == 1
    assert (await stage.store.peek("ann", cost=0, limit="x=5/hour")).remaining == 5


@EACH
async def test_a_refund_of_a_decision_by_a_far_lower_limit_takes_back_no_more_than_it_charged(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    low, high = ("x=600/hour burst 5", "x=600/hour") if case is BUCKET else ("x=5/hour", "x=600/hour")
    decision = await stage.store.hit("ann", limit=low)
    await stage.store.hit("ann", cost=500, limit=high)

    await stage.store.refund(decision)

    assert (await stage.store.peek("ann", cost=0, limit=high)).remaining == 100


@EACH
async def test_a_limit_that_is_lowered_and_raised_again_has_lost_nothing_of_what_was_used(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    high, low = ("x=60/hour", "x=60/hour burst 6") if case is BUCKET else ("x=60/hour", "x=6/hour")
    await stage.store.hit("ann", cost=55, limit=high)

    refused = [await stage.store.hit("ann", limit=low) for _ in range(3)]

    assert [(each.allowed, each.remaining) for each in refused] == [(False, 0)] * 3
    assert (await stage.store.peek("ann", cost=0, limit=high)).remaining == 5


async def test_a_lowered_bucket_says_exactly_when_it_will_allow_again(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    stage = Stage(addr, prefix, admin, limiters, "gcra", lasting=True)
    low = Case("gcra", 60, 3600 * SECOND, 6)
    await stage.store.hit("ann", cost=55, limit="x=60/hour")

    wait = (await stage.at(low, stage.clock.now, 1)).retry

    assert wait == 50 * 60 * SECOND
    assert not (await stage.at(low, stage.clock.now + wait - 1, 1)).fits
    assert (await stage.at(low, stage.clock.now + wait, 1)).fits


async def test_a_bucket_that_is_lowered_by_far_refuses_for_ten_times_its_burst_at_most(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    stage = Stage(addr, prefix, admin, limiters, "gcra", lasting=True)
    low = Case("gcra", 1, SECOND)
    await stage.store.hit("ann", cost=6, limit=BUCKET.limit)

    refused = await stage.store.hit("ann", limit=low.limit)

    assert not refused
    assert (await stage.at(low, stage.clock.now + 10 * SECOND - 1, 1)).retry == 1
    assert (await stage.at(low, stage.clock.now + 10 * SECOND, 1)).fits


@pytest.mark.parametrize("first", ["x=100/hour", "x=100/hour burst 10"])
async def test_two_bursts_of_one_name_share_what_was_used(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, first: str
) -> None:
    stage = Stage(addr, prefix, admin, limiters, "gcra")
    limits = sorted(["x=100/hour", "x=100/hour burst 10"], key=lambda each: each != first)
    admitted = dict.fromkeys(limits, 0)

    for _ in range(150):
        for limit in limits:
            admitted[limit] += (await stage.store.hit("ann", limit=limit)).allowed

    assert sum(admitted.values()) == 100
    assert admitted["x=100/hour burst 10"] == 5


async def test_two_limits_are_two_names(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    stage = Stage(addr, prefix, admin, limiters, "gcra")
    both = "second=1000/second, day=3/day"

    admitted = sum([(await stage.store.hit("ann", limit=both)).allowed for _ in range(20)])

    assert admitted == 3


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("limit", ["m=100/minute", "m=97/hour", "m=9973/day"])
async def test_a_key_is_small_also_when_its_limit_is_overdrawn(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, algorithm: Algorithm, limit: str
) -> None:
    above = f"{prefix[:5]}:ratelimit:{rule(Limit.parse(limit), algorithm).counting}:m:"
    subject = "u" * (32 - len(above) - 2)
    stage = Stage(addr, prefix[:5], admin, limiters, algorithm)
    decision = await stage.store.hit(subject, cost=9, limit=limit)

    await stage.store.settle(decision, 1000)

    key = f"{above}{{{subject}}}"
    used = bytes_of(admin, key)
    await stage.store.reset(subject, limit=limit)
    assert len(key) == 32
    assert 40 <= used <= most_bytes(admin, algorithm)
