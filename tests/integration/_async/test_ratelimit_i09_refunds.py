"""I9: what is refunded or settled leaves a limit as if it had been used so from the beginning."""

from __future__ import annotations

import random

import pytest
import redis

from modkit_redis.contract import Decision
from modkit_redis.ratelimit._core import ALGORITHMS
from tests.limiter_models import Answer, Model, model_of
from tests.limiters import SECOND, AsyncLimiters, Case, lifetimes, microseconds

from .limiter_stage import Stage, told

SIMPLE = [Case(each, 6, 3600 * SECOND) for each in ALGORITHMS]
WINDOWS = [each for each in SIMPLE if each.algorithm != "gcra"]
EACH = pytest.mark.parametrize("case", SIMPLE, ids=str)
EACH_WINDOW = pytest.mark.parametrize("case", WINDOWS, ids=str)
BUCKET = SIMPLE[0]
CASES = [
    *SIMPLE,
    Case("gcra", 7, 3600 * SECOND + 1000, 3),
    Case("gcra", 97, 86_400 * SECOND),
    Case("sliding", 97, 3600 * SECOND + 1000),
    Case("strict", 97, 3600 * SECOND + 1003),
]


class Charged:
    """What a decision has charged, apart from what the store knows of it."""

    def __init__(self, case: Case, model: Model, at: int, cost: int, reset: int) -> None:
        self.case, self.model = case, model
        self.charges = [(at, cost, reset)]

    @property
    def cost(self) -> int:
        return sum(cost for _, cost, _ in self.charges)

    def settle(self, now: int, cost: int) -> None:
        if cost > self.cost:
            more = cost - self.cost
            answer = self.model.charge(now, more)
            self.charges.append((now, more, answer.reset))
        while self.cost > cost:
            at, used, reset = self.charges.pop()
            taken = min(used, self.cost + used - cost)
            self.model.refund(now, taken, at, reset)
            if used > taken or not self.charges:
                sooner = taken * self.case.period // self.case.count if self.case.algorithm == "gcra" else 0
                self.charges.append((at, used - taken, max(0, reset - sooner)))


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_i09_settles_and_refunds_are_those_of_the_model(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, chance: random.Random, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm, lasting=True)
    store, clock, limit = stage.store, stage.clock, case.limit
    model, known = model_of(case.rule, case.algorithm), list[tuple[Decision, Charged]]()
    for _ in range(60):
        clock.now += chance.choice(
            [0, 0, 1, chance.randrange(case.period // 8), chance.randrange(case.period)]
        )
        if known and chance.random() < 0.6:
            decision, charged = known.pop(chance.randrange(len(known)))
            most = chance.choice([decision.cost, case.count, 4 * case.count, 11 * case.count])
            cost = chance.choice([0, decision.cost, chance.randint(0, most)])
            if chance.random() < 0.2:
                await store.refund(decision)
                charged.settle(clock.now, 0)
            else:
                decision = await store.settle(decision, cost)
                charged.settle(clock.now, cost)
                assert (decision.cost, decision.charged, decision.allowed) == (cost, True, True)
                known.append((decision, charged))
        else:
            cost = chance.randint(1, case.limit.capacity)
            decision = await store.hit("ann", cost=cost, limit=limit)
            answer = model.ask(clock.now, cost, charges=True)
            assert told(decision) == answer
            if decision:
                known.append((decision, Charged(case, model, clock.now, cost, answer.reset)))

        for cost in (0, 1, case.limit.capacity):
            assert await stage.at(case, clock.now, cost) == model.ask(clock.now, cost, charges=False)
        assert all(each > 0 for each in lifetimes(admin, prefix).values())


@EACH
async def test_i09_a_refund_undoes_a_hit_and_many_refunds_leave_a_fresh_state(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    first = await stage.store.hit("ann", cost=2, limit=case.limit)
    stage.clock.now += 10 * SECOND
    before = await stage.future(case)

    second = await stage.store.hit("ann", cost=3, limit=case.limit)
    await stage.store.refund(second)

    assert await stage.future(case) == before
    for _ in range(3):
        await stage.store.refund(first)
    assert await stage.at(case, stage.clock.now) == Answer(True, 6, 0, 0)
    assert stage.left() == {}


@EACH
async def test_i09_a_second_refund_gives_no_more_than_was_used(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    first = await stage.store.hit("ann", cost=2, limit=case.limit)
    await stage.store.hit("ann", cost=1, limit=case.limit)

    for _ in range(2):
        await stage.store.refund(first)

    assert await stage.at(case, stage.clock.now) == Answer(True, 6, 0, 0)
    assert stage.left() == {}


@EACH
async def test_i09_a_refund_in_a_later_window_takes_only_what_still_counts(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    decision = await stage.store.hit("ann", cost=6, limit=case.limit)
    stage.clock.now += 3 * case.period
    await stage.store.hit("ann", cost=4, limit=case.limit)

    if case.algorithm != "gcra":  # which does not know when its tokens were used
        await stage.store.refund(decision)

        assert (await stage.at(case, stage.clock.now)).remaining == 2


@EACH
async def test_i09_what_was_not_charged_is_not_refunded_and_not_settled(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    await stage.store.hit("ann", cost=4, limit=case.limit)
    before = stage.left()
    peeked = await stage.store.peek("ann", cost=2, limit=case.limit)
    refused = await stage.store.hit("ann", cost=3, limit=case.limit)
    shadow = f"x=6/{'hour'} shadow"
    reported = await stage.store.hit("ann", cost=3, limit=shadow)

    for decision in (peeked, refused, reported):
        await stage.store.refund(decision)
        await stage.store.settle(decision, 1)
        await stage.store.settle(decision, 5)

    assert (reported.allowed, reported.states[0].allowed) == (True, False)
    assert stage.left() == before


@EACH
async def test_what_is_settled_is_charged_in_the_place_of_what_was_reserved(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)

    async with stage.store.reserve("ann", cost=2, limit=case.limit) as reservation:
        left = []
        for cost in (4, 1, 0, 3, 3, 9):
            await reservation.settle(cost)
            left.append((await stage.at(case, stage.clock.now)).remaining)

    assert left == [2, 5, 6, 3, 3, 0]
    assert all(each > 0 for each in lifetimes(admin, prefix).values())


@EACH
async def test_i09_what_is_settled_up_and_down_again_leaves_no_trace(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    await stage.store.hit("ann", cost=1, limit=case.limit)
    reserved = await stage.store.hit("ann", cost=2, limit=case.limit)
    before = await stage.future(case)

    settled = await stage.store.settle(reserved, 50)
    settled = await stage.store.settle(settled, 2)

    assert (settled.cost, settled.at_us) == (2, reserved.at_us)
    assert await stage.future(case) == before
    await stage.store.refund(settled)
    assert (await stage.at(case, stage.clock.now)).remaining == 5


@EACH
async def test_i09_what_is_settled_in_a_later_window_is_taken_back_from_there(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    reserved = await stage.store.hit("ann", cost=3, limit=case.limit)
    stage.clock.now += case.period // 2 + case.period
    await stage.store.hit("ann", cost=2, limit=case.limit)
    before = await stage.future(case)

    settled = await stage.store.settle(reserved, 20)
    again = await stage.store.settle(settled, 3)

    assert await stage.future(case) == before
    assert (settled.at_us, again) == (stage.clock.now, reserved)


@EACH
async def test_i09_a_refund_of_what_was_settled_takes_all_of_it_back(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    decision = await stage.store.hit("ann", cost=1, limit=case.limit)
    for cost in (3, 5, 4, 8, *range(9, 40)):
        decision = await stage.store.settle(decision, cost)

    await stage.store.refund(decision)

    assert stage.left() == {}
    assert charges(decision) == 8  # of which it is known when they were


def charges(decision: Decision) -> int:
    return 1 + (charges(decision.settles) if decision.settles is not None else 0)


async def test_i09_what_was_settled_downwards_is_paid_off_sooner(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    stage = Stage(addr, prefix, admin, limiters, "gcra")
    decision = await stage.store.hit("ann", cost=4, limit=BUCKET.limit)
    settled = await stage.store.settle(decision, 1)
    stage.clock.now += 3 * BUCKET.period // BUCKET.count // 2
    await stage.store.hit("ann", cost=3, limit=BUCKET.limit)

    await stage.store.refund(settled)

    assert microseconds(settled.reset_after) == BUCKET.period // BUCKET.count
    assert (await stage.at(BUCKET, stage.clock.now)).remaining == 3


@EACH
async def test_i09_a_settle_may_go_down_from_the_highest_cost_there_is(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    decision = await stage.store.hit("ann", limit="x=6/366d")

    highest = await stage.store.settle(decision, 2**31)
    settled = await stage.store.settle(highest, 5)
    await stage.store.refund(settled)

    assert (settled.cost, settled.charged) == (5, True)
    assert stage.left() == {}


async def test_a_settle_above_the_limit_is_paid_off_before_anything_is_allowed(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    stage = Stage(addr, prefix, admin, limiters, "gcra")
    decision = await stage.store.hit("ann", cost=2, limit=BUCKET.limit)

    await stage.store.settle(decision, 30)

    hour = BUCKET.period
    assert await stage.at(BUCKET, stage.clock.now, 1) == Answer(False, 0, 25 * hour // 6, 5 * hour)
    [ttl_ms] = lifetimes(admin, prefix).values()
    assert 5 * 3_600_000 - 10_000 < ttl_ms <= 5 * 3_600_000 + 2


@EACH_WINDOW
async def test_a_settle_above_the_limit_counts_for_as_long_as_its_window(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    decision = await stage.store.hit("ann", cost=2, limit=case.limit)

    await stage.store.settle(decision, 30)

    wait = {"fixed": 60, "sliding": 60 + 50, "strict": 66}[case.algorithm] * 60 * SECOND
    assert (await stage.at(case, stage.clock.now, 1)).retry == wait
    assert (await stage.at(case, stage.clock.now + wait, 1)).fits


@EACH
async def test_ten_times_the_limit_is_charged_at_most(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    decision = await stage.store.hit("ann", cost=2, limit=case.limit)
    decision = await stage.store.settle(decision, 60)
    before = stage.left()

    for cost in (61, 2**31 - 1, 2**31):
        decision = await stage.store.settle(decision, cost)

    assert stage.left() == before
    [ttl_ms] = lifetimes(admin, prefix).values()
    assert ttl_ms <= {"gcra": 10, "fixed": 1, "sliding": 2, "strict": 1.1}[case.algorithm] * 3_600_000 + 2


async def test_i09_a_bucket_gives_back_only_what_is_not_yet_paid_off(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    stage = Stage(addr, prefix, admin, limiters, "gcra")
    each = BUCKET.period // BUCKET.count
    first = await stage.store.hit("ann", cost=2, limit=BUCKET.limit)
    second = await stage.store.hit("ann", cost=3, limit=BUCKET.limit)
    stage.clock.now += 3 * each
    await stage.store.hit("ann", cost=4, limit=BUCKET.limit)

    await stage.store.refund(first)
    after_first = (await stage.at(BUCKET, stage.clock.now)).remaining
    await stage.store.refund(second)
    after_second = (await stage.at(BUCKET, stage.clock.now)).remaining

    assert (after_first, after_second) == (0, 2)  # one of the three was paid off, and both of the two


@EACH
async def test_i09_a_refund_long_after_takes_back_nothing_of_what_was_used_later(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    first = await stage.store.hit("ann", cost=6, limit=case.limit)
    settled = await stage.store.settle(await stage.store.hit("bob", cost=6, limit=case.limit), 9)
    stage.clock.now += 3 * case.period
    await stage.store.hit("ann", cost=6, limit=case.limit)

    await stage.store.refund(first)
    await stage.store.refund(settled)

    assert (await stage.at(case, stage.clock.now)).remaining == 0
    assert len(stage.left()) == 1


@EACH
async def test_i09_a_refund_of_one_window_leaves_the_others(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    first = await stage.store.hit("ann", cost=1, limit=case.limit)
    stage.clock.now += case.period // 9
    await stage.store.hit("ann", cost=2, limit=case.limit)
    before = await stage.at(case, stage.clock.now)

    for _ in range(3):
        await stage.store.refund(first)

    if case.algorithm == "strict":
        assert (before.remaining, (await stage.at(case, stage.clock.now)).remaining) == (3, 4)
    if case.algorithm == "fixed":  # one counter, which does not know whose it is
        assert (await stage.at(case, stage.clock.now)).remaining == 6


@EACH
async def test_i07_a_refund_and_a_settle_give_a_key_its_ttl_again(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    decision = await stage.store.hit("ann", cost=4, limit=case.limit)
    [key] = stage.left()
    for cost in (5, 3, 30, 2):
        admin.persist(key)
        decision = await stage.store.settle(decision, cost)
        reset = (await stage.at(case, stage.clock.now)).reset
        ttl_us = 1000 * int(admin.pttl(key))

        assert reset - 10 * SECOND < ttl_us <= reset + 2000
        assert microseconds(decision.reset_after) >= reset or case.algorithm != "gcra"


@EACH
@pytest.mark.parametrize("garbage", [b"", b"none", b"x 1 2", b"\x00\xff"])
async def test_a_refund_leaves_nothing_that_cannot_be_read(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case, garbage: bytes
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    decision = await stage.store.hit("ann", cost=4, limit=case.limit)
    [key] = stage.left()
    admin.set(key, garbage)

    await stage.store.refund(decision)

    assert b"1 2" in garbage or admin.exists(key) == 0
    assert admin.pttl(key) != -1


@EACH
async def test_i09_a_refund_of_a_shadow_limit_takes_back_only_what_it_was_charged(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, case: Case
) -> None:
    stage = Stage(addr, prefix, admin, limiters, case.algorithm)
    both = "few=2/hour shadow, many=9/hour"
    await stage.store.hit("ann", cost=2, limit=both)
    reported = await stage.store.hit("ann", cost=1, limit=both)

    settled = await stage.store.settle(reported, 4)
    raised = await stage.store.peek("ann", cost=0, limit=both)
    await stage.store.refund(settled)
    after = await stage.store.peek("ann", cost=0, limit=both)

    assert [each.remaining for each in raised.states] == [0, 3]
    assert [each.remaining for each in after.states] == [0, 7]
    assert [each.allowed for each in settled.states] == [False, True]
