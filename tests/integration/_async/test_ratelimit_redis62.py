"""Rate limits on the oldest server that is supported: Redis 6.2."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis

from modkit_redis.contract import CommandRefusedError, Limit, LimitExceededError, Slots
from modkit_redis.ratelimit._core import ALGORITHMS, Algorithm, rule
from modkit_redis.testing import EmbeddedServer
from tests.limiters import AsyncLimiters, Clock, bytes_of, lifetimes
from tests.redis62 import redis_62
from tests.support import stock_client

pytestmark = pytest.mark.slow

TWO = Slots(2, "jobs")
BYTES = {"gcra": 120, "sliding": 104, "fixed": 104, "strict": 128}


@pytest.fixture(scope="module")
def old_server() -> Iterator[EmbeddedServer]:
    with redis_62() as server:
        yield server


@pytest.fixture
def addr(old_server: EmbeddedServer) -> str:
    return old_server.addr


@pytest.fixture
def admin(addr: str) -> Iterator[redis.Redis]:
    with stock_client(addr) as admin:
        yield admin
        admin.flushall()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_limits_are_counted_refunded_and_reset(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, algorithm: Algorithm
) -> None:
    store = limiters.open(addr, prefix, clock=Clock(), algorithm=algorithm, limit="a=5/minute, b=9/hour")

    first, second = await store.hit("ann", cost=2), await store.hit("ann", cost=3)
    refused = await store.hit("ann")
    assert all(each > 0 for each in lifetimes(admin, prefix).values())
    assert len(lifetimes(admin, prefix)) == 2
    await store.refund(second)
    await store.settle(first, 4)
    left = (await store.peek("ann", cost=0)).remaining
    await store.reset("ann")

    assert [each.remaining for each in (first, second, refused)] == [3, 0, 0]
    assert (refused.allowed, refused.refused_by, left) == (False, ("a",), 1)
    assert lifetimes(admin, prefix) == {}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_key_is_small(
    addr: str, admin: redis.Redis, limiters: AsyncLimiters, algorithm: Algorithm
) -> None:
    store = limiters.open(addr, "p", algorithm=algorithm, limit="100/minute")
    counting = rule(Limit.parse("100/minute"), algorithm).counting
    above = f"p:ratelimit:{counting}:default:"
    subject = "u" * (32 - len(above) - 2)
    await store.hit(subject, cost=95)

    assert bytes_of(admin, f"{above}{{{subject}}}") in range(40, BYTES[algorithm] + 1)


async def test_slots_are_held_and_free_again(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix)
    async with store.hold("ann", TWO), store.hold("ann", TWO):
        with pytest.raises(LimitExceededError) as caught:
            await store.hold("ann", TWO).__aenter__()
        assert all(0 < each <= 10_002 for each in lifetimes(admin, prefix).values())

    assert caught.value.decision.retry_after is not None
    assert timedelta(seconds=5) < caught.value.decision.retry_after <= timedelta(seconds=10)
    assert lifetimes(admin, prefix) == {}


@pytest.mark.parametrize(
    ("begin", "end", "passes"),
    [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", True),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", True),
        ("ACL SETUSER default -set", "ACL SETUSER default +@all", False),
    ],
)
async def test_a_refusal_that_passes_is_an_outage_and_another_is_raised(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, begin: str, end: str, passes: bool
) -> None:
    store = limiters.open(addr, prefix, limit="5/hour", breaker="0")
    admin.execute_command(*begin.split())
    try:
        if passes:
            assert (await store.hit("ann")).degraded
        else:
            with pytest.raises(CommandRefusedError, match="noperm"):
                await store.hit("ann")
    finally:
        admin.execute_command(*end.split())

    assert not (await store.hit("ann")).degraded
