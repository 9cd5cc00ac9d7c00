"""Loads in the background: how many there may be, when they begin, and how they end with their bundle."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisBundle
from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.cache._core import Entry, expires_soon, value_header
from modkit_redis.cache.codec import JSON, Encoded
from tests.cache_keys import async_idle, leases
from tests.crews import AsyncJob, AsyncSource, Told, async_pass_time, async_until

NewStore = Callable[..., AsyncRedisCacheStore]
Connect = Callable[..., redis.asyncio.Redis]


WHO: ContextVar[str] = ContextVar("who", default="nobody")


async def make_stale(store: AsyncRedisCacheStore, *keys: str) -> None:
    await store.set_many(dict.fromkeys(keys, "first"), ttl=0.02)
    await async_pass_time(0.03)


def bundle_of(addr: str, prefix: str, **given: Any) -> AsyncRedisBundle:
    cache = {"default_ttl": "60s", "stale_for": "60s", "lease": "60s"}
    return AsyncRedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache}, **given)


async def test_no_more_refreshes_run_at_once_than_the_settings_allow(new_store: NewStore) -> None:
    told, source, keys = Told(), AsyncSource("new", held=2), ["a", "b", "c", "d", "e"]
    store = new_store(stale_for="60s", refreshes=2, events=told)
    await make_stale(store, *keys)

    for _ in range(3):
        assert [await store.get_or_set(key, source.load) for key in keys] == ["first"] * 5
    for begun in source.begun:
        await begun.wait()
    await async_pass_time()
    assert source.loads == 2

    for gate in source.gates:
        gate.open()
    await async_idle(store)
    for key in keys[2:]:
        assert await store.get_or_set(key, source.load) == "first"
        await async_idle(store)
    assert (source.loads, source.most) == (5, 2)
    assert await store.get_many(keys) == ["new"] * 5


async def test_a_load_that_is_waited_for_needs_no_place_among_the_refreshes(new_store: NewStore) -> None:
    source, other = AsyncSource("new", held=1), AsyncSource("other")
    store = new_store(stale_for="60s", refreshes=1)
    await make_stale(store, "a")
    assert await store.get_or_set("a", source.load) == "first"
    await source.begun[0].wait()

    assert await store.get_or_set("b", other.load) == "other"

    source.gates[0].open()


async def test_shutdown_waits_for_refreshes(addr: str, prefix: str, admin: redis.Redis) -> None:
    bundle, source = bundle_of(addr, prefix), AsyncSource("new", held=1)
    store = bundle.cache.store()
    await make_stale(store, "k")
    assert await store.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()

    ending = AsyncJob(lambda: bundle.shutdown_resources())
    await async_pass_time(0.05)
    assert not ending.is_done
    source.gates[0].open()
    await ending.result()

    await async_idle(store)
    assert leases(admin, prefix) == []
    again = bundle_of(addr, prefix)
    assert await again.cache.store().get("k") == "new"
    await again.shutdown_resources()


async def test_shutdown_waits_for_refreshes_of_stores_that_an_override_replaced(
    addr: str, prefix: str, admin: redis.Redis, connect: Connect
) -> None:
    bundle, source = bundle_of(addr, prefix), AsyncSource("new", held=3)
    other = connect(addr)
    stores = [bundle.cache.store()]
    with bundle.client.override(other):
        stores.append(bundle.cache.store())
    with bundle.key_prefix.override(f"{prefix}:there"):
        stores.append(bundle.cache.store())
    assert len(set(map(id, stores))) == 3
    for number, store in enumerate(stores):
        await make_stale(store, f"k{number}")
        assert await store.get_or_set(f"k{number}", source.load) == "first"
        await source.begun[number].wait()

    with bundle.cache.store.override(object()), bundle.client.override(other):
        ending = AsyncJob(lambda: bundle.shutdown_resources())
        for gate in source.gates:
            await async_pass_time()
            assert not ending.is_done
            gate.open()
        await ending.result()

    for store in stores:
        await async_idle(store)
    found = [admin.get(f"{below}:cache:k{n}") for n, below in enumerate([prefix, prefix, f"{prefix}:there"])]
    assert [each[-5:] for each in found if isinstance(each, bytes)] == [b'"new"'] * 3


async def test_after_shutdown_nothing_is_refreshed(addr: str, prefix: str, connect: Connect) -> None:
    mine = connect(addr)
    bundle, source = bundle_of(addr, prefix, client=mine), AsyncSource("new")
    store = bundle.cache.store()
    await make_stale(store, "k")

    await bundle.shutdown_resources()

    assert await store.get_or_set("k", source.load) == "first"
    await async_idle(store)
    assert source.loads == 0
    assert await store.get_or_set("l", source.load) == "new"  # who waits is served


async def test_early_refresh_loads_before_the_value_expires(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    told, source, state = Told(), AsyncSource("new"), random.getstate()
    store = new_store(early_refresh=True, events=told)
    header = value_header(Encoded(JSON, 0, b""), 0, cost_ms=100)
    random.seed(20)
    try:
        for _ in range(3):
            admin.set(f"{prefix}:cache:k", header + b'"old"', px=300)
            seen = []
            while "new" not in seen:
                seen.append(await store.get_or_set("k", source.load))
                await async_pass_time(0.005)
            assert set(seen) == {"old", "new"}
    finally:
        random.setstate(state)

    assert told.times("miss") == 0
    assert source.loads == 3


async def test_early_refresh_leaves_alone_what_is_quickly_loaded_or_far_from_its_end(
    new_store: NewStore,
) -> None:
    told, source = Told(), AsyncSource("value")
    store = new_store(early_refresh=True, events=told)

    for _ in range(100):
        assert await store.get_or_set("k", source.load) == "value"

    assert (source.loads, told.times("early-refresh")) == (1, 0)


@pytest.mark.parametrize(("cost", "fresh"), [(100, 20), (100, 100), (100, 300)])
def test_a_value_is_refreshed_early_with_the_probability_of_xfetch(cost: int, fresh: int) -> None:
    state, entry = random.getstate(), Entry(JSON, 0, b"", fresh, 0, cost, 0)
    random.seed(7)
    try:
        share = sum(expires_soon(entry) for _ in range(5000)) / 5000
    finally:
        random.setstate(state)

    assert abs(share - math.exp(-fresh / cost)) < 0.02


async def test_a_caller_who_may_not_have_the_old_value_joins_its_refresh(new_store: NewStore) -> None:
    told, source = Told(), AsyncSource("new", held=1)
    store = new_store(stale_for="60s", events=told)
    await make_stale(store, "k")
    assert await store.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()

    job = AsyncJob(lambda: store.get_or_set("k", source.load, stale_for=0))
    await async_until(lambda: told.times("miss") == 1, "it waits")
    await async_pass_time()
    source.gates[0].open()

    assert await job.result() == "new"
    assert source.loads == 1


async def test_a_refresh_sees_the_context_of_the_call_that_caused_it(new_store: NewStore) -> None:
    store = new_store(stale_for="60s")
    await make_stale(store, "k")

    async def load() -> str:
        return WHO.get()

    token = WHO.set("me")
    await store.get_or_set("k", load)
    WHO.reset(token)
    await async_idle(store)

    assert await store.get("k") == "me"


async def test_a_refresh_that_a_loader_caused_may_ask_for_what_that_loader_loads(new_store: NewStore) -> None:
    told = Told()
    store = new_store(stale_for="60s", events=told)
    await make_stale(store, "b")

    async def load_a() -> str:
        old = await store.get_or_set("b", load_b)
        await async_until(lambda: told.times("miss") == 2, "the refresh has asked for it")
        await async_pass_time()
        return f"a of {old}"

    async def load_b() -> str:
        return f"b of {await store.get_or_set('a', load_a)}"

    assert await store.get_or_set("a", load_a) == "a of first"
    await async_idle(store)

    assert await store.get("b") == "b of a of first"


async def test_what_a_load_took_is_kept_with_its_value(new_store: NewStore, prefix: str) -> None:
    store = new_store(early_refresh=True)

    async def load() -> str:
        await async_pass_time(0.03)
        return "slow"

    await store.get_or_set("k", load)

    found = await store._entries.look(f"{prefix}:cache:k", timed=True)
    assert isinstance(found, Entry)
    assert 30 <= found.cost_ms < 1000
