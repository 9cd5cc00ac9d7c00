# Generated from ../_async/test_ratelimit_redis62.py by .ci/unasync.py; do not edit.
"""Rate limits on the oldest server that is supported: Redis 6.2."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis

from modkit_redis.contract import CommandRefusedError, Limit, LimitExceededError, Slots
from modkit_redis.ratelimit._core import ALGORITHMS, Algorithm, rule
from modkit_redis.testing import EmbeddedServer
from tests.limiters import Clock, Limiters, bytes_of, lifetimes
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
def test_limits_are_counted_refunded_and_reset(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, algorithm: Algorithm
) -> None:
    store = limiters.open(addr, prefix, clock=Clock(), algorithm=algorithm, limit="a=5/minute, b=9/hour")

    first, second = store.hit("ann", cost=2), store.hit("ann", cost=3)
    refused = store.hit("ann")
    assert all(each > 0 for each in lifetimes(admin, prefix).values())
    assert len(lifetimes(admin, prefix)) == 2
    store.refund(second)
    store.settle(first, 4)
    left = (store.peek("ann", cost=0)).remaining
    store.reset("ann")

    assert [each.remaining for each in (first, second, refused)] == [3, 0, 0]
    assert (refused.allowed, refused.refused_by, left) == (False, ("a",), 1)
    assert lifetimes(admin, prefix) == {}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_is_small(addr: str, admin: redis.Redis, limiters: Limiters, algorithm: Algorithm) -> None:
    store = limiters.open(addr, "p", algorithm=algorithm, limit="100/minute")
    counting = rule(Limit.parse("100/minute"), algorithm).counting
    above = f"p:ratelimit:{counting}:default:"
    subject = "u" * (32 - len(above) - 2)
    store.hit(subject, cost=95)

    assert bytes_of(admin, f"{above}{{{subject}}}") in range(40, BYTES[algorithm] + 1)


def test_slots_are_held_and_free_again(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    store = limiters.open(addr, prefix)
    with store.hold("ann", TWO), store.hold("ann", TWO):
        with pytest.raises(LimitExceededError) as caught:
            store.hold("ann", TWO).__enter__()
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
def test_a_refusal_that_passes_is_an_outage_and_another_is_raised(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, begin: str, end: str, passes: bool
) -> None:
    store = limiters.open(addr, prefix, limit="5/hour", breaker="0")
    admin.execute_command(*begin.split())
    try:
        if passes:
            assert (store.hit("ann")).degraded
        else:
            with pytest.raises(CommandRefusedError, match="noperm"):
                store.hit("ann")
    finally:
        admin.execute_command(*end.split())

    assert not (store.hit("ann")).degraded
