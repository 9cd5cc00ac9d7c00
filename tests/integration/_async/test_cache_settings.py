"""What the settings of the cache do, where it shows in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import MISS, ArgumentError, StoreUnavailableError
from tests.caching import AsyncCaches, within
from tests.faults.mute import mute_peer

KEYS: Final = [f"key{number}" for number in range(60)]


@pytest.fixture
async def caches() -> AsyncIterator[AsyncCaches]:
    caches = AsyncCaches()
    yield caches
    await caches.aclose()


def lifetimes(admin: redis.Redis, prefix: str) -> list[float]:
    """Return for how many seconds each key is kept."""
    return [admin.pttl(f"{prefix}:cache:{key}") / 1000 for key in KEYS]


async def load() -> str:
    return "loaded"


@pytest.mark.parametrize("way", ["set", "set_many", "get_or_set", "generations"])
async def test_jitter_shortens_a_ttl_at_random_and_never_lengthens_it(
    addr: str, prefix: str, caches: AsyncCaches, admin: redis.Redis, way: str
) -> None:
    store = caches.open(
        addr, prefix, default_ttl="1000s", ttl_jitter=20, generations=way == "generations"
    ).store

    if way == "set_many":
        await store.set_many(dict.fromkeys(KEYS, "value"))
    for key in KEYS if way in ("set", "generations") else []:
        await store.set(key, "value")
    for key in KEYS if way == "get_or_set" else []:
        await store.get_or_set(key, load)

    found = lifetimes(admin, prefix)
    assert 790 < min(found) < 900 < max(found) <= 1000
    assert len({round(each) for each in found}) > 20


async def test_without_jitter_a_ttl_is_exact(
    addr: str, prefix: str, caches: AsyncCaches, admin: redis.Redis
) -> None:
    store = caches.open(addr, prefix, default_ttl="1000s").store

    await store.set_many(dict.fromkeys(KEYS, "value"))

    assert all(990 < each <= 1000 for each in lifetimes(admin, prefix))


async def test_jitter_leaves_a_grace_as_it_is(
    addr: str, prefix: str, caches: AsyncCaches, admin: redis.Redis
) -> None:
    store = caches.open(addr, prefix, default_ttl="1000s", ttl_jitter=50, stale_for="5000s").store

    await store.set_many(dict.fromkeys(KEYS[:20], "value"))
    for key in KEYS[20:40]:
        await store.set(key, "value")
    for key in KEYS[40:]:
        await store.get_or_set(key, load)

    left = [await store.ttl(key) for key in KEYS]
    assert all(5490 < each <= 6000 for each in lifetimes(admin, prefix))
    assert all(isinstance(each, timedelta) and 490 < each.total_seconds() <= 1000 for each in left)


@pytest.mark.parametrize("ttl", [0.001, 0.002])
async def test_jitter_never_makes_a_ttl_nothing(
    addr: str, prefix: str, caches: AsyncCaches, ttl: float
) -> None:
    store = caches.open(addr, prefix, ttl_jitter=50).store

    for key in KEYS:
        assert await store.set(key, "value", ttl=ttl)  # Redis would refuse 0


async def test_a_value_is_compressed_above_a_size_and_comes_back(
    addr: str, prefix: str, caches: AsyncCaches, admin: redis.Redis
) -> None:
    store = caches.open(addr, prefix, compress_above=100).store
    values: dict[str, Any] = {
        "at": "x" * 98,
        "above": "x" * 99,
        "bytes": b"y" * 5000,
        "rows": [{"id": 1}] * 500,
    }

    await store.set_many(values)

    assert await store.get_many(list(values)) == list(values.values())
    sizes = {key: admin.strlen(f"{prefix}:cache:{key}") - 40 for key in values}
    assert sizes["at"] == 100
    assert sizes["above"] < 50 and sizes["bytes"] < 100 and sizes["rows"] < 200


async def test_without_it_nothing_is_compressed_and_both_are_read(
    addr: str, prefix: str, caches: AsyncCaches, admin: redis.Redis
) -> None:
    plain, packing = caches.open(addr, prefix).store, caches.open(addr, prefix, compress_above=64).store

    await plain.set("plain", "x" * 1000)
    await packing.set("packed", "x" * 1000)

    assert admin.strlen(f"{prefix}:cache:plain") == 1042
    assert await plain.get("packed") == await packing.get("plain") == "x" * 1000


@pytest.mark.parametrize("value", ["x" * 98, "x" * 99])
async def test_a_value_may_be_as_long_as_the_settings_say(
    addr: str, prefix: str, caches: AsyncCaches, value: str
) -> None:
    store = caches.open(addr, prefix, max_bytes=100).store

    if len(value) == 98:
        assert await store.set("key", value)
        assert await store.get("key") == value
    else:
        with pytest.raises(ArgumentError, match=r"^value is .*REDIS_CACHE_MAX_BYTES"):
            await store.set("key", value)


@pytest.mark.parametrize("compress_above", [None, 64])
async def test_a_value_that_is_too_long_to_be_read_is_a_miss_and_is_loaded_anew(
    addr: str, prefix: str, caches: AsyncCaches, compress_above: int | None
) -> None:
    writer = caches.open(addr, prefix, compress_above=compress_above).store
    reader = caches.open(addr, prefix, max_bytes=100)
    await writer.set("key", "x" * 5000)

    assert await reader.store.get("key") is MISS
    assert reader.seen.kinds() == ["undecodable", "miss"]
    assert await reader.store.get_or_set("key", load) == "loaded"
    assert await writer.get("key") == "loaded"


async def test_values_of_either_codec_are_read(addr: str, prefix: str, caches: AsyncCaches) -> None:
    pytest.importorskip("msgspec")
    stores = [caches.open(addr, prefix, codec=each).store for each in ("json", "msgpack")]

    for store in stores:
        await store.set("key", {"a": [1, None, "é"]})
        assert [await each.get("key") for each in stores] == [{"a": [1, None, "é"]}] * 2


@pytest.mark.parametrize("has_deadline", [True, False])
async def test_a_deadline_bounds_a_call_whatever_the_timeouts_are(
    caches: AsyncCaches, *, has_deadline: bool
) -> None:
    client = {"read_timeout": "1m" if has_deadline else "200ms"}
    with mute_peer() as addr:
        cache = caches.open(addr, "", client, **({"deadline": "200ms"} if has_deadline else {}))

        with within(0.2), pytest.raises(StoreUnavailableError) as caught:
            await cache.store.get("key")

    assert caught.value.reason == ("deadline" if has_deadline else "read-timeout")
