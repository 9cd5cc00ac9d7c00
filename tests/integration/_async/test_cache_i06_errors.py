"""I6: a load that fails frees its lease at once, whatever it was that failed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis

from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.contract import ArgumentError
from tests.cache_keys import async_idle, leases
from tests.crews import AsyncGate, AsyncJob, AsyncSource, Told, async_pass_time, async_until

NewStore = Callable[..., AsyncRedisCacheStore]


class BrokenError(Exception):
    """The source is down."""


def asking(store: AsyncRedisCacheStore, source: AsyncSource) -> AsyncJob[object]:
    return AsyncJob(lambda: store.get_or_set("k", source.load))


@pytest.mark.parametrize("is_stale", [False, True], ids=["", "stale"])
@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
async def test_i06_an_error_frees_the_lease_and_those_who_came_too_late_share_one_more_load(
    new_store: NewStore, admin: redis.Redis, prefix: str, generations: bool, is_stale: bool
) -> None:
    told, source = Told(), AsyncSource("new", held=1)
    store = new_store(events=told, lease="60s", generations=generations)
    if is_stale:
        keeper = new_store(stale_for="60s", generations=generations)
        await keeper.set("k", "first", ttl=0.02)
        await async_pass_time(0.03)
    source.fails = error = BrokenError()
    first = asking(store, source)
    await source.begun[0].wait()
    late = [asking(store, source) for _ in range(2)]
    await async_until(lambda: told.times("miss") == 3, "all wait")
    await async_pass_time()
    source.fails = None

    source.gates[0].open()

    with pytest.raises(BrokenError) as caught:
        await first.result()
    assert caught.value is error
    assert [await job.result() for job in late] == ["new", "new"]
    assert leases(admin, prefix) == []
    assert (source.loads, told.times("load-error"), told.times("wait")) == (2, 1, 0)
    assert [event.error for event in told if event.kind == "load-error"] == [error]


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
async def test_i06_a_load_that_fails_leaves_no_entry_and_the_next_one_loads(
    new_store: NewStore, admin: redis.Redis, prefix: str, generations: bool
) -> None:
    source = AsyncSource("new")
    store = new_store(lease="60s", generations=generations)
    source.fails = BrokenError()

    with pytest.raises(BrokenError):
        await store.get_or_set("k", source.load)

    assert leases(admin, prefix) == []
    assert not admin.exists(f"{prefix}:cache:k")
    source.fails = None
    assert await store.get_or_set("k", source.load) == "new"


async def test_i06_another_store_that_waits_loads_at_its_next_poll(new_store: NewStore) -> None:
    told, source = Told(), AsyncSource("new", held=1)
    here, there = new_store(lease="60s"), new_store(lease="60s", events=told)
    source.fails = BrokenError()
    first = asking(here, source)
    await source.begun[0].wait()
    second = asking(there, source)
    await async_until(lambda: told.times("miss") == 1, "it waits")
    await async_pass_time()
    source.fails = None

    source.gates[0].open()

    with pytest.raises(BrokenError):
        await first.result()
    assert await second.result() == "new"
    assert (source.loads, source.most) == (2, 1)
    assert (told.times("wait"), told.times("takeover")) == (1, 1)
    [wait] = [event for event in told if event.kind == "wait"]
    assert wait.took is not None
    assert wait.took < timedelta(seconds=5)


async def test_i06_what_cannot_be_stored_is_an_error_and_frees_the_lease(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = AsyncSource(object())
    store = new_store(lease="60s", stale_if_error="60s")

    with pytest.raises(ArgumentError, match="value holds an object"):
        await store.get_or_set("k", source.load)
    assert admin.exists(f"{prefix}:cache:k") == 0

    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)
    with pytest.raises(ArgumentError, match="value holds an object"):  # no old value hides that
        await store.get_or_set("k", source.load)
    assert leases(admin, prefix) == []
    source.value = "new"
    assert await store.get_or_set("k", source.load) == "new"


async def test_i06_an_error_after_a_delete_does_not_end_the_next_ones_lease(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    failing, source = AsyncSource(held=1), AsyncSource("new", held=1)
    store = new_store(lease="60s")
    failing.fails = BrokenError()
    first = asking(store, failing)
    await failing.begun[0].wait()
    await store.delete("k")
    second = asking(store, source)
    await source.begun[0].wait()

    failing.gates[0].open()

    with pytest.raises(BrokenError):
        await first.result()
    assert len(leases(admin, prefix)) == 1
    assert list(store._loads._flights._airborne) == [f"{prefix}:cache:k"]  # the next one's, to be joined
    source.gates[0].open()
    assert await second.result() == "new"
    assert await store.get("k") == "new"


async def test_i06_a_refresh_that_fails_frees_the_lease_and_is_hidden(
    new_store: NewStore, admin: redis.Redis, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = AsyncSource("new")
    store = new_store(lease="60s", stale_for="60s", error_cooldown="50ms")
    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)
    source.fails = BrokenError("with a secret")

    assert await store.get_or_set("k", source.load) == "first"
    await async_idle(store)

    assert leases(admin, prefix) == []
    assert caplog.messages == ["a value could not be loaded: BrokenError"]
    assert "secret" not in caplog.text
    source.fails = None
    await async_pass_time(0.06)  # the cool-down
    assert await store.get_or_set("k", source.load) == "first"
    await async_idle(store)
    assert await store.get("k") == "new"


async def test_i06_who_came_before_the_loading_began_shares_its_error(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, source, asked, reply = Told(), AsyncSource("new"), AsyncGate(), AsyncGate()
    store = new_store(events=told)
    source.fails = error = BrokenError()
    acquire = store._entries.acquire

    async def slow_acquire(*args: object, **kwargs: object) -> object:
        answer = await acquire(*args, **kwargs)  # type: ignore[arg-type]  # passed on
        asked.open()
        await reply.wait()
        return answer

    monkeypatch.setattr(store._entries, "acquire", slow_acquire)
    jobs = [asking(store, source)]
    await asked.wait()
    jobs += [asking(store, source) for _ in range(2)]
    await async_until(lambda: told.times("miss") == 3, "all wait")
    await async_pass_time()
    reply.open()

    for job in jobs:
        with pytest.raises(BrokenError) as caught:
            await job.result()
        assert caught.value is error
    assert source.loads == 1


async def test_i06_a_refresh_whose_value_cannot_be_stored_is_logged_and_frees_the_lease(
    new_store: NewStore, admin: redis.Redis, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = new_store(lease="60s", stale_for="60s")
    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)

    assert await store.get_or_set("k", AsyncSource(object()).load) == "first"
    await async_idle(store)

    assert caplog.messages == ["a value could not be loaded: ArgumentError"]
    assert leases(admin, prefix) == []
