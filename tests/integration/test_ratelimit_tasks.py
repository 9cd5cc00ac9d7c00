"""What can only happen to tasks: cancellation, dropped coroutines, another event loop; and to a fork."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import redis
import redis.asyncio

from modkit_redis.client.breaker import Breaker, BrokenError, breaker_of
from modkit_redis.contract import Slots, StoreUnavailableError
from modkit_redis.ratelimit import AsyncRedisRateLimitStore, RateLimitSettings, RedisRateLimitStore
from tests.caching import async_lapse, async_until
from tests.faults.forking import in_child
from tests.faults.proxy import Proxy
from tests.limiters import QUICK, AsyncLimiters, Limiters, lifetimes
from tests.support import stock_client

TWO = Slots(2, "jobs")


@pytest.fixture
async def limiters() -> AsyncIterator[AsyncLimiters]:
    limiters = AsyncLimiters()
    yield limiters
    await limiters.aclose()


async def test_who_is_cancelled_while_he_takes_a_slot_leaves_none_taken(
    prefix: str, proxy: Proxy, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(proxy.addr, prefix)
    async with store.hold("ann", TWO):
        pass
    proxy.swallow(b"ratelimit:c:")
    task = asyncio.create_task(store.hold("ann", TWO).__aenter__())
    await async_until(proxy.has_struck, "the slot is taken, and the reply is lost")

    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert task.cancelled()
    assert lifetimes(admin, prefix) == {}


async def test_random_cancellations_leak_no_slot(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters, chance: Any
) -> None:
    store = limiters.open(addr, prefix)

    async def work() -> None:
        async with store.hold("ann", Slots(100, "jobs")):
            await asyncio.sleep(chance.random() * 0.004)

    for _ in range(15):
        tasks = [asyncio.create_task(work()) for _ in range(6)]
        await asyncio.sleep(chance.random() * 0.004)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    await async_until(lambda: lifetimes(admin, prefix) == {}, "all have left")


async def test_who_is_cancelled_while_he_waits_was_charged_nothing(
    addr: str, prefix: str, admin: redis.Redis, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, prefix, limit="1/2s")
    await store.hit("ann")
    task = asyncio.create_task(store.acquire("ann", timeout=60))
    await async_lapse(0.02)
    [key] = lifetimes(admin, prefix)
    before = admin.get(key)

    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert admin.get(key) == before


async def test_a_probe_that_is_cancelled_hinders_nobody(
    prefix: str, proxy: Proxy, limiters: AsyncLimiters
) -> None:
    store = limiters.open(proxy.addr, prefix, QUICK, limit="5/hour", breaker="1ms")
    proxy.swallow(b"ratelimit")
    assert (await store.hit("ann")).degraded
    await async_lapse(0.01)
    proxy.swallow(b"ratelimit")
    task = asyncio.create_task(store.hit("ann"))
    await async_until(proxy.has_struck, "the probe is under way")
    assert (await store.hit("ann")).degraded

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert not (await store.hit("ann")).degraded


async def test_a_probe_that_is_dropped_hinders_nobody() -> None:
    breaker = Breaker()
    breaker._until = 0.0

    async def probing() -> None:
        with breaker.guarding(60):
            await asyncio.sleep(60)

    probe: Any = probing()
    probe.send(None)
    with pytest.raises(BrokenError), breaker.guarding(60):
        pass
    del probe
    gc.collect()

    with breaker.guarding(60):
        pass
    assert not breaker.is_open


async def test_another_event_loop_is_a_mistake_also_while_the_breaker_is_open(
    addr: str, closed_port: str, limiters: AsyncLimiters
) -> None:
    store = limiters.open(addr, "", QUICK, limit="5/hour", on_outage="open", breaker="1m")
    await store.peek("ann")
    for is_open in (False, True):
        if is_open:
            store._spared._breaker._until = float("inf")

        with pytest.raises(StoreUnavailableError) as caught:
            await asyncio.to_thread(asyncio.run, store.hit("ann"))
        assert caught.value.reason == "event-loop"


def test_a_forked_child_asks_and_forgets_denials(addr: str, prefix: str) -> None:
    limiters = Limiters()
    store = limiters.open(addr, prefix, limit="1/hour", deny_cache=10)
    store.hit("ann")
    assert not store.hit("ann")
    store._denials._lock.acquire()  # as if another thread was about to remember something
    breaker = store._spared._breaker
    breaker._lock.acquire()
    breaker._is_probed, breaker._until = True, 0.0

    said = in_child(
        lambda: (len(store._denials), store.hit("ann").allowed, len(store._denials), breaker.is_open)
    )

    assert said == "(0, False, 1, False)"
    limiters.close()


@pytest.mark.parametrize("protocol", [None, 2, 3])
@pytest.mark.parametrize("decode", [False, True])
async def test_a_client_that_the_application_brought_gives_the_same_answers(
    addr: str, prefix: str, protocol: int | None, decode: bool
) -> None:
    host, _, port = addr.rpartition(":")
    options: dict[str, Any] = {"host": host, "port": int(port), "decode_responses": decode}
    if protocol is not None:
        options["protocol"] = protocol
    settings = RateLimitSettings.from_mapping({"limit": "2/hour"})
    async with redis.asyncio.Redis(**options) as client:
        store = AsyncRedisRateLimitStore(client=client, key_prefix=prefix, settings=settings)
        first, second = await store.hit("ann"), await store.hit("ann", cost=2)
        await store.settle(first, 2)
        await store.refund(first)
        async with store.hold("ann", TWO) as held:
            left = (await store.peek("ann", cost=0)).remaining
        await store.reset("ann")
    with redis.Redis(**options) as blocking:
        other = RedisRateLimitStore(client=blocking, key_prefix=prefix, settings=settings)
        third = other.hit("ann")
        with other.hold("ann", TWO) as again:
            pass

    assert (first.allowed, first.remaining, first.degraded) == (True, 1, False)
    assert (second.allowed, held.remaining, left) == (False, 1, 1)
    assert (third.remaining, again.remaining) == (1, 1)


def test_one_client_has_one_breaker() -> None:
    first, second = stock_client("127.0.0.1:1"), stock_client("127.0.0.1:1")

    assert breaker_of(first) is breaker_of(first)
    assert breaker_of(first) is not breaker_of(second)


def test_a_breaker_is_open_for_a_while_and_lets_one_probe_at_a_time() -> None:
    breaker = Breaker()
    down = StoreUnavailableError("GET", "refused")
    with pytest.raises(StoreUnavailableError), breaker.guarding(60):
        raise down
    assert breaker.is_open
    with pytest.raises(BrokenError), breaker.guarding(60):
        pass
    breaker._until = 0.0
    with breaker.guarding(60), pytest.raises(BrokenError), breaker.guarding(60):
        pass

    assert not breaker.is_open


@pytest.mark.parametrize("reason", ["closed", "event-loop", "reset", "disconnected", "pool-timeout"])
def test_what_says_nothing_of_the_server_neither_opens_nor_closes_a_breaker(reason: str) -> None:
    breaker = Breaker()
    with pytest.raises(StoreUnavailableError), breaker.guarding(60):
        raise StoreUnavailableError("GET", reason)
    was_open = breaker.is_open
    breaker._until = 0.0

    with pytest.raises(StoreUnavailableError), breaker.guarding(60):
        raise StoreUnavailableError("GET", reason)

    assert not was_open
    assert breaker.is_open
