# Generated from ../_async/test_ratelimit_i01_bounds.py by .ci/unasync.py; do not edit.
"""I1: no schedule, however adversarial, gets more than the table of worst cases says, in any span of time."""

from __future__ import annotations

import random

import pytest
import redis

from modkit_redis.contract import Decision
from tests.limiter_models import most_in, worst
from tests.limiters import SECOND, Case, Clock, Limiters, lifetimes, microseconds

CASES = [
    Case("gcra", 5, 60 * SECOND),
    Case("gcra", 7, 3600 * SECOND, 3),
    Case("gcra", 3, 3600 * SECOND, 20),
    Case("sliding", 5, 3600 * SECOND),
    Case("fixed", 5, 3600 * SECOND),
    Case("strict", 5, 3600 * SECOND),
    Case("strict", 12, 600 * SECOND + 7000),
]


def next_time(chance: random.Random, now: int, case: Case, refused: Decision | None) -> int:
    """Choose when to ask next: at once, when it may be allowed, about an edge of a window, or anytime."""
    edge = (now // case.period + 1) * case.period
    wait = microseconds(refused.retry_after) if refused is not None else 0
    return chance.choice(
        [
            now,
            now,
            now + 1,
            now + max(wait, 0),
            max(now, edge - chance.choice([1, 2, case.period // 20])),
            edge,
            now + chance.randrange(1 + case.period // case.count),
        ]
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_i01_no_span_admits_more_than_the_worst_case(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, chance: random.Random, case: Case
) -> None:
    clock, admitted = Clock(lasting=True), []
    store = limiters.open(addr, prefix, clock=clock, algorithm=case.algorithm)
    refused = None
    for _ in range(120):
        clock.now = next_time(chance, clock.now, case, refused)
        decision = store.hit("ann", cost=chance.choice([1, 1, 2, 3]), limit=case.limit)
        refused = None if decision else decision
        if decision:
            admitted.append((clock.now, decision.cost))

    capacity = case.limit.capacity
    for span, used in most_in(admitted):
        assert used <= worst(case.algorithm, case.count, capacity, case.period, span)
    assert len(admitted) > 10
    assert min(lifetimes(admin, prefix).values()) > 0


def test_i01_a_strict_window_admits_its_limit_in_any_window(
    addr: str, prefix: str, limiters: Limiters
) -> None:
    clock, case = Clock(lasting=True), Case("strict", 10, 100 * SECOND)
    store = limiters.open(addr, prefix, clock=clock, algorithm="strict")
    admitted = []
    for _ in range(150):
        if store.hit("ann", limit=case.limit):
            admitted.append(clock.now)
        clock.now += 3 * SECOND + 1

    for begun in admitted:
        assert sum(begun <= each < begun + case.period for each in admitted) <= case.count
    assert len(admitted) >= 35


def test_i01_the_window_counter_stays_below_twice_its_limit_at_its_worst(
    addr: str, prefix: str, limiters: Limiters
) -> None:
    clock, case = Clock(lasting=True), Case("sliding", 20, 1000 * SECOND)
    store = limiters.open(addr, prefix, clock=clock, algorithm="sliding")
    clock.now = (clock.now // case.period + 1) * case.period - 1
    admitted = []
    for _ in range(150):
        decision = store.hit("ann", limit=case.limit)
        if decision:
            admitted.append(clock.now)
        else:
            clock.now += microseconds(decision.retry_after)

    most = max(sum(begun <= each < begun + case.period for each in admitted) for begun in admitted)
    assert case.count < most < 2 * case.count
