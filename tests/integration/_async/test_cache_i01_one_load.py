"""I1: the loads of a key never overlap, however many callers there are in however many stores."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.cache._core import Found, value_header
from modkit_redis.cache.codec import JSON, Encoded
from modkit_redis.contract import MISS
from tests.cache_keys import async_idle, leases
from tests.crews import AsyncGate, AsyncJob, AsyncSource, Told, async_pass_time, async_until

NewStore = Callable[..., AsyncRedisCacheStore]


async def make_stale(store: AsyncRedisCacheStore, key: str = "k") -> None:
    """Store "first", and let it be kept for its grace only."""
    await store.set(key, "first", ttl=0.02)
    await async_pass_time(0.03)
    assert await store.get(key) is MISS


def asking(store: AsyncRedisCacheStore, source: AsyncSource) -> AsyncJob[object]:
    return AsyncJob(lambda: store.get_or_set("k", source.load))


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
async def test_i01_callers_in_two_stores_share_one_load(new_store: NewStore, generations: bool) -> None:
    told, source = Told(), AsyncSource("old", held=1)
    stores = [new_store(events=told, generations=generations) for _ in range(2)]

    jobs = [asking(s, source) for s in stores * 4]
    await source.begun[0].wait()
    await async_until(lambda: told.times("miss") == 8, "all have looked")
    assert await stores[0].get("k", "loading") == "loading"
    await async_pass_time()
    source.gates[0].open()

    assert [await job.result() for job in jobs] == ["old"] * 8
    assert source.loads == 1
    assert (told.times("load"), told.times("wait"), told.times("takeover")) == (1, 1, 0)
    assert told.times("undecodable") == 0


async def test_i01_a_load_that_takes_longer_than_its_lease_keeps_it(new_store: NewStore) -> None:
    source = AsyncSource("old", held=1)
    here, there = (new_store(lease="300ms") for _ in range(2))

    jobs = [AsyncJob(lambda: here.get_or_set("k", source.load))]
    await source.begun[0].wait()
    jobs += [AsyncJob(lambda: there.get_or_set("k", source.load))]
    await async_pass_time(0.6)
    source.gates[0].open()

    assert [await job.result() for job in jobs] == ["old"] * 2
    assert source.loads == 1


async def test_i01_a_refresh_that_takes_longer_than_its_lease_keeps_it(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = AsyncSource("new", held=1)
    here, there = (new_store(lease="300ms", stale_for="60s") for _ in range(2))
    await make_stale(here)

    assert await here.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()
    for _ in range(3):
        await async_pass_time(0.2)
        assert await there.get_or_set("k", source.load) == "first"
        await async_idle(there)
    source.gates[0].open()
    await async_idle(here)

    assert source.loads == 1
    assert [await here.get("k"), await there.get("k")] == ["new"] * 2
    assert leases(admin, prefix) == []


@pytest.mark.parametrize("lease", ["300ms", "60s"])
async def test_i01_a_refresh_outlives_the_value_that_it_replaces_and_i05_the_value_is_served_no_longer(
    new_store: NewStore, lease: str
) -> None:
    source, told = AsyncSource("new", held=1), Told()
    here = new_store(lease=lease, stale_for="150ms", events=told)
    there = new_store(lease=lease, stale_for="150ms", events=told)
    await make_stale(here)

    assert await here.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()
    await async_pass_time(0.2)  # the value's time is over, but the lease keeps it in Redis
    jobs = [asking(s, source) for s in (here, there)]
    await async_until(lambda: told.times("miss") == 3, "both have looked")
    await async_pass_time(0.05)
    assert not any(job.is_done for job in jobs)
    source.gates[0].open()

    assert [await job.result() for job in jobs] == ["new"] * 2
    assert source.loads == 1


async def test_i01_a_refresh_keeps_its_lease_when_the_old_value_is_given_less_time(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = AsyncSource("new", held=1)
    here, there = (new_store(lease="60s", early_refresh=True) for _ in range(2))
    header = value_header(Encoded(JSON, 0, b""), 0, cost_ms=2**32 - 1)
    admin.set(f"{prefix}:cache:k", header + b'"first"', px=120_000)
    assert await here.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()

    assert await there.touch("k", ttl=0.1)
    assert await there.get("k") == "first"
    await async_pass_time(0.12)
    assert await there.get("k") is MISS
    waiting = asking(there, source)
    await async_pass_time(0.05)
    assert not waiting.is_done
    source.gates[0].open()

    assert await waiting.result() == "new"
    assert source.loads == 1


async def test_i01_of_many_who_find_an_old_value_one_loads(new_store: NewStore) -> None:
    source = AsyncSource("new", held=1)
    stores = [new_store(stale_for="60s") for _ in range(3)]
    await make_stale(stores[0])

    found = [await store.get_or_set("k", source.load) for store in stores * 3]
    await source.begun[0].wait()
    source.gates[0].open()
    for store in stores:
        await async_idle(store)

    assert found == ["first"] * 9
    assert source.loads == 1


async def test_i01_a_refresh_that_comes_after_another_does_not_load_again(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, late = AsyncSource("new"), AsyncSource("newer")
    here, there = (new_store(stale_for="60s") for _ in range(2))
    await make_stale(here)
    looked, go = AsyncGate(), AsyncGate()
    look = there._entries.look

    async def slow_look(name: str, *, timed: bool) -> Found:
        found = await look(name, timed=timed)
        looked.open()
        await go.wait()
        return found

    monkeypatch.setattr(there._entries, "look", slow_look)
    job = AsyncJob(lambda: there.get_or_set("k", late.load))
    await looked.wait()
    assert await here.get_or_set("k", source.load) == "first"
    await async_idle(here)
    go.open()

    assert await job.result() == "first"
    await async_idle(there)
    assert (source.loads, late.loads) == (1, 0)


async def test_i01_what_cannot_be_read_is_replaced_by_one_load(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    told, source = Told(), AsyncSource("old", held=1)
    stores = [new_store(events=told) for _ in range(2)]
    admin.set(f"{prefix}:cache:k", "not ours")

    jobs = [asking(s, source) for s in stores * 2]
    await source.begun[0].wait()
    await async_until(lambda: told.times("miss") == 4, "all have looked")
    source.gates[0].open()

    assert [await job.result() for job in jobs] == ["old"] * 4
    assert source.loads == 1
    assert 1 <= told.times("undecodable") <= 4


async def test_i01_what_is_of_another_type_is_replaced_by_one_load_that_others_wait_for(
    new_store: NewStore,
) -> None:
    told, source = Told(), AsyncSource(5, held=1)
    here, there = new_store(), new_store(events=told)
    await here.set("k", "text")
    jobs = [AsyncJob(lambda: here.get_or_set("k", source.load, type=int))]
    await source.begun[0].wait()

    jobs += [AsyncJob(lambda: there.get_or_set("k", source.load, type=int))]
    await async_pass_time(0.3)
    assert told.times("undecodable") == 1  # it waits for the lease, and does not look at the old value again
    source.gates[0].open()

    assert [await job.result() for job in jobs] == [5, 5]
    assert (source.loads, told.times("wait")) == (1, 1)
