"""Values that stand in when loading fails, with a cool-down; and values that say that there is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.contract import MISS
from tests.cache_keys import async_idle
from tests.crews import AsyncJob, AsyncSource, Told, async_pass_time, async_until

NewStore = Callable[..., AsyncRedisCacheStore]


class BrokenError(Exception):
    """The source is down."""


def broken(held: int = 0) -> AsyncSource:
    source = AsyncSource("new", held)
    source.fails = BrokenError()
    return source


async def make_old(store: AsyncRedisCacheStore, key: str = "k") -> None:
    await store.set(key, "first", ttl=0.02)
    await async_pass_time(0.03)


@pytest.mark.parametrize(("grace", "generations"), [("stale_if_error", False), ("stale_for", True)])
async def test_after_a_failed_load_nobody_loads_during_the_cool_down(
    new_store: NewStore, grace: str, generations: bool
) -> None:
    settings = {grace: "60s", "error_cooldown": "150ms", "lease": "60s", "generations": generations}
    stores, source = [new_store(**settings) for _ in range(2)], broken()
    await make_old(stores[0])

    began, loads = time.monotonic(), []
    while time.monotonic() < began + 0.4:
        for store in stores:
            assert await store.get_or_set("k", source.load) == "first"
            await async_idle(store)
        loads.append((time.monotonic() - began, source.loads))
        await async_pass_time(0.01)

    assert all(count <= 1 + seconds // 0.15 for seconds, count in loads)
    assert source.loads >= 2  # it is tried again
    source.fails = None
    await async_pass_time(0.2)
    seen = []
    for _ in range(2):
        seen.append(await stores[0].get_or_set("k", source.load))
        await async_idle(stores[0])
    assert seen[-1] == "new"


async def test_callers_of_two_stores_share_one_failing_load_and_all_get_the_old_value(
    new_store: NewStore,
) -> None:
    told, source = Told(), broken(held=1)
    stores = [new_store(stale_if_error="60s", lease="60s", events=told) for _ in range(2)]
    await make_old(stores[0])

    jobs = [asking(store, source) for store in stores * 3]
    await source.begun[0].wait()
    await async_until(lambda: told.times("miss") == 6, "all wait")
    await async_pass_time()
    source.gates[0].open()

    assert [await job.result() for job in jobs] == ["first"] * 6
    assert source.loads == 1
    assert told.times("stale-hit") == 6


def asking(store: AsyncRedisCacheStore, source: AsyncSource) -> AsyncJob[object]:
    return AsyncJob(lambda: store.get_or_set("k", source.load))


async def test_who_cannot_do_with_the_old_value_loads_during_the_cool_down(new_store: NewStore) -> None:
    store, source = new_store(stale_if_error="60s", error_cooldown="60s"), broken()
    await make_old(store)
    assert await store.get_or_set("k", source.load) == "first"

    with pytest.raises(BrokenError):
        await store.get_or_set("k", source.load, stale_if_error=0)
    source.fails = None

    assert await store.get_or_set("k", source.load, stale_if_error=0) == "new"
    assert await store.get("k") == "new"


async def test_whose_grace_is_over_loads_during_the_cool_down(new_store: NewStore) -> None:
    store, source = new_store(stale_if_error="60s", error_cooldown="60s"), broken()
    await make_old(store)
    assert await store.get_or_set("k", source.load) == "first"
    source.fails = None

    assert await store.get_or_set("k", source.load) == "first"
    job = AsyncJob(lambda: store.get_or_set("k", source.load, stale_if_error=0.01))
    assert await job.result() == "new"


async def test_during_the_cool_down_the_old_value_is_returned_and_nobody_loads(
    new_store: NewStore, caplog: pytest.LogCaptureFixture
) -> None:
    told, source = Told(), broken()
    store = new_store(stale_if_error="60s", error_cooldown="60s", events=told)
    await make_old(store)

    for _ in range(5):
        assert await store.get_or_set("k", source.load) == "first"
        await async_idle(store)

    assert (told.times("miss"), told.times("stale-hit"), source.loads) == (5, 5, 1)
    assert caplog.messages == ["a value could not be loaded: BrokenError"]


async def test_a_value_that_was_removed_while_another_loaded_stands_in_for_nothing(
    new_store: NewStore,
) -> None:
    told, source, failing = Told(), AsyncSource("new", held=1), broken()
    here, there = new_store(stale_if_error="60s"), new_store(stale_if_error="60s", events=told)
    await make_old(here)
    loading = asking(here, source)
    await source.begun[0].wait()
    waiting = asking(there, failing)
    await async_until(lambda: told.times("miss") == 1, "it waits")
    await async_pass_time()

    await here.delete("k")

    with pytest.raises(BrokenError):
        await waiting.result()
    source.gates[0].open()
    await loading.result()


async def test_an_error_without_an_old_value_is_raised_each_time(new_store: NewStore) -> None:
    store, source = new_store(stale_if_error="60s", error_cooldown="60s"), broken()

    for _ in range(3):
        with pytest.raises(BrokenError):
            await store.get_or_set("k", source.load)

    assert source.loads == 3


async def test_a_removed_value_stands_in_for_nothing(new_store: NewStore) -> None:
    store, source = new_store(stale_if_error="60s", lease="60s"), broken(held=1)
    await make_old(store)
    first = asking(store, source)
    await source.begun[0].wait()
    await store.delete("k")

    late = asking(store, source)
    source.gates[0].open()

    for job in (first, late):
        with pytest.raises(BrokenError):
            await job.result()
    with pytest.raises(BrokenError):
        await store.get_or_set("k", source.load)


async def test_a_loaded_none_need_not_be_of_the_type_that_is_asked_for(new_store: NewStore) -> None:
    store, source = new_store(negative_ttl="10s"), AsyncSource(None)

    jobs = [AsyncJob(lambda: store.get_or_set("k", source.load, type=int)) for _ in range(2)]
    assert [await job.result() for job in jobs] == [None, None]
    assert await AsyncJob(lambda: store.get_or_set("k", source.load, type=int)).result() is None

    assert source.loads == 1


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_a_loaded_none_is_kept_for_the_negative_ttl(new_store: NewStore, codec: str) -> None:
    store, source = new_store(negative_ttl="10s", codec=codec), AsyncSource(None)

    found = [await store.get_or_set("k", source.load) for _ in range(3)]
    found += [await store.get_or_set("k", source.load, type=int) for _ in range(2)]

    assert found == [None] * 5
    assert source.loads == 1
    assert await store.get("k") is None
    left = await store.ttl("k")
    assert isinstance(left, timedelta)
    assert 5 < left.total_seconds() <= 10


@pytest.mark.parametrize("codec", ["json", "msgpack"])
@pytest.mark.parametrize("value", [b"null", b"\xc0", b"nul", b""])
async def test_bytes_that_look_as_none_does_are_bytes(new_store: NewStore, codec: str, value: bytes) -> None:
    store, source = new_store(negative_ttl="10s", codec=codec), AsyncSource(value)

    found = [await store.get_or_set("k", source.load) for _ in range(2)]
    found += [await store.get_or_set("k", source.load, type=bytes), await store.get("k")]

    assert found == [value] * 4
    assert source.loads == 1
    left = await store.ttl("k")
    assert isinstance(left, timedelta)
    assert left.total_seconds() > 50  # it is no None


async def test_without_a_negative_ttl_none_is_kept_as_any_value(new_store: NewStore) -> None:
    store, source = new_store(), AsyncSource(None)

    assert [await store.get_or_set("k", source.load) for _ in range(2)] == [None, None]

    left = await store.ttl("k")
    assert isinstance(left, timedelta)
    assert 50 < left.total_seconds() <= 60
    assert source.loads == 1


async def test_a_negative_value_ends_when_its_time_is_over(new_store: NewStore) -> None:
    store, source = new_store(), AsyncSource(None)
    assert await store.get_or_set("k", source.load, negative_ttl=0.02) is None
    source.value = "there"

    await async_pass_time(0.03)

    assert await store.get("k") is MISS
    assert await store.get_or_set("k", source.load, negative_ttl=0.02) == "there"
    left = await store.ttl("k")
    assert isinstance(left, timedelta)
    assert left.total_seconds() > 50


async def test_jitter_shortens_a_ttl_and_never_makes_it_longer(new_store: NewStore) -> None:
    store = new_store(ttl_jitter=50)
    keys = [f"k{number}" for number in range(50)]
    await store.set_many(dict.fromkeys(keys, 1))

    left = [await store.ttl(key) for key in keys]

    seconds = [each.total_seconds() for each in left if isinstance(each, timedelta)]
    assert len(seconds) == 50
    assert all(25 < each <= 60 for each in seconds)
    assert max(seconds) - min(seconds) > 5
