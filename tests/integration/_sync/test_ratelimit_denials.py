# Generated from ../_async/test_ratelimit_denials.py by .ci/unasync.py; do not edit.
"""The local memory of denials: nobody is refused by it who would not be refused by the server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from modkit_redis.contract import ArgumentError, Limit
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.cache_keys import Counter
from tests.caching import Call, lapse, until
from tests.faults.proxy import Proxy
from tests.limiters import Limiters, load_scripts_at


def test_what_was_refused_is_refused_again_without_asking(
    own_server: EmbeddedServer, prefix: str, limiters: Limiters
) -> None:
    load_scripts_at(own_server.addr)
    store = limiters.open(own_server.addr, prefix, {"client_name": prefix}, limit="5/hour", deny_cache=10)
    store.hit("ann", cost=4)
    refused = store.hit("ann", cost=2)
    with ServerWatch(own_server.addr, client_name=prefix) as watch:
        count = Counter(watch)
        count.begin()

        again = store.hit("ann", cost=2)
        more = store.hit("ann", cost=3)
        never = store.hit("ann", cost=6)
        waited = store.acquire("ann", cost=2, timeout=5)
        spent = count.spent()
        less = store.hit("ann", cost=1)
        asked = count.spent()

    assert refused.retry_after is not None
    assert again.retry_after is not None
    assert refused.retry_after - timedelta(seconds=5) < again.retry_after <= refused.retry_after
    assert [each.allowed for each in (again, more, never, waited)] == [False] * 4
    assert [each.cost for each in (again, more, never, waited)] == [2, 3, 6, 2]
    assert (never.retry_after, never.states[0].allowed) == (None, False)
    assert spent == (0, [])
    assert less.allowed
    assert asked[0] == 1


def test_it_is_asked_again_when_the_time_has_come(addr: str, prefix: str, limiters: Limiters) -> None:
    store = limiters.open(addr, prefix, limit="1/50ms", deny_cache=10)
    store.hit("ann")
    assert not store.hit("ann")
    assert not store.hit("ann")

    lapse(0.06)

    assert store.hit("ann")


def test_a_peek_asks_and_teaches_nothing(addr: str, prefix: str, limiters: Limiters) -> None:
    store, other = (limiters.open(addr, prefix, limit="1/hour", deny_cache=10) for _ in range(2))
    store.hit("ann")
    assert not store.peek("ann")
    other.reset("ann")
    assert store.hit("ann")
    assert not store.hit("ann")
    other.reset("ann")

    assert store.peek("ann")
    assert not store.hit("ann")


@pytest.mark.parametrize("way", ["reset", "refund", "settle"])
def test_a_local_reset_or_refund_ends_it(addr: str, prefix: str, limiters: Limiters, way: str) -> None:
    store = limiters.open(addr, prefix, limit="2/hour", deny_cache=10)
    decision = store.hit("ann", cost=2)
    assert not store.hit("ann")

    if way == "reset":
        store.reset("ann")
    elif way == "refund":
        store.refund(decision)
    else:
        store.settle(decision, 1)

    assert store.hit("ann")


def test_a_denial_that_was_on_its_way_when_it_was_reset_is_not_remembered(
    prefix: str, proxy: Proxy, limiters: Limiters
) -> None:
    store = limiters.open(proxy.addr, prefix, limit="1/hour", deny_cache=10)
    store.hit("ann")
    proxy.delay, before = 0.2, len(proxy.commands)
    late = Call(lambda: store.hit("ann"))
    until(lambda: len(proxy.commands) > before, "it is asked")
    proxy.delay = 0
    store.reset("ann")

    assert not late.result()
    assert store.hit("ann")


def test_limits_that_are_equal_share_it_and_others_do_not(addr: str, prefix: str, limiters: Limiters) -> None:
    store, other = (limiters.open(addr, prefix, deny_cache=10) for _ in range(2))
    first, second = (Limit(1, timedelta(hours=1), name="x") for _ in range(2))
    store.hit("ann", limit=first)
    assert not store.hit("ann", limit=first)
    other.reset("ann", limit=first)

    assert not store.hit("ann", limit=second)
    assert store.hit("ann", limit=Limit(1, timedelta(minutes=30), name="x"))
    assert store.hit("ann", limit=[Limit(1, timedelta(hours=1), name="y")])
    assert not store.hit("ann", limit=[Limit(1, timedelta(hours=1), name="y")])
    assert store.hit("bob", limit=first)


def test_bad_arguments_are_refused_also_where_a_denial_is_known(
    addr: str, prefix: str, limiters: Limiters
) -> None:
    store = limiters.open(addr, prefix, limit="1/hour", deny_cache=10)
    store.hit("ann")
    assert not store.hit("ann")
    for cost in (-1, True, 1.5, "1", None):
        with pytest.raises(ArgumentError, match="cost"):
            store.hit("ann", cost=cost)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ArgumentError, match="cost"):
        store.hit("ann", cost=2**31 + 1)
