"""I9: every key has a TTL, but for values stored with NO_EXPIRY and the one key of the generation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.contract import NO_EXPIRY, ArgumentError
from tests.cache_keys import async_idle, lifetimes
from tests.crews import AsyncJob, AsyncSource, async_pass_time

NewStore = Callable[..., AsyncRedisCacheStore]
HOUR = 3_600_000


async def use_everything(store: AsyncRedisCacheStore, *, stale_for: float | None = None) -> None:
    """Write in every way there is, by calls that succeed and by calls that fail."""
    source, failing, nothing = AsyncSource("loaded"), AsyncSource(), AsyncSource(None)
    failing.fails = ZeroDivisionError()
    await store.set("set", 1)
    await store.set("set again", 1)
    await store.set("set again", 2, ttl=10)
    await store.set("absent", 1, only_if="absent")
    await store.set("absent", 2, only_if="present")
    await store.set_many({"many 1": 1, "many 2": 2})
    await store.get_or_set("loaded", source.load)
    await store.get_or_set("negative", nothing.load, negative_ttl=5)
    await store.touch("set", ttl=20)
    with pytest.raises(ZeroDivisionError):
        await store.get_or_set("failed", failing.load)
    await store.set("old", "first", ttl=0.02)
    await store.set("older", "first", ttl=0.02)
    await async_pass_time(0.03)
    await store.get_or_set("old", source.load, stale_for=stale_for)
    await async_idle(store)
    await store.set("l", "first", ttl=0.02)
    await async_pass_time(0.03)
    await store.get("l")


@pytest.mark.parametrize(
    "settings",
    [{}, {"stale_for": "60s"}, {"stale_if_error": "60s", "error_cooldown": "60s"}, {"ttl_jitter": 50}],
    ids=["plain", "stale", "error", "jitter"],
)
@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
async def test_i09_every_key_has_a_ttl(
    new_store: NewStore,
    admin: redis.Redis,
    prefix: str,
    settings: dict[str, object],
    generations: bool,
) -> None:
    store = new_store(generations=generations, early_refresh=True, **settings)

    await use_everything(store)
    await store.clear()
    await use_everything(store)

    found = lifetimes(admin, prefix)
    endless = {key for key, left in found.items() if left == -1}
    assert endless == ({f"{prefix}:cache:generation:now".encode()} if generations else set())
    assert max(found.values()) <= 120_000  # the TTL and the grace
    assert len(found) >= 8


async def test_i09_a_lease_has_a_ttl_alone_and_over_a_value(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = AsyncSource("new", held=2)
    store = new_store(lease="30s", stale_for="1s")
    await store.set("old", "first", ttl=0.02)
    await async_pass_time(0.03)

    job = AsyncJob(lambda: store.get_or_set("absent", source.load))
    await source.begun[0].wait()
    assert await store.get_or_set("old", source.load) == "first"
    await source.begun[1].wait()
    assert not await store.touch("absent", ttl=1000)  # a lease is no value

    found = lifetimes(admin, prefix)
    assert sorted(found) == [f"{prefix}:cache:absent".encode(), f"{prefix}:cache:old".encode()]
    assert all(20_000 < left <= 30_000 for left in found.values())
    for gate in source.gates:
        gate.open()
    await job.result()
    await async_idle(store)
    assert all(55_000 < left <= 61_000 for left in lifetimes(admin, prefix).values())


async def test_i09_renewing_a_lease_leaves_a_value_its_life_and_gives_nothing_one_for_ever(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = AsyncSource("new", held=2)
    store = new_store(lease="300ms", stale_for="60s")
    await store.set("old", "first", ttl=0.02)
    await async_pass_time(0.03)
    job = AsyncJob(lambda: store.get_or_set("absent", source.load))
    await source.begun[0].wait()
    await store.get_or_set("old", source.load)
    await source.begun[1].wait()

    for _ in range(4):
        await async_pass_time(0.1)
        found = lifetimes(admin, prefix)
        assert len(found) == 2
        assert 0 < found[f"{prefix}:cache:absent".encode()] <= 300
        assert 50_000 < found[f"{prefix}:cache:old".encode()] <= 60_000

    for gate in source.gates:
        gate.open()
    await job.result()


async def test_i09_no_expiry_is_for_ever_until_it_is_touched_or_replaced(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    store, source = new_store(stale_for="60s", ttl_jitter=50), AsyncSource("loaded")

    await store.set("set", 1, ttl=NO_EXPIRY)
    await store.set_many({"many": 1}, ttl=NO_EXPIRY)
    await store.set("absent", 1, ttl=NO_EXPIRY, only_if="absent")
    await store.get_or_set("loaded", source.load, ttl=NO_EXPIRY)
    await store.set("touched", 1)
    assert await store.touch("touched", ttl=NO_EXPIRY)
    assert await store.ttl("touched") is NO_EXPIRY

    assert set(lifetimes(admin, prefix).values()) == {-1}
    for key in ("set", "many", "absent", "loaded", "touched"):
        assert await store.touch(key, ttl=3600)
        grace = 60_000 if key == "touched" else 0  # a value for ever has none
        assert 0 < admin.pttl(f"{prefix}:cache:{key}") <= HOUR + grace
    await store.set("set", 2, ttl=NO_EXPIRY)
    await store.set("set", 3)
    assert 0 < admin.pttl(f"{prefix}:cache:set") <= 120_000


async def test_i09_with_generations_nothing_is_for_ever(new_store: NewStore) -> None:
    store, source = new_store(generations=True), AsyncSource("loaded")

    acts: list[Callable[[], Any]] = [
        lambda: store.set("k", 1, ttl=NO_EXPIRY),
        lambda: store.set_many({"k": 1}, ttl=NO_EXPIRY),
        lambda: store.get_or_set("k", source.load, ttl=NO_EXPIRY),
        lambda: store.touch("k", ttl=NO_EXPIRY),
    ]
    for act in acts:
        with pytest.raises(ArgumentError, match="must not be NO_EXPIRY"):
            await act()

    assert source.loads == 0
