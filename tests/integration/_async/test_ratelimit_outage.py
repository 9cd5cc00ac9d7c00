"""When Redis does not answer: each decision within its deadline, one probe at a time, recovery by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis

from modkit_redis import AsyncRedisModule, limited
from modkit_redis.client.breaker import breaker_of
from modkit_redis.contract import CommandRefusedError, LimitExceededError, Slots, StoreUnavailableError
from modkit_redis.ratelimit import AsyncRedisRateLimitStore, RateLimitSettings
from modkit_redis.testing import EmbeddedServer
from tests.caching import AsyncCall, async_at_once, async_lapse, async_until, within
from tests.faults.proxy import Proxy
from tests.limiters import QUICK, AsyncLimiters
from tests.session_faults import PATIENT
from tests.support import stock_client

DEADLINE = 0.15
SLOTS = Slots(2, "jobs")


def execute(admin: Any, command: str) -> None:
    admin.execute_command(*command.split())


async def decide(store: Any) -> Any:
    return await store.hit("ann")


async def test_a_frozen_server_costs_one_deadline_and_then_nothing_until_it_is_probed(
    private_server: EmbeddedServer, limiters: AsyncLimiters
) -> None:
    store = limiters.open(
        private_server.addr, "", PATIENT, limit="5/hour", deadline=f"{DEADLINE}s", breaker="300ms"
    )
    await store.hit("ann")
    with private_server.frozen():
        with within(DEADLINE):
            first = await store.hit("ann")
        with within(0.02):
            others = [await store.hit("ann") for _ in range(20)]
            with pytest.raises(LimitExceededError, match="without asking Redis"):
                await store.hold("ann", SLOTS).__aenter__()

    assert [each.degraded for each in (first, *others)] == [True] * 21
    assert not any(others)

    async def recovers() -> bool:
        return not (await store.hit("bob")).degraded

    for _ in range(200):
        if await recovers():
            break
        await async_lapse(0.02)
    assert await recovers()


async def test_whatever_is_asked_of_a_frozen_server_is_decided_within_the_deadline(
    private_server: EmbeddedServer, limiters: AsyncLimiters
) -> None:
    store = limiters.open(private_server.addr, "", PATIENT, limit="5/hour", deadline="50ms", breaker="0s")

    @limited(subject=lambda: "ann")
    async def run(limiter: Any) -> None:
        raise AssertionError

    async def hold() -> None:
        async with store.hold("ann", SLOTS):
            raise AssertionError

    async def reserve() -> None:
        async with store.reserve("ann", timeout=0.01):
            raise AssertionError

    await store.hit("ann")
    decided: list[Callable[[], Any]] = [
        lambda: store.hit("ann"),
        lambda: store.peek("ann"),
        lambda: store.acquire("ann", timeout=0.01),
    ]
    with private_server.frozen():
        for decide in decided:
            with within(0.05):
                decision = await decide()
            assert (decision.allowed, decision.degraded) == (False, True)
        for enter in (hold, reserve, lambda: run(store)):
            with within(0.05), pytest.raises(LimitExceededError, match="without asking Redis"):
                await enter()


async def test_who_leaves_while_the_server_is_frozen_does_so_within_the_deadline(
    private_server: EmbeddedServer, limiters: AsyncLimiters, caplog: pytest.LogCaptureFixture
) -> None:
    store = limiters.open(private_server.addr, "", PATIENT, deadline="50ms")
    held = [store.hold("s3cret", SLOTS) for _ in range(2)]
    for each in held:
        await each.__aenter__()

    with private_server.frozen(), within(0.05):
        for each in held:
            await each.__aexit__(None, None, None)

    assert [each.getMessage() for each in caplog.records] == [
        "a slot is free only when its lease ends: deadline",
        "a slot is free only when its lease ends: Redis did not answer before",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("on_outage", ["closed", "open", "local"])
async def test_a_killed_server_is_noticed_and_forgotten(
    private_server: EmbeddedServer, limiters: AsyncLimiters, on_outage: str
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
    await store.hit("ann")
    private_server.kill()

    with within(0.4):
        down = [await store.hit("ann") for _ in range(4)]
    private_server.restart()
    after = await store.hit("bob")
    for _ in range(100):
        if not after.degraded:
            break
        await async_lapse(0.02)
        after = await store.hit("bob")

    assert all(each.degraded for each in down)
    expected = {"closed": [False] * 4, "open": [True] * 4, "local": [True, True, False, False]}
    assert [each.allowed for each in down] == expected[on_outage]
    assert (after.degraded, after.allowed) == (False, True)


async def test_one_caller_at_a_time_probes_a_server_that_does_not_answer(
    addr: str, prefix: str, proxy: Proxy, limiters: AsyncLimiters
) -> None:
    store = limiters.open(proxy.addr, prefix, PATIENT, limit="5/hour", deadline="200ms", breaker="1ms")
    await store.hit("ann")
    proxy.swallow(b"ratelimit", times=1000)
    await store.hit("ann")
    await async_lapse(0.01)
    before = proxy.commands.count("EVALSHA")

    answers: list[Any] = await async_at_once([lambda: decide(store)] * 12)

    assert all(each.degraded for each in answers)
    assert proxy.commands.count("EVALSHA") - before == 1


async def test_a_probe_that_is_cut_leaves_the_next_one_to_another(
    prefix: str, proxy: Proxy, limiters: AsyncLimiters
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour", breaker="1ms")
    await store.hit("ann")
    proxy.swallow(b"ratelimit", times=1)
    proxy.reset_reply(b"ratelimit")
    down = await store.hit("ann")
    await async_lapse(0.01)
    probe = await store.hit("ann")
    await async_lapse(0.01)

    again = await store.hit("ann")

    assert (down.degraded, probe.degraded, again.degraded) == (True, True, False)


async def test_a_connection_that_breaks_alone_opens_no_breaker(
    prefix: str, proxy: Proxy, limiters: AsyncLimiters
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour", breaker="1m")
    await store.hit("ann")
    proxy.reset_reply(b"ratelimit")

    broken = await store.hit("ann")
    after = await store.hit("ann")

    assert (broken.degraded, after.degraded, after.remaining) == (True, False, 2)  # it was charged, once


async def test_a_pool_that_is_busy_opens_no_breaker(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    client = {"pool_size": 1, "client_name": prefix}
    store = limiters.open(addr, prefix, client, limit="5/hour", deadline="50ms", breaker="1m")
    await store.hit("ann")
    waiting = AsyncCall(lambda: store._executor.execute("BLPOP", f"{prefix}:list", "0"))
    await async_until(lambda: is_waiting(admin, prefix), "the one connection is in use")

    busy = await store.hit("ann")
    admin.rpush(f"{prefix}:list", "x")
    await waiting.result()
    after = await store.hit("ann")

    assert (busy.degraded, after.degraded, after.remaining) == (True, False, 3)


def is_waiting(admin: Any, prefix: str) -> bool:
    return any((each["name"], each["cmd"]) == (prefix, "blpop") for each in admin.client_list())


async def test_stores_of_one_client_share_a_breaker(proxy: Proxy, prefix: str) -> None:
    module = AsyncRedisModule(config={"addr": proxy.addr, **PATIENT})
    settings = RateLimitSettings.from_mapping({"limit": "5/hour", "deadline": "150ms", "breaker": "1m"})
    one, other = (
        AsyncRedisRateLimitStore(client=module.client(), key_prefix=f"{prefix}{number}", settings=settings)
        for number in range(2)
    )
    await other.hit("ann")
    proxy.swallow(b"ratelimit")
    await one.hit("ann")
    before = len(proxy.commands)

    spared = await other.hit("ann")
    with pytest.raises(LimitExceededError):
        await other.hold("ann", SLOTS).__aenter__()

    assert spared.degraded
    assert len(proxy.commands) == before
    assert breaker_of(module.client()).is_open
    await one.aclose()
    await other.aclose()
    await module.shutdown_resources()


async def test_answers_that_come_while_it_is_probed_do_not_leave_it_broken_for_ever(
    private_server: EmbeddedServer, limiters: AsyncLimiters
) -> None:
    store = limiters.open(private_server.addr, "", PATIENT, limit="9/hour", deadline="300ms", breaker="50ms")
    await async_at_once([lambda: decide(store)] * 3)
    with private_server.frozen():
        first = AsyncCall(lambda: store.hit("ann"))
        await async_lapse(0.25)
        late = AsyncCall(lambda: store.hit("ann"))  # before it opens
        await async_until(lambda: first.done() and breaker_is_due(store), "it may be probed")
        probe = AsyncCall(lambda: store.hit("ann"))
        await async_lapse(0.02)
    answers = [await call.result() for call in (first, late, probe)]
    with private_server.frozen():
        await store.hit("ann")

    async def recovers() -> bool:
        return not (await store.hit("bob")).degraded

    for _ in range(200):
        if await recovers():
            break
        await async_lapse(0.02)
    assert await recovers()
    assert answers[0].degraded


def breaker_is_due(store: Any) -> bool:
    until = store._spared._breaker._until
    return until is not None and time.monotonic() > until


async def test_a_closed_client_is_a_mistake_and_no_outage_also_while_the_breaker_is_open(
    closed_port: str, addr: str, prefix: str, limiters: AsyncLimiters
) -> None:
    for there in (addr, closed_port):
        store = limiters.open(there, prefix, QUICK, limit="5/hour", breaker="1m", on_outage="open")
        await store.hit("ann")
        await limiters.shut(store)

        calls: list[Callable[[], Any]] = [
            lambda: store.hit("ann"),  # noqa: B023  # it is called at once
            lambda: store.peek("ann"),  # noqa: B023  # likewise
            lambda: store.acquire("ann", timeout=5),  # noqa: B023  # likewise
            lambda: store.hold("ann", SLOTS).__aenter__(),  # noqa: B023  # likewise
        ]
        for call in calls:
            with pytest.raises(StoreUnavailableError) as caught:
                await call()
            assert caught.value.reason == "closed"


async def test_waiting_goes_on_while_redis_does_not_answer_and_ends_when_it_does(
    prefix: str, proxy: Proxy, limiters: AsyncLimiters
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour", breaker="20ms")
    proxy.swallow(b"ratelimit", times=1)

    with within(1.5):
        decision = await store.acquire("ann", timeout=5)

    assert (decision.allowed, decision.degraded) == (True, False)


@pytest.mark.parametrize("call", ["refund", "settle", "reset"])
async def test_what_must_be_known_is_raised(
    addr: str, prefix: str, proxy: Proxy, limiters: AsyncLimiters, call: str
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour")
    await store.refund(await store.hit("bob"))  # the server knows the script then
    decision = await store.hit("ann", cost=2)
    proxy.reset_reply(b"ratelimit")
    calls: dict[str, Callable[[], Any]] = {
        "refund": lambda: store.refund(decision),
        "settle": lambda: store.settle(decision, 4),
        "reset": lambda: store.reset("ann"),
    }

    with pytest.raises(StoreUnavailableError):
        await calls[call]()

    assert (await store.peek("ann", cost=0)).remaining == {"refund": 5, "settle": 1, "reset": 5}[call]


async def test_what_only_all_replicas_together_allow_may_be_waited_for_in_an_outage(
    closed_port: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(
        closed_port, "", QUICK, limit="100/minute", on_outage="local", replicas=50, breaker="2s"
    )

    with within(0.2):
        refused = await store.hit("ann", cost=10)
        given_up = await store.acquire("ann", cost=10, timeout=1)
        never = await store.hit("ann", cost=101)

    assert [each.allowed for each in (refused, given_up, never)] == [False] * 3
    assert refused.retry_after == given_up.retry_after == timedelta(seconds=2)
    assert never.retry_after is None


async def test_a_degraded_decision_is_neither_refunded_nor_settled(
    closed_port: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(closed_port, "", QUICK, limit="5/hour", on_outage="open")
    decision = await store.hit("ann", cost=2)

    await store.refund(decision)
    await store.settle(decision, 1)
    await store.settle(decision, 5)
    async with store.reserve("ann") as reservation:
        await reservation.settle(3)

    assert (decision.allowed, decision.degraded, decision.charged) == (True, True, False)


async def test_what_will_never_be_allowed_is_not_waited_for_in_an_outage(
    closed_port: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(closed_port, "", QUICK, limit="5/hour")

    with within(0.2):
        decision = await store.acquire("ann", cost=6, timeout=60)

    assert (decision.allowed, decision.retry_after, decision.degraded) == (False, None, True)


@pytest.mark.parametrize(
    ("begin", "end", "passes"),
    [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", True),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", True),
        ("ACL SETUSER default -set", "ACL SETUSER default +@all", False),
    ],
)
async def test_a_refusal_that_passes_is_an_outage_and_another_is_raised(
    private_server: EmbeddedServer, limiters: AsyncLimiters, begin: str, end: str, passes: bool
) -> None:
    store = limiters.open(private_server.addr, "", limit="5/hour", breaker="1ms")
    await store.hit("ann")
    with stock_client(private_server.addr) as admin:
        execute(admin, begin)
        if passes:
            assert (await store.hit("ann")).degraded
        else:
            with pytest.raises(CommandRefusedError, match="noperm"):
                await store.hit("ann")
        execute(admin, end)
    await async_lapse(0.01)

    assert not (await store.hit("ann")).degraded


async def test_a_probe_that_is_given_up_hinders_nobody(
    prefix: str, proxy: Proxy, limiters: AsyncLimiters
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour", breaker="1ms")
    proxy.swallow(b"ratelimit", times=2)
    await store.hit("ann")
    await async_lapse(0.01)
    probe = AsyncCall(lambda: store.hit("ann"))
    await async_until(proxy.has_struck, "the probe is under way")
    assert (await store.hit("ann")).degraded
    await probe.result()
    await async_lapse(0.01)

    assert not (await store.hit("ann")).degraded


@pytest.mark.parametrize("kind", ["list", "zset", "hash", "set"])
async def test_a_value_of_another_type_under_a_key_is_a_typed_error_and_reset_heals_it(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, kind: str
) -> None:
    store = limiters.open(addr, prefix, limit="5/hour", on_outage="open")
    make: dict[str, Callable[[str], object]] = {
        "list": lambda key: admin.rpush(key, "1"),
        "zset": lambda key: admin.zadd(key, {"a": 1}),
        "hash": lambda key: admin.hset(key, "a", "1"),
        "set": lambda key: admin.sadd(key, "1"),
    }
    decision = await store.hit("ann")
    await store.reset("ann")
    make[kind](f"{prefix}:ratelimit:g:default:{{ann}}")
    for call in (lambda: store.hit("ann"), lambda: store.peek("ann"), lambda: store.refund(decision)):
        with pytest.raises(CommandRefusedError) as caught:
            await call()
        assert caught.value.reason == "wrong-type"

    await store.reset("ann")

    assert (await store.hit("ann")).remaining == 4
