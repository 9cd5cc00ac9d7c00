# Generated from ../_async/test_ratelimit_denials.py by .ci/unasync.py; do not edit.
"""The local memory of denials: nobody is refused by it who would not be refused by the server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
        waited = store.acquire("ann", cost=2, timeout=5)
        spent = count.spent()
        less = store.hit("ann", cost=1)
        asked = count.spent()

    assert refused.retry_after is not None
    assert again.retry_after is not None
    assert refused.retry_after - timedelta(seconds=5) < again.retry_after <= refused.retry_after
    assert [(each.allowed, each.cost) for each in (again, waited)] == [(False, 2)] * 2
    assert spent == (0, [])
    assert less.allowed
    assert asked[0] == 1


@pytest.mark.parametrize("limit", ["x=10/10m", "x=10/10m, y=11/day"])
def test_a_denial_of_one_cost_does_not_tell_how_long_another_takes(
    addr: str, prefix: str, limiters: Limiters, limit: str
) -> None:
    store = limiters.open(addr, prefix, deny_cache=10)
    store.hit("ann", cost=10, limit=limit)
    assert not store.hit("ann", cost=2, limit=limit)

    for cost in (3, 10, 11, 12):
        expected = store.peek("ann", cost=cost, limit=limit)
        told = [store.hit("ann", cost=cost, limit=limit) for _ in range(2)]  # asked, and remembered
        for each in told:
            assert each.refused_by == expected.refused_by
            assert (each.retry_after is None) == (expected.retry_after is None)
            if each.retry_after is not None and expected.retry_after is not None:
                assert timedelta(0) <= expected.retry_after - each.retry_after < timedelta(seconds=5)


def test_who_waits_for_much_asks_once_more_when_the_time_has_come(
    own_server: EmbeddedServer, prefix: str, limiters: Limiters
) -> None:
    load_scripts_at(own_server.addr)
    store = limiters.open(own_server.addr, prefix, {"client_name": prefix}, limit="x=10/300ms", deny_cache=10)
    store.hit("ann", cost=10)
    assert not store.hit("ann", cost=1)
    with ServerWatch(own_server.addr, client_name=prefix) as watch:
        count = Counter(watch)
        count.begin()

        decision = store.acquire("ann", cost=10, timeout=5)
        spent, _ = count.spent()

    assert decision
    assert spent <= 3  # the clocks of two processes may differ a little


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


@pytest.mark.parametrize("way", ["reset", "refund"])
def test_a_denial_that_comes_while_a_reset_or_refund_is_sent_is_not_remembered(
    addr: str, prefix: str, limiters: Limiters, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    store = limiters.open(addr, prefix, limit="2/hour", deny_cache=10)
    decision = store.hit("ann", cost=2)
    method = "execute" if way == "reset" else "run"
    send: Any = getattr(store._executor, method)
    denied = list[bool]()

    def overtaken(*args: Any, **options: Any) -> Any:
        monkeypatch.undo()
        denied.append(not store.hit("ann"))
        return send(*args, **options)

    monkeypatch.setattr(store._executor, method, overtaken)
    if way == "reset":
        store.reset("ann")
    else:
        store.refund(decision)

    assert denied == [True]
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
