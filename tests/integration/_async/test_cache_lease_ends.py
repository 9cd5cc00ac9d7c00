"""A lease lasts as long as its load and no longer, whatever else is done to its key or goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis

from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.cache._core import value_header
from modkit_redis.cache.codec import JSON, Encoded
from modkit_redis.contract import MISS
from modkit_redis.testing import EmbeddedServer
from tests.cache_keys import leases
from tests.crews import AsyncJob, AsyncSource, Told, async_pass_time, async_until
from tests.support import stock_client

NewStore = Callable[..., AsyncRedisCacheStore]


def asking(store: AsyncRedisCacheStore, source: AsyncSource) -> AsyncJob[object]:
    return AsyncJob(lambda: store.get_or_set("k", source.load, type=int))


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
@pytest.mark.parametrize("is_stale", [False, True], ids=["", "stale"])
async def test_i01_touching_a_value_that_is_being_replaced_ends_it_but_not_the_lease(
    new_store: NewStore, generations: bool, is_stale: bool
) -> None:
    source, grace = AsyncSource(1, held=1), {"stale_for": "50ms"} if is_stale else {}
    here, there, other = (new_store(generations=generations, lease="60s", **grace) for _ in range(3))
    await here.set("k", "of another type", ttl=30)
    jobs = [asking(here, source)]
    await source.begun[0].wait()

    assert await there.touch("k", ttl=0.1)

    left = await there.ttl("k")
    assert isinstance(left, timedelta)
    assert 0 < left.total_seconds() <= 0.1
    assert await there.get("k") == "of another type"
    await async_pass_time(0.17)
    assert await there.get("k") is MISS
    assert await there.touch("k") is False
    jobs += [asking(other, source)]
    await async_pass_time(0.05)
    source.gates[0].open()
    assert [await job.result() for job in jobs] == [1, 1]
    assert (source.loads, source.most) == (1, 1)


async def test_touching_again_during_a_load_is_as_touching_once(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source, store = AsyncSource(1, held=1), new_store(lease="30s", stale_for="5s")
    await store.set("k", "of another type", ttl=20)
    job = asking(store, source)
    await source.begun[0].wait()

    for seconds in (2, 100, 3):
        assert await store.touch("k", ttl=seconds)
        left = await store.ttl("k")
        assert isinstance(left, timedelta)
        assert seconds - 1 < left.total_seconds() <= seconds
        assert admin.pttl(f"{prefix}:cache:k") > 29_000

    source.gates[0].open()
    assert await job.result() == 1


@pytest.mark.parametrize("end", [2**63, 2**64 - 1])
async def test_i11_touching_a_value_whose_lease_would_never_end_gives_it_no_longer_life(
    new_store: NewStore, admin: redis.Redis, prefix: str, end: int
) -> None:
    store, name = new_store(), f"{prefix}:cache:k"
    header = value_header(Encoded(JSON, 0, b""), 0)
    admin.set(name, header[:8] + b"somebody" + end.to_bytes(8, "big") + header[24:] + b'"value"', px=60_000)

    assert await store.touch("k", ttl=10)

    assert 9_000 < admin.pttl(name) <= 10_000
    assert await store.get("k") == "value"


@pytest.mark.parametrize("is_stale", [False, True], ids=["", "stale"])
async def test_i06_a_value_that_is_refused_for_want_of_memory_frees_its_lease(
    new_store: NewStore,
    private_server: EmbeddedServer,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    is_stale: bool,
) -> None:
    told, source = Told(), AsyncSource(1)
    store, other = (
        new_store(addr=private_server.addr, events=told, lease="60s", stale_if_error="60s") for _ in range(2)
    )
    fill = store._entries.fill
    with stock_client(private_server.addr) as admin:
        if is_stale:
            await store.set("k", 0, ttl=0.02)
            await async_pass_time(0.03)

        async def fill_when_full(*args: object) -> bool:
            admin.config_set("maxmemory", 1)
            try:
                return await fill(*args)  # type: ignore[arg-type]  # passed on
            finally:
                admin.config_set("maxmemory", 0)

        monkeypatch.setattr(store._entries, "fill", fill_when_full)
        assert await asking(store, source).result() == 1

        assert [getattr(event.error, "reason", "") for event in told if event.kind == "degraded"] == ["oom"]
        assert leases(admin, prefix) == []
        source.value = 2
        assert await asking(other, source).result() == 2
        assert told.times("wait") == 0


async def test_i01_of_those_who_wait_for_a_value_of_another_type_none_loads_it_again(
    new_store: NewStore, prefix: str
) -> None:
    told, source, name = Told(), AsyncSource(1, held=1), f"{prefix}:cache:k"
    stores = [new_store(events=told) for _ in range(5)]
    await stores[0].set("k", "of the old type", ttl=600)

    jobs = [asking(store, source) for store in stores]
    await source.begun[0].wait()
    flights = [store._loads._flights._airborne for store in stores]
    await async_until(lambda: told.times("miss") == 5, "all have looked")
    await async_until(
        lambda: all(name in one and one[name].moment > 1 for one in flights), "all have asked for the lease"
    )
    await async_pass_time(0.05)
    assert told.times("undecodable") == 5  # they wait for the new value, and are not given the old one
    source.gates[0].open()

    assert [await job.result() for job in jobs] == [1] * 5
    assert source.loads == 1


async def test_a_renewal_that_fails_in_whatever_way_is_tried_again(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = AsyncSource(1, held=1)
    here, there = (new_store(lease="300ms") for _ in range(2))
    renew, failures = here._entries.renew, list[str]()

    async def renew_at_last(name: str, token: bytes, lease_ms: int) -> bool:
        if not failures:
            failures.append(name)
            raise ZeroDivisionError
        return await renew(name, token, lease_ms)

    monkeypatch.setattr(here._entries, "renew", renew_at_last)
    jobs = [asking(here, source)]
    await source.begun[0].wait()
    jobs += [asking(there, source)]
    await async_until(lambda: bool(failures), "a renewal has failed")
    await async_pass_time(0.4)
    source.gates[0].open()

    assert [await job.result() for job in jobs] == [1, 1]
    assert source.loads == 1
