"""Slots: never more holders than slots, each is free again, and who dies frees his when his lease ends."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import redis

from modkit_redis.contract import ArgumentError, LimitExceededError, Slots
from tests.caching import AsyncCall, async_at_once, async_lapse, async_until
from tests.crews import AsyncGate
from tests.faults.proxy import Proxy
from tests.limiters import QUICK, AsyncLimiters, lifetimes

TWO = Slots(2, "jobs")
SHORT = Slots(1, "jobs", lease=timedelta(milliseconds=150))


def held(admin: redis.Redis, prefix: str, subject: str = "ann") -> int:
    found: Any = admin.zcard(f"{prefix}:ratelimit:c:jobs:{{{subject}}}")
    return int(found)


async def test_never_more_hold_than_there_are_slots(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    stores, busy, most, refused = [limiters.open(addr, prefix) for _ in range(3)], [0], [0], [0]

    async def work(number: int) -> None:
        for _ in range(6):
            try:
                async with stores[number % 3].hold("ann", TWO):
                    busy[0] += 1
                    most[0] = max(most[0], busy[0])
                    await async_lapse(0.002)
                    busy[0] -= 1
            except LimitExceededError:
                refused[0] += 1

    results = await async_at_once([lambda number=number: work(number) for number in range(9)])  # type: ignore[misc]  # a default is the way to bind it

    assert results == [None] * 9
    assert most[0] <= 2
    assert refused[0] > 0
    assert held(admin, prefix) == 0


async def test_what_is_told_of_slots(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix)
    async with store.hold("ann", TWO) as first, store.hold("ann", TWO) as second:
        with pytest.raises(LimitExceededError) as caught:
            await store.hold("ann", TWO).__aenter__()
        async with store.hold("bob", TWO) as other:
            assert [each.remaining for each in (first, second, other)] == [1, 0, 1]
        assert all(0 < each <= 10_002 for each in lifetimes(admin, prefix).values())

    refused = caught.value.decision
    assert refused.refused_by == ("jobs",)
    assert refused.retry_after is not None
    assert timedelta(seconds=5) < refused.retry_after <= timedelta(seconds=10)
    assert lifetimes(admin, prefix) == {}


async def test_one_hold_may_be_used_for_several_blocks_each_with_a_slot_of_its_own(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    hold = limiters.open(addr, prefix).hold("ann", TWO)

    async with hold, hold:
        inside = held(admin, prefix)
        with pytest.raises(LimitExceededError):
            await hold.__aenter__()
    async with hold:
        again = held(admin, prefix)

    assert (inside, again, held(admin, prefix)) == (2, 1, 0)


async def test_a_slot_is_kept_for_longer_than_its_lease(
    addr: str, prefix: str, limiters: AsyncLimiters
) -> None:
    store, other = limiters.open(addr, prefix), limiters.open(addr, prefix)

    async with store.hold("ann", SHORT):
        for _ in range(8):
            await async_lapse(0.05)
            with pytest.raises(LimitExceededError):
                await other.hold("ann", SHORT).__aenter__()

    async with other.hold("ann", SHORT) as decision:
        assert decision


async def test_the_slot_of_who_died_is_free_when_his_lease_ends(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix)
    question = store._planner.question_of_slots("ann", SHORT)
    assert await store._holder.enter(question, b"dead", SHORT)  # and nobody renews it
    with pytest.raises(LimitExceededError) as caught:
        await store.hold("ann", SHORT).__aenter__()
    assert caught.value.decision.retry_after is not None

    await async_lapse(caught.value.decision.retry_after.total_seconds())

    async with store.hold("ann", SHORT):
        assert held(admin, prefix) == 1
    assert held(admin, prefix) == 0


async def test_a_lease_that_has_ended_counts_no_more_beside_one_that_lasts(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix)
    await store._holder.enter(store._planner.question_of_slots("ann", SHORT), b"dead", SHORT)

    async with store.hold("ann", TWO):
        await async_lapse(0.16)
        async with store.hold("ann", TWO) as decision:
            assert (decision.remaining, held(admin, prefix)) == (0, 2)


async def test_leaving_twice_frees_no_other_slot(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix)
    question = store._planner.question_of_slots("ann", TWO)
    async with store.hold("ann", TWO):
        await store._holder.enter(question, b"one", TWO)
        for _ in range(2):
            await store._holder.leave(question, b"one")

        assert held(admin, prefix) == 1


async def test_shadow_slots_refuse_nobody_and_say_who_would_be(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store, shadow = limiters.open(addr, prefix), Slots(1, "jobs", shadow=True)

    async with store.hold("ann", shadow) as first, store.hold("ann", shadow) as second:
        assert held(admin, prefix) == 2
        with pytest.raises(LimitExceededError) as caught:
            await store.hold("ann", Slots(1, "jobs")).__aenter__()

    assert [(each.allowed, each.states[0].allowed) for each in (first, second)] == [
        (True, True),
        (True, False),
    ]
    assert caught.value.decision.remaining == 0
    assert held(admin, prefix) == 0


async def test_who_waits_for_several_to_end_is_told_when_enough_have(
    addr: str, prefix: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix)
    for number in (1, 2, 3):
        lease = Slots(3, "jobs", lease=timedelta(seconds=10 * number))
        await store._holder.enter(store._planner.question_of_slots("ann", lease), b"%d" % number, lease)

    with pytest.raises(LimitExceededError) as caught:
        await store.hold("ann", Slots(2, "jobs")).__aenter__()

    assert caught.value.decision.retry_after is not None
    assert timedelta(seconds=15) < caught.value.decision.retry_after <= timedelta(seconds=20)


async def test_leases_from_a_future_clock_end_within_the_longest_lease(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store, key = limiters.open(addr, prefix), f"{prefix}:ratelimit:c:jobs:{{ann}}"
    admin.zadd(key, {"dead": 1e17, "none": float("inf")})

    with pytest.raises(LimitExceededError) as caught:
        await store.hold("ann", TWO).__aenter__()

    assert caught.value.decision.retry_after is not None
    assert caught.value.decision.retry_after <= timedelta(hours=1)
    assert 0 < admin.pttl(key) <= 3_600_010


async def test_a_lease_that_is_over_is_renewed_if_nobody_took_the_slot(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store, key = limiters.open(addr, prefix), f"{prefix}:ratelimit:c:jobs:{{ann}}"
    lease = SHORT.lease // timedelta(milliseconds=1)
    admin.zadd(key, {"late": 1})  # it ended in 1970

    assert await store._holder._renew(lease, key, b"late")
    assert not await store._holder._renew(lease, key, b"other")

    with pytest.raises(LimitExceededError):
        await store.hold("ann", SHORT).__aenter__()


async def test_who_lost_his_slot_while_he_held_it_is_warned_once(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, caplog: pytest.LogCaptureFixture
) -> None:
    store = limiters.open(addr, prefix)
    async with store.hold("s3cret", SHORT):
        admin.delete(f"{prefix}:ratelimit:c:jobs:{{s3cret}}")
        await async_until(lambda: bool(caplog.records), "he is warned")
        await async_lapse(0.12)

    assert [each.getMessage() for each in caplog.records] == [
        "the lease of a slot ended while it was held: somebody else may hold it as well"
    ]


async def test_who_is_refused_to_renew_his_slot_for_good_is_warned(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, caplog: pytest.LogCaptureFixture
) -> None:
    store, key = limiters.open(addr, prefix), f"{prefix}:ratelimit:c:jobs:{{ann}}"
    async with store.hold("ann", SHORT):
        admin.set(key, "no slots", px=60_000)
        await async_until(lambda: "ended while it was held" in caplog.text, "he is warned")


async def test_a_renewal_whose_reply_is_lost_is_made_up_for_by_the_next(
    prefix: str, proxy: Proxy, admin: redis.Redis, limiters: AsyncLimiters, caplog: pytest.LogCaptureFixture
) -> None:
    store, slow = limiters.open(proxy.addr, prefix, QUICK), Slots(1, "jobs", lease=timedelta(seconds=0.6))
    async with store.hold("ann", slow):
        proxy.reset_reply(b"ratelimit:c:")
        await async_until(proxy.has_struck, "the reply is lost")
        await async_lapse(0.7)  # longer than the lease
        with pytest.raises(LimitExceededError):
            await limiters.open(proxy.addr, prefix).hold("ann", slow).__aenter__()

    assert caplog.records == []
    assert held(admin, prefix) == 0


@pytest.mark.parametrize("on_outage", ["open", "closed"])
async def test_an_outage_decides_as_the_settings_say_and_holds_nothing(
    closed_port: str, limiters: AsyncLimiters, on_outage: str
) -> None:
    store = limiters.open(closed_port, "", QUICK, on_outage=on_outage)
    if on_outage == "open":
        async with store.hold("ann", TWO) as decision:
            assert (decision.allowed, decision.degraded) == (True, True)
    else:
        with pytest.raises(LimitExceededError, match="without asking Redis"):
            await store.hold("ann", TWO).__aenter__()


async def test_a_slot_that_was_not_taken_in_an_outage_is_not_kept_afterwards(
    prefix: str, proxy: Proxy, limiters: AsyncLimiters, caplog: pytest.LogCaptureFixture
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, on_outage="open", breaker="0s")
    proxy.reset_request()
    async with store.hold("ann", SHORT) as decision, store.hold("bob", SHORT):
        await async_until(lambda: proxy.commands.count("EVALSHA") > 4, "the other one is renewed")

    assert decision.degraded
    assert caplog.records == []


async def test_leaving_while_redis_does_not_answer_is_logged_and_shows_nobody(
    prefix: str, proxy: Proxy, limiters: AsyncLimiters, caplog: pytest.LogCaptureFixture
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK)
    async with store.hold("s3cret", TWO):
        proxy.reset_reply(b"ZREM")

    assert "only when its lease ends: reset" in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_block_that_raises_frees_its_slot(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix)

    async def fail() -> None:
        async with store.hold("ann", TWO):
            raise LookupError

    with suppress(LookupError):
        await fail()

    assert held(admin, prefix) == 0


async def test_who_waits_in_a_block_holds_his_slot_until_he_leaves(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store, gate = limiters.open(addr, prefix), AsyncGate()

    async def work() -> None:
        async with store.hold("ann", TWO):
            await gate.wait()

    call = AsyncCall(work)
    await async_until(lambda: held(admin, prefix) == 1, "it is held")
    gate.open()
    await call.result()

    assert held(admin, prefix) == 0


@pytest.mark.parametrize("subject", ["", (), ("a", ""), 5, None, ["a"], "\ud800", "x" * 3000])
async def test_a_subject_that_is_none_is_refused_before_anything_is_sent(
    closed_port: str, limiters: AsyncLimiters, subject: Any
) -> None:
    store = limiters.open(closed_port, "")

    with pytest.raises(ArgumentError, match="subject"):
        store.hold(subject, TWO)
    with pytest.raises(ArgumentError, match="slots"):
        store.hold("ann", "jobs")  # type: ignore[arg-type]  # that is the point
