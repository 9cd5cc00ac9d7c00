# Generated from ../_async/test_ratelimit_i02_answers.py by .ci/unasync.py; do not edit.
"""I2 to I8, I13: each answer is exact, on random schedules, against models written apart from the scripts."""

from __future__ import annotations

import random

import pytest
import redis

from modkit_redis.ratelimit._core import ALGORITHMS
from tests.limiter_models import Answer, model_of
from tests.limiters import SECOND, Case, Limiters, lifetimes, microseconds

from .limiter_stage import Stage, ends_ms, told

CASES = [
    Case("gcra", 5, 600 * SECOND),
    Case("gcra", 7, 3600 * SECOND + 1000, 3),
    Case("gcra", 59, 3600 * SECOND, 100),
    Case("gcra", 9_973, 86_400 * SECOND),
    Case("gcra", 100, 600 * SECOND),
    Case("sliding", 5, 600 * SECOND),
    Case("sliding", 97, 3600 * SECOND + 1000),
    Case("fixed", 7, 600 * SECOND),
    Case("strict", 7, 600 * SECOND),
    Case("strict", 97, 3600 * SECOND + 1003),
]
SIMPLE = [Case(each, 6, 3600 * SECOND) for each in ALGORITHMS]
EACH = pytest.mark.parametrize("case", SIMPLE, ids=str)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_i13_each_answer_is_that_of_the_model(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, chance: random.Random, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm, lasting=True)
    store, clock, limit = stage.store, stage.clock, case.limit
    assert case.rule.tick_us == 1
    model, capacity = model_of(case.rule, case.algorithm), case.limit.capacity
    clock.now += chance.randrange(10**12)
    for _ in range(40):
        clock.now += chance.choice(
            [0, 0, 1, chance.randrange(2 + case.period // case.count), chance.randrange(case.period // 2)]
        )
        cost = chance.choice([0, 1, 1, 2, chance.randint(1, capacity + 2)])
        before = store.peek("ann", cost=cost, limit=limit)
        decision = store.hit("ann", cost=cost, limit=limit)
        answer = model.ask(clock.now, cost, charges=True)

        assert told(decision) == answer
        assert (before.allowed, before.retry_after) == (decision.allowed, decision.retry_after)
        assert before.remaining - decision.remaining == (cost if decision.allowed else 0)  # I5
        assert (answer.retry == -1) == (cost > capacity)  # I4
        if answer.retry > 0:  # I3
            assert (stage.at(case, clock.now + answer.retry, cost)).fits
            assert not (stage.at(case, clock.now + answer.retry - 1, cost)).fits
        assert stage.at(case, clock.now + answer.reset) == Answer(True, capacity, 0, 0)  # I6
        if answer.reset:
            assert (stage.at(case, clock.now + answer.reset - 1)).reset == 1
        if decision and cost and chance.random() < 0.3:
            clock.now += chance.choice([0, 0, 1, chance.randrange(case.period // 10)])
            store.refund(decision)
            model.refund(clock.now, cost, decision.at_us, answer.reset)
            assert told(store.peek("ann", cost=0, limit=limit)) == model.ask(clock.now, 0, charges=False)
        assert all(each > 0 for each in lifetimes(admin, prefix).values())


@EACH
def test_i02_what_is_refused_and_what_costs_nothing_and_what_is_peeked_at_changes_nothing(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    stage.store.hit("ann", cost=4, limit=case.limit)
    [key] = stage.left()
    before, ends = stage.left(), ends_ms(admin, key)

    stage.clock.now += 60 * SECOND
    refused = [stage.store.hit("ann", cost=cost, limit=case.limit) for cost in (5, 6, 7, 2**31)]
    free = stage.store.hit("ann", cost=0, limit=case.limit)
    peeked = stage.store.peek("ann", cost=1, limit=case.limit)

    assert [each.allowed for each in refused] == [False] * 4
    assert (free.allowed, peeked.allowed, peeked.charged) == (True, True, False)
    assert (stage.left(), ends_ms(admin, key)) == (before, ends)


@EACH
def test_i07_a_key_lives_as_long_as_it_counts_and_two_milliseconds_at_most(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    for passed in (0, 1, 999, 1001, 123_457):
        stage.clock.now += passed
        seconds, us = admin.time()
        decision = stage.store.hit("ann", limit=case.limit)
        [key] = stage.left()
        ends = ends_ms(admin, key) * 1000
        later, us_later = admin.time()

        reset = microseconds(decision.reset_after)
        assert seconds * SECOND + us + reset - 1000 <= ends <= later * SECOND + us_later + reset + 2000


@EACH
def test_i07_a_key_that_lost_its_ttl_has_one_after_the_next_hit(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    stage.store.hit("ann", limit=case.limit)
    [key] = stage.left()
    admin.persist(key)

    decision = stage.store.hit("ann", limit=case.limit)

    assert decision.remaining == 4
    assert 0 < admin.pttl(key) <= microseconds(decision.reset_after) / 1000 + 2


@EACH
def test_i08_two_hits_are_one_of_their_sum(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)

    stage.store.hit("ann", cost=2, limit=case.limit)
    two = stage.store.hit("ann", cost=3, limit=case.limit)
    one = stage.store.hit("bob", cost=5, limit=case.limit)

    assert told(two) == told(one)
    assert len(set(stage.left().values())) == 1


@EACH
def test_a_limit_may_change_and_what_was_used_stays_used(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    stage.store.hit("ann", cost=4, limit=case.limit)

    higher = stage.store.peek("ann", cost=0, limit="x=12/hour")
    lower = stage.store.peek("ann", cost=0, limit="x=2/hour")

    # the bucket knows how long it takes to fill up, and not how much that is
    assert (higher.remaining, lower.remaining) == ((4 if case.algorithm == "gcra" else 8), 0)
    assert [*stage.left()] == [f"{prefix}:ratelimit:{case.rule.counting}:x:{{ann}}".encode()]


@pytest.mark.parametrize(("count", "period"), [(10_000_019, 86_400), (1_000_003, 31_536_000)])
def test_numbers_that_are_too_large_for_microseconds_are_counted_by_longer_ticks(
    addr: str,
    prefix: str,
    admin: redis.Redis,
    limiters: Limiters,
    chance: random.Random,
    count: int,
    period: int,
) -> None:
    for algorithm in ALGORITHMS:
        case = Case(algorithm, count, period * SECOND)
        stage = Stage(addr, f"{prefix}:{algorithm}", admin, limiters, algorithm, lasting=True)
        assert algorithm == "strict" or case.rule.tick_us > 1
        for _ in range(10):
            stage.clock.now += chance.randrange(case.period // 20)
            cost = chance.randint(1, count // 2)
            decision = stage.store.hit("ann", cost=cost, limit=case.limit)
            wait = microseconds(decision.retry_after)
            if wait > 0:
                assert (stage.at(case, stage.clock.now + wait, cost)).fits
                assert not (stage.at(case, stage.clock.now + wait - 1, cost)).fits
            reset = stage.clock.now + microseconds(decision.reset_after)
            assert stage.at(case, reset) == Answer(True, count, 0, 0)
            assert (stage.at(case, reset - 1)).reset == 1
