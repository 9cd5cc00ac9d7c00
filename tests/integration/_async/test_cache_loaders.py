"""What loaders may ask their own store for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.contract import ArgumentError
from modkit_redis.testing import EmbeddedServer
from tests.cache_keys import async_idle, leases
from tests.crews import AsyncGate, AsyncJob, AsyncSource, async_pass_time

NewStore = Callable[..., AsyncRedisCacheStore]


async def test_a_loader_that_asks_for_its_own_key_is_told_so(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    store = new_store(lease="60s")

    async def own() -> object:
        return await store.get_or_set("k", own)

    async def roundabout() -> object:
        return await store.get_or_set("other", own)

    for loader in (own, roundabout):
        job = AsyncJob(lambda: store.get_or_set("k", loader))  # noqa: B023  # it is waited for in this round
        with pytest.raises(ArgumentError, match="loader must not ask for the key that it loads"):
            await job.result()

    assert leases(admin, prefix) == []
    assert await store.get_or_set("k", AsyncSource("new").load) == "new"


async def test_no_old_value_hides_that_a_loader_asks_for_its_own_key(new_store: NewStore) -> None:
    store = new_store(stale_if_error="60s")
    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)

    async def own() -> object:
        return await store.get_or_set("k", own)

    job = AsyncJob(lambda: store.get_or_set("k", own))
    with pytest.raises(ArgumentError, match="loader must not ask for the key that it loads"):
        await job.result()


async def test_a_loader_may_ask_for_other_keys_and_look_at_its_own(new_store: NewStore) -> None:
    store, source = new_store(), AsyncSource("inner")

    async def load() -> object:
        return [await store.get("k", "nothing"), await store.get_or_set("other", source.load)]

    assert await store.get_or_set("k", load) == ["nothing", "inner"]
    assert await store.get_or_set("other", load) == "inner"


async def test_the_same_key_at_another_server_is_another_key(
    new_store: NewStore, own_server: EmbeddedServer
) -> None:
    here, there, source = new_store(), new_store(addr=own_server.addr), AsyncSource("inner")

    async def load() -> object:
        return await there.get_or_set("k", source.load)

    assert await here.get_or_set("k", load) == "inner"
    assert source.loads == 1


async def test_what_a_loader_leaves_behind_may_ask_for_its_key(new_store: NewStore) -> None:
    store, source, ended = new_store(), AsyncSource("new"), AsyncGate()
    jobs: list[AsyncJob[object]] = []

    async def later() -> object:
        await ended.wait()
        return await store.get_or_set("k", source.load)

    async def load() -> str:
        jobs.append(AsyncJob(later))
        return "old"

    assert await store.get_or_set("k", load) == "old"
    await store.delete("k")
    ended.open()

    assert await jobs[0].result() == "new"


async def test_a_refresh_that_a_loader_caused_may_ask_for_the_key_of_that_loader(new_store: NewStore) -> None:
    store, begun = new_store(stale_for="60s"), AsyncGate()
    await store.set("b", "first", ttl=0.02)
    await async_pass_time(0.03)

    async def load_a() -> str:
        old = await store.get_or_set("b", load_b)
        await begun.wait()
        return f"{old} a"

    async def load_b() -> str:
        begun.open()
        return f"{await store.get_or_set('a', load_a)} b"

    assert await store.get_or_set("a", load_a) == "first a"
    await async_idle(store)
    assert await store.get("b") == "first a b"


async def test_the_loader_of_a_refresh_may_read_the_old_value(new_store: NewStore) -> None:
    store = new_store(stale_for="60s")
    await store.set("k", [1], ttl=0.02)
    await async_pass_time(0.03)

    async def load() -> object:
        old = await store.get_or_set("k", load)
        return [*old, 2] if isinstance(old, list) else old

    assert await store.get_or_set("k", load) == [1]
    await async_idle(store)
    assert await store.get("k") == [1, 2]
