# Generated from ../_async/test_ratelimit_slots.py by .ci/unasync.py; do not edit.
"""Slots: never more holders than slots, each is free again, and who dies frees his when his lease ends."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import redis

from modkit_redis.contract import ArgumentError, LimitExceededError, Slots
from tests.caching import Call, at_once, lapse, until
from tests.crews import Gate
from tests.faults.proxy import Proxy
from tests.limiters import QUICK, Limiters, lifetimes

TWO = Slots(2, "jobs")
SHORT = Slots(1, "jobs", lease=timedelta(milliseconds=150))


def held(admin: redis.Redis, prefix: str, subject: str = "ann") -> int:
    found: Any = admin.zcard(f"{prefix}:ratelimit:c:jobs:{{{subject}}}")
    return int(found)


def test_never_more_hold_than_there_are_slots(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    stores, busy, most, refused = [limiters.open(addr, prefix) for _ in range(3)], [0], [0], [0]

    def work(number: int) -> None:
        for _ in range(6):
            try:
                with stores[number % 3].hold("ann", TWO):
                    busy[0] += 1
                    most[0] = max(most[0], busy[0])
                    lapse(0.002)
                    busy[0] -= 1
            except LimitExceededError:
                refused[0] += 1

    results = at_once([lambda number=number: work(number) for number in range(9)])  # type: ignore[misc]  # a default is the way to bind it

    assert results == [None] * 9
    assert most[0] <= 2
    assert refused[0] > 0
    assert held(admin, prefix) == 0


def test_what_is_told_of_slots(addr: str, prefix: str, admin: redis.Redis, limiters: Limiters) -> None:
    store = limiters.open(addr, prefix)
    with store.hold("ann", TWO) as first, store.hold("ann", TWO) as second:
        with pytest.raises(LimitExceededError) as caught:
            store.hold("ann", TWO).__enter__()
        with store.hold("bob", TWO) as other:
            assert [each.remaining for each in (first, second, other)] == [1, 0, 1]
        assert all(0 < each <= 10_002 for each in lifetimes(admin, prefix).values())

    refused = caught.value.decision
    assert refused.refused_by == ("jobs",)
    assert refused.retry_after is not None
    assert timedelta(seconds=5) < refused.retry_after <= timedelta(seconds=10)
    assert lifetimes(admin, prefix) == {}


def test_one_hold_may_be_used_for_several_blocks_each_with_a_slot_of_its_own(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    hold = limiters.open(addr, prefix).hold("ann", TWO)

    with hold, hold:
        inside = held(admin, prefix)
        with pytest.raises(LimitExceededError):
            hold.__enter__()
    with hold:
        again = held(admin, prefix)

    assert (inside, again, held(admin, prefix)) == (2, 1, 0)


def test_a_slot_is_kept_for_longer_than_its_lease(addr: str, prefix: str, limiters: Limiters) -> None:
    store, other = limiters.open(addr, prefix), limiters.open(addr, prefix)

    with store.hold("ann", SHORT):
        for _ in range(8):
            lapse(0.05)
            with pytest.raises(LimitExceededError):
                other.hold("ann", SHORT).__enter__()

    with other.hold("ann", SHORT) as decision:
        assert decision


def test_the_slot_of_who_died_is_free_when_his_lease_ends(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    store = limiters.open(addr, prefix)
    question = store._planner.question_of_slots("ann", SHORT)
    assert store._holder.enter(question, b"dead", SHORT)  # and nobody renews it
    with pytest.raises(LimitExceededError) as caught:
        store.hold("ann", SHORT).__enter__()
    assert caught.value.decision.retry_after is not None

    lapse(caught.value.decision.retry_after.total_seconds())

    with store.hold("ann", SHORT):
        assert held(admin, prefix) == 1
    assert held(admin, prefix) == 0


def test_a_lease_that_has_ended_counts_no_more_beside_one_that_lasts(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    store = limiters.open(addr, prefix)
    store._holder.enter(store._planner.question_of_slots("ann", SHORT), b"dead", SHORT)

    with store.hold("ann", TWO):
        lapse(0.16)
        with store.hold("ann", TWO) as decision:
            assert (decision.remaining, held(admin, prefix)) == (0, 2)


def test_leaving_twice_frees_no_other_slot(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    store = limiters.open(addr, prefix)
    question = store._planner.question_of_slots("ann", TWO)
    with store.hold("ann", TWO):
        store._holder.enter(question, b"one", TWO)
        for _ in range(2):
            store._holder.leave(question, b"one")

        assert held(admin, prefix) == 1


def test_shadow_slots_refuse_nobody_and_say_who_would_be(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    store, shadow = limiters.open(addr, prefix), Slots(1, "jobs", shadow=True)

    with store.hold("ann", shadow) as first, store.hold("ann", shadow) as second:
        assert held(admin, prefix) == 2
        with pytest.raises(LimitExceededError) as caught:
            store.hold("ann", Slots(1, "jobs")).__enter__()

    assert [(each.allowed, each.states[0].allowed) for each in (first, second)] == [
        (True, True),
        (True, False),
    ]
    assert caught.value.decision.remaining == 0
    assert held(admin, prefix) == 0


def test_who_waits_for_several_to_end_is_told_when_enough_have(
    addr: str, prefix: str, limiters: Limiters
) -> None:
    store = limiters.open(addr, prefix)
    for number in (1, 2, 3):
        lease = Slots(3, "jobs", lease=timedelta(seconds=10 * number))
        store._holder.enter(store._planner.question_of_slots("ann", lease), b"%d" % number, lease)

    with pytest.raises(LimitExceededError) as caught:
        store.hold("ann", Slots(2, "jobs")).__enter__()

    assert caught.value.decision.retry_after is not None
    assert timedelta(seconds=15) < caught.value.decision.retry_after <= timedelta(seconds=20)


def test_leases_from_a_future_clock_end_within_the_longest_lease(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    store, key = limiters.open(addr, prefix), f"{prefix}:ratelimit:c:jobs:{{ann}}"
    admin.zadd(key, {"dead": 1e17, "none": float("inf")})

    with pytest.raises(LimitExceededError) as caught:
        store.hold("ann", TWO).__enter__()

    assert caught.value.decision.retry_after is not None
    assert caught.value.decision.retry_after <= timedelta(hours=1)
    assert 0 < admin.pttl(key) <= 3_600_010


def test_a_lease_that_is_over_is_renewed_if_nobody_took_the_slot(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    store, key = limiters.open(addr, prefix), f"{prefix}:ratelimit:c:jobs:{{ann}}"
    lease = SHORT.lease // timedelta(milliseconds=1)
    admin.zadd(key, {"late": 1})  # it ended in 1970

    assert store._holder._renew(lease, key, b"late")
    assert not store._holder._renew(lease, key, b"other")

    with pytest.raises(LimitExceededError):
        store.hold("ann", SHORT).__enter__()


def test_who_lost_his_slot_while_he_held_it_is_warned_once(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, caplog: pytest.LogCaptureFixture
) -> None:
    store = limiters.open(addr, prefix)
    with store.hold("s3cret", SHORT):
        admin.delete(f"{prefix}:ratelimit:c:jobs:{{s3cret}}")
        until(lambda: bool(caplog.records), "he is warned")
        lapse(0.12)

    assert [each.getMessage() for each in caplog.records] == [
        "the lease of a slot ended while it was held: somebody else may hold it as well"
    ]


def test_who_is_refused_to_renew_his_slot_for_good_is_warned(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, caplog: pytest.LogCaptureFixture
) -> None:
    store, key = limiters.open(addr, prefix), f"{prefix}:ratelimit:c:jobs:{{ann}}"
    with store.hold("ann", SHORT):
        admin.set(key, "no slots", px=60_000)
        until(lambda: "ended while it was held" in caplog.text, "he is warned")


def test_a_renewal_whose_reply_is_lost_is_made_up_for_by_the_next(
    prefix: str, proxy: Proxy, admin: redis.Redis, limiters: Limiters, caplog: pytest.LogCaptureFixture
) -> None:
    store, slow = limiters.open(proxy.addr, prefix, QUICK), Slots(1, "jobs", lease=timedelta(seconds=0.6))
    with store.hold("ann", slow):
        proxy.reset_reply(b"ratelimit:c:")
        until(proxy.has_struck, "the reply is lost")
        lapse(0.7)  # longer than the lease
        with pytest.raises(LimitExceededError):
            limiters.open(proxy.addr, prefix).hold("ann", slow).__enter__()

    assert caplog.records == []
    assert held(admin, prefix) == 0


@pytest.mark.parametrize("on_outage", ["open", "closed"])
def test_an_outage_decides_as_the_settings_say_and_holds_nothing(
    closed_port: str, limiters: Limiters, on_outage: str
) -> None:
    store = limiters.open(closed_port, "", QUICK, on_outage=on_outage)
    if on_outage == "open":
        with store.hold("ann", TWO) as decision:
            assert (decision.allowed, decision.degraded) == (True, True)
    else:
        with pytest.raises(LimitExceededError, match="without asking Redis"):
            store.hold("ann", TWO).__enter__()


def test_a_slot_that_was_not_taken_in_an_outage_is_not_kept_afterwards(
    prefix: str, proxy: Proxy, limiters: Limiters, caplog: pytest.LogCaptureFixture
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, on_outage="open", breaker="0s")
    proxy.reset_request()
    with store.hold("ann", SHORT) as decision, store.hold("bob", SHORT):
        until(lambda: proxy.commands.count("EVALSHA") > 4, "the other one is renewed")

    assert decision.degraded
    assert caplog.records == []


def test_leaving_while_redis_does_not_answer_is_logged_and_shows_nobody(
    prefix: str, proxy: Proxy, limiters: Limiters, caplog: pytest.LogCaptureFixture
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK)
    with store.hold("s3cret", TWO):
        proxy.reset_reply(b"ZREM")

    assert "only when its lease ends: reset" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_block_that_raises_frees_its_slot(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    store = limiters.open(addr, prefix)

    def fail() -> None:
        with store.hold("ann", TWO):
            raise LookupError

    with suppress(LookupError):
        fail()

    assert held(admin, prefix) == 0


def test_who_waits_in_a_block_holds_his_slot_until_he_leaves(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    store, gate = limiters.open(addr, prefix), Gate()

    def work() -> None:
        with store.hold("ann", TWO):
            gate.wait()

    call = Call(work)
    until(lambda: held(admin, prefix) == 1, "it is held")
    gate.open()
    call.result()

    assert held(admin, prefix) == 0


@pytest.mark.parametrize("subject", ["", (), ("a", ""), 5, None, ["a"], "\ud800", "x" * 3000])
def test_a_subject_that_is_none_is_refused_before_anything_is_sent(
    closed_port: str, limiters: Limiters, subject: Any
) -> None:
    store = limiters.open(closed_port, "")

    with pytest.raises(ArgumentError, match="subject"):
        store.hold(subject, TWO)
    with pytest.raises(ArgumentError, match="slots"):
        store.hold("ann", "jobs")  # type: ignore[arg-type]  # that is the point
