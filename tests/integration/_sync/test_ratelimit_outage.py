# Generated from ../_async/test_ratelimit_outage.py by .ci/unasync.py; do not edit.
"""When Redis does not answer: each decision within its deadline, one probe at a time, recovery by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis

from modkit_redis import RedisModule, limited
from modkit_redis.client.breaker import breaker_of
from modkit_redis.contract import CommandRefusedError, LimitExceededError, Slots, StoreUnavailableError
from modkit_redis.ratelimit import RateLimitSettings, RedisRateLimitStore
from modkit_redis.testing import EmbeddedServer
from tests.caching import Call, at_once, lapse, until, within
from tests.faults.proxy import Proxy
from tests.limiters import QUICK, Limiters
from tests.session_faults import PATIENT
from tests.support import stock_client

DEADLINE = 0.15
SLOTS = Slots(2, "jobs")


def execute(admin: Any, command: str) -> None:
    admin.execute_command(*command.split())


def decide(store: Any) -> Any:
    return store.hit("ann")


def test_a_frozen_server_costs_one_deadline_and_then_nothing_until_it_is_probed(
    private_server: EmbeddedServer, limiters: Limiters
) -> None:
    store = limiters.open(
        private_server.addr, "", PATIENT, limit="5/hour", deadline=f"{DEADLINE}s", breaker="300ms"
    )
    store.hit("ann")
    with private_server.frozen():
        with within(DEADLINE):
            first = store.hit("ann")
        with within(0.02):
            others = [store.hit("ann") for _ in range(20)]
            with pytest.raises(LimitExceededError, match="without asking Redis"):
                store.hold("ann", SLOTS).__enter__()

    assert [each.degraded for each in (first, *others)] == [True] * 21
    assert not any(others)

    def recovers() -> bool:
        return not (store.hit("bob")).degraded

    for _ in range(200):
        if recovers():
            break
        lapse(0.02)
    assert recovers()


def test_whatever_is_asked_of_a_frozen_server_is_decided_within_the_deadline(
    private_server: EmbeddedServer, limiters: Limiters
) -> None:
    store = limiters.open(private_server.addr, "", PATIENT, limit="5/hour", deadline="50ms", breaker="0s")

    @limited(subject=lambda: "ann")
    def run(limiter: Any) -> None:
        raise AssertionError

    def hold() -> None:
        with store.hold("ann", SLOTS):
            raise AssertionError

    def reserve() -> None:
        with store.reserve("ann", timeout=0.01):
            raise AssertionError

    store.hit("ann")
    decided: list[Callable[[], Any]] = [
        lambda: store.hit("ann"),
        lambda: store.peek("ann"),
        lambda: store.acquire("ann", timeout=0.01),
    ]
    with private_server.frozen():
        for decide in decided:
            with within(0.05):
                decision = decide()
            assert (decision.allowed, decision.degraded) == (False, True)
        for enter in (hold, reserve, lambda: run(store)):
            with within(0.05), pytest.raises(LimitExceededError, match="without asking Redis"):
                enter()


def test_who_leaves_while_the_server_is_frozen_does_so_within_the_deadline(
    private_server: EmbeddedServer, limiters: Limiters, caplog: pytest.LogCaptureFixture
) -> None:
    store = limiters.open(private_server.addr, "", PATIENT, deadline="50ms")
    held = [store.hold("s3cret", SLOTS) for _ in range(2)]
    for each in held:
        each.__enter__()

    with private_server.frozen(), within(0.05):
        for each in held:
            each.__exit__(None, None, None)

    assert [each.getMessage() for each in caplog.records] == [
        "a slot is free only when its lease ends: deadline",
        "a slot is free only when its lease ends: Redis did not answer before",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("on_outage", ["closed", "open", "local"])
def test_a_killed_server_is_noticed_and_forgotten(
    private_server: EmbeddedServer, limiters: Limiters, on_outage: str
) -> None:
    replicas = 1 if on_outage == "local" else None
    store = limiters.open(
        private_server.addr,
        "",
        QUICK,
        limit="2/hour",
        breaker="50ms",
        on_outage=on_outage,
        replicas=replicas,
    )
    store.hit("ann")
    private_server.kill()

    with within(0.4):
        down = [store.hit("ann") for _ in range(4)]
    private_server.restart()
    after = store.hit("bob")
    for _ in range(100):
        if not after.degraded:
            break
        lapse(0.02)
        after = store.hit("bob")

    assert all(each.degraded for each in down)
    expected = {"closed": [False] * 4, "open": [True] * 4, "local": [True, True, False, False]}
    assert [each.allowed for each in down] == expected[on_outage]
    assert (after.degraded, after.allowed) == (False, True)


def test_one_caller_at_a_time_probes_a_server_that_does_not_answer(
    addr: str, prefix: str, proxy: Proxy, limiters: Limiters
) -> None:
    store = limiters.open(proxy.addr, prefix, PATIENT, limit="5/hour", deadline="200ms", breaker="1ms")
    store.hit("ann")
    proxy.swallow(b"ratelimit", times=1000)
    store.hit("ann")
    lapse(0.01)
    before = proxy.commands.count("EVALSHA")

    answers: list[Any] = at_once([lambda: decide(store)] * 12)

    assert all(each.degraded for each in answers)
    assert proxy.commands.count("EVALSHA") - before == 1


def test_a_probe_that_is_cut_leaves_the_next_one_to_another(
    prefix: str, proxy: Proxy, limiters: Limiters
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour", breaker="1ms")
    store.hit("ann")
    proxy.swallow(b"ratelimit", times=1)
    proxy.reset_reply(b"ratelimit")
    down = store.hit("ann")
    lapse(0.01)
    probe = store.hit("ann")
    lapse(0.01)

    again = store.hit("ann")

    assert (down.degraded, probe.degraded, again.degraded) == (True, True, False)


def test_a_connection_that_breaks_alone_opens_no_breaker(
    prefix: str, proxy: Proxy, limiters: Limiters
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour", breaker="1m")
    store.hit("ann")
    proxy.reset_reply(b"ratelimit")

    broken = store.hit("ann")
    after = store.hit("ann")

    assert (broken.degraded, after.degraded, after.remaining) == (True, False, 2)  # it was charged, once


def test_a_pool_that_is_busy_opens_no_breaker(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    client = {"pool_size": 1, "client_name": prefix}
    store = limiters.open(addr, prefix, client, limit="5/hour", deadline="50ms", breaker="1m")
    store.hit("ann")
    waiting = Call(lambda: store._executor.execute("BLPOP", f"{prefix}:list", "0"))
    until(lambda: is_waiting(admin, prefix), "the one connection is in use")

    busy = store.hit("ann")
    admin.rpush(f"{prefix}:list", "x")
    waiting.result()
    after = store.hit("ann")

    assert (busy.degraded, after.degraded, after.remaining) == (True, False, 3)


def is_waiting(admin: Any, prefix: str) -> bool:
    return any((each["name"], each["cmd"]) == (prefix, "blpop") for each in admin.client_list())


def test_stores_of_one_client_share_a_breaker(proxy: Proxy, prefix: str) -> None:
    module = RedisModule(config={"addr": proxy.addr, **PATIENT})
    settings = RateLimitSettings.from_mapping({"limit": "5/hour", "deadline": "150ms", "breaker": "1m"})
    one, other = (
        RedisRateLimitStore(client=module.client(), key_prefix=f"{prefix}{number}", settings=settings)
        for number in range(2)
    )
    other.hit("ann")
    proxy.swallow(b"ratelimit")
    one.hit("ann")
    before = len(proxy.commands)

    spared = other.hit("ann")
    with pytest.raises(LimitExceededError):
        other.hold("ann", SLOTS).__enter__()

    assert spared.degraded
    assert len(proxy.commands) == before
    assert breaker_of(module.client()).is_open
    one.close()
    other.close()
    module.shutdown_resources()


def test_answers_that_come_while_it_is_probed_do_not_leave_it_broken_for_ever(
    private_server: EmbeddedServer, limiters: Limiters
) -> None:
    store = limiters.open(private_server.addr, "", PATIENT, limit="9/hour", deadline="300ms", breaker="50ms")
    at_once([lambda: decide(store)] * 3)
    with private_server.frozen():
        first = Call(lambda: store.hit("ann"))
        lapse(0.25)
        late = Call(lambda: store.hit("ann"))  # before it opens
        until(lambda: first.done() and breaker_is_due(store), "it may be probed")
        probe = Call(lambda: store.hit("ann"))
        lapse(0.02)
    answers = [call.result() for call in (first, late, probe)]
    with private_server.frozen():
        store.hit("ann")

    def recovers() -> bool:
        return not (store.hit("bob")).degraded

    for _ in range(200):
        if recovers():
            break
        lapse(0.02)
    assert recovers()
    assert answers[0].degraded


def breaker_is_due(store: Any) -> bool:
    until = store._spared._breaker._until
    return until is not None and time.monotonic() > until


def test_a_closed_client_is_a_mistake_and_no_outage_also_while_the_breaker_is_open(
    closed_port: str, addr: str, prefix: str, limiters: Limiters
) -> None:
    for there in (addr, closed_port):
        store = limiters.open(there, prefix, QUICK, limit="5/hour", breaker="1m", on_outage="open")
        store.hit("ann")
        limiters.shut(store)

        calls: list[Callable[[], Any]] = [
            lambda: store.hit("ann"),  # noqa: B023  # it is called at once
            lambda: store.peek("ann"),  # noqa: B023  # likewise
            lambda: store.acquire("ann", timeout=5),  # noqa: B023  # likewise
            lambda: store.hold("ann", SLOTS).__enter__(),  # noqa: B023  # likewise
        ]
        for call in calls:
            with pytest.raises(StoreUnavailableError) as caught:
                call()
            assert caught.value.reason == "closed"


def test_waiting_goes_on_while_redis_does_not_answer_and_ends_when_it_does(
    prefix: str, proxy: Proxy, limiters: Limiters
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour", breaker="20ms")
    proxy.swallow(b"ratelimit", times=1)

    with within(1.5):
        decision = store.acquire("ann", timeout=5)

    assert (decision.allowed, decision.degraded) == (True, False)


@pytest.mark.parametrize("call", ["refund", "settle", "reset"])
def test_what_must_be_known_is_raised(
    addr: str, prefix: str, proxy: Proxy, limiters: Limiters, call: str
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour")
    store.refund(store.hit("bob"))  # the server knows the script then
    decision = store.hit("ann", cost=2)
    proxy.reset_reply(b"ratelimit")
    calls: dict[str, Callable[[], Any]] = {
        "refund": lambda: store.refund(decision),
        "settle": lambda: store.settle(decision, 4),
        "reset": lambda: store.reset("ann"),
    }

    with pytest.raises(StoreUnavailableError):
        calls[call]()

    assert (store.peek("ann", cost=0)).remaining == {"refund": 5, "settle": 1, "reset": 5}[call]


def test_what_only_all_replicas_together_allow_may_be_waited_for_in_an_outage(
    closed_port: str, limiters: Limiters
) -> None:
    store = limiters.open(
        closed_port, "", QUICK, limit="100/minute", on_outage="local", replicas=50, breaker="2s"
    )

    with within(0.2):
        refused = store.hit("ann", cost=10)
        given_up = store.acquire("ann", cost=10, timeout=1)
        never = store.hit("ann", cost=101)

    assert [each.allowed for each in (refused, given_up, never)] == [False] * 3
    assert refused.retry_after == given_up.retry_after == timedelta(seconds=2)
    assert never.retry_after is None


def test_a_degraded_decision_is_neither_refunded_nor_settled(closed_port: str, limiters: Limiters) -> None:
    store = limiters.open(closed_port, "", QUICK, limit="5/hour", on_outage="open")
    decision = store.hit("ann", cost=2)

    store.refund(decision)
    store.settle(decision, 1)
    store.settle(decision, 5)
    with store.reserve("ann") as reservation:
        reservation.settle(3)

    assert (decision.allowed, decision.degraded, decision.charged) == (True, True, False)


def test_what_will_never_be_allowed_is_not_waited_for_in_an_outage(
    closed_port: str, limiters: Limiters
) -> None:
    store = limiters.open(closed_port, "", QUICK, limit="5/hour")

    with within(0.2):
        decision = store.acquire("ann", cost=6, timeout=60)

    assert (decision.allowed, decision.retry_after, decision.degraded) == (False, None, True)


@pytest.mark.parametrize(
    ("begin", "end", "passes"),
    [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", True),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", True),
        ("ACL SETUSER default -set", "ACL SETUSER default +@all", False),
    ],
)
def test_a_refusal_that_passes_is_an_outage_and_another_is_raised(
    private_server: EmbeddedServer, limiters: Limiters, begin: str, end: str, passes: bool
) -> None:
    store = limiters.open(private_server.addr, "", limit="5/hour", breaker="1ms")
    store.hit("ann")
    with stock_client(private_server.addr) as admin:
        execute(admin, begin)
        if passes:
            assert (store.hit("ann")).degraded
        else:
            with pytest.raises(CommandRefusedError, match="noperm"):
                store.hit("ann")
        execute(admin, end)
    lapse(0.01)

    assert not (store.hit("ann")).degraded


def test_a_probe_that_is_given_up_hinders_nobody(prefix: str, proxy: Proxy, limiters: Limiters) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour", breaker="1ms")
    proxy.swallow(b"ratelimit", times=2)
    store.hit("ann")
    lapse(0.01)
    probe = Call(lambda: store.hit("ann"))
    until(proxy.has_struck, "the probe is under way")
    assert (store.hit("ann")).degraded
    probe.result()
    lapse(0.01)

    assert not (store.hit("ann")).degraded


@pytest.mark.parametrize("kind", ["list", "zset", "hash", "set"])
def test_a_value_of_another_type_under_a_key_is_a_typed_error_and_reset_heals_it(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters, kind: str
) -> None:
    store = limiters.open(addr, prefix, limit="5/hour", on_outage="open")
    make: dict[str, Callable[[str], object]] = {
        "list": lambda key: admin.rpush(key, "1"),
        "zset": lambda key: admin.zadd(key, {"a": 1}),
        "hash": lambda key: admin.hset(key, "a", "1"),
        "set": lambda key: admin.sadd(key, "1"),
    }
    decision = store.hit("ann")
    store.reset("ann")
    make[kind](f"{prefix}:ratelimit:g:default:{{ann}}")
    for call in (lambda: store.hit("ann"), lambda: store.peek("ann"), lambda: store.refund(decision)):
        with pytest.raises(CommandRefusedError) as caught:
            call()
        assert caught.value.reason == "wrong-type"

    store.reset("ann")

    assert (store.hit("ann")).remaining == 4
