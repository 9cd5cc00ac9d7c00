"""I12: several limits are one decision, one slot and one command: all are charged, or none."""

from __future__ import annotations

import pytest
import redis

from modkit_redis.contract import Limit
from modkit_redis.ratelimit._core import ALGORITHMS
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.cache_keys import Counter
from tests.limiters import (
    SECOND,
    AsyncLimiters,
    Clock,
    lifetimes,
    load_scripts_at,
    states,
)
from tests.support import stock_client

BOTH = "few=3/minute, many=10/hour"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_i12_what_one_limit_refuses_is_charged_to_none(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, algorithm: str
) -> None:
    clock = Clock()
    store = limiters.open(addr, prefix, clock=clock, algorithm=algorithm, limit=BOTH)
    await store.hit("ann", cost=2)
    before = states(admin, prefix)

    refused = await store.hit("ann", cost=2)
    never = await store.hit("ann", cost=4)

    assert [each.allowed for each in refused.states] == [False, True]
    assert [each.remaining for each in refused.states] == [1, 8]
    assert refused.refused_by == ("few",)
    assert refused.retry_after == refused.states[0].retry_after
    assert (never.retry_after, never.allowed) == (None, False)
    assert states(admin, prefix) == before
    clock.now += 121 * SECOND
    assert (await store.hit("ann", cost=3)).remaining == 0


async def test_i12_the_wait_is_that_of_the_slowest(addr: str, prefix: str, limiters: AsyncLimiters) -> None:
    store = limiters.open(
        addr, prefix, clock=Clock(lasting=True), limit="a=1/second, b=1/minute, c=1/hour shadow"
    )
    await store.hit("ann")

    refused = await store.hit("ann")

    assert refused.refused_by == ("a", "b")
    assert refused.retry_after is not None
    assert refused.retry_after.total_seconds() == 60


async def test_i12_a_shadow_limit_refuses_nothing_and_is_charged_what_fits(
    addr: str, prefix: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix, clock=Clock(), limit="few=2/minute shadow, many=10/hour")

    decisions = [await store.hit("ann") for _ in range(3)]
    await store.refund(decisions[2])
    after = await store.peek("ann", cost=0)

    assert [each.allowed for each in decisions] == [True] * 3
    assert [each.states[0].allowed for each in decisions] == [True, True, False]
    assert [each.remaining for each in after.states] == [0, 8]
    assert decisions[2].refused_by == ()


async def test_i12_the_keys_of_one_decision_share_a_slot(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    subjects: list[str | tuple[str, ...]] = ["ann", "a{b}c", "{}", "}{", ("ip", "::1"), "é", "\x00", "a}"]
    with EmbeddedServer(cluster_enabled="yes") as cluster, stock_client(cluster.addr) as node:
        for subject in subjects:
            store = limiters.open(addr, prefix, limit=BOTH)
            await store.hit(subject)
            keys = list(lifetimes(admin, prefix))
            slots = {node.execute_command("CLUSTER KEYSLOT", key) for key in keys}
            admin.unlink(*keys)

            assert (len(keys), len(slots)) == (2, 1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_each_decision_is_exactly_one_command(
    own_server: EmbeddedServer, prefix: str, limiters: AsyncLimiters, algorithm: str
) -> None:
    load_scripts_at(own_server.addr)
    store = limiters.open(own_server.addr, prefix, {"client_name": prefix}, limit=BOTH, algorithm=algorithm)
    await store.peek("warm")
    spent = []

    with ServerWatch(own_server.addr, client_name=prefix) as watch:
        count = Counter(watch)
        count.begin()
        decision = await store.hit("ann")
        spent.append(count.spent())
        await store.hit("ann", cost=4)
        spent.append(count.spent())
        await store.peek("ann")
        spent.append(count.spent())
        await store.acquire("ann", timeout=1)
        spent.append(count.spent())
        await store.refund(decision)
        spent.append(count.spent())
        await store.settle(decision, 2)
        spent.append(count.spent())

    assert decision.allowed
    assert spent == [(1, ["EVALSHA"])] * 6


async def test_i15_distinct_subjects_limits_and_algorithms_have_distinct_keys(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    subjects: list[str | tuple[str, ...]] = [
        "a",
        "a:b",
        ("a", "b"),
        ("a:b", "c"),
        ("a", "b:c"),
        ("a/b", "c"),
        ("a", "b/c"),
        "a%3Ab",
        "{a}",
        "a}",
        "\x00",
        "\u00e9",
        "e\u0301",
        "A",
    ]
    for algorithm in ALGORITHMS:
        store = limiters.open(addr, prefix, algorithm=algorithm)
        for name in ("x", "y"):
            for subject in subjects:
                decision = await store.hit(subject, limit=Limit.parse(f"{name}=5/hour"))
                assert decision.remaining == 4

    assert len(lifetimes(admin, prefix)) == 4 * 2 * len(subjects)


async def test_a_subject_in_a_tuple_of_its_own_is_the_same(
    addr: str, prefix: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix, limit="1/hour", deny_cache=10)
    await store.hit("ann")

    assert not await store.hit(("ann",))
    await store.reset(("ann",))
    assert await store.hit("ann")
