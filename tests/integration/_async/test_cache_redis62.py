"""What a cache does on the oldest server that is supported: Redis 6.2."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import MISS, NO_EXPIRY, CommandRefusedError
from modkit_redis.testing import EmbeddedServer
from tests.caching import AsyncCaches, AsyncCall, async_at_once, async_lapse, async_until
from tests.redis62 import redis_62
from tests.support import stock_client

pytestmark = pytest.mark.slow

MODES: Final = pytest.mark.parametrize("generations", [False, True], ids=["plain", "generations"])


@pytest.fixture(scope="module")
def old_server() -> Iterator[EmbeddedServer]:
    with redis_62() as server:
        yield server


@pytest.fixture
def addr(old_server: EmbeddedServer) -> str:
    return old_server.addr


@pytest.fixture
def admin(addr: str) -> Iterator[redis.Redis]:
    with stock_client(addr) as admin:
        yield admin
        admin.flushall()


@pytest.fixture
async def caches() -> AsyncIterator[AsyncCaches]:
    caches = AsyncCaches()
    yield caches
    await caches.aclose()


class Loader:
    def __init__(self, seconds: float = 0) -> None:
        self.loads, self.seconds = 0, seconds

    async def load(self) -> str:
        self.loads += 1
        number = self.loads
        await async_lapse(self.seconds)
        return f"loaded {number}"


def test_it_is_redis_6_2(admin: redis.Redis) -> None:
    info: Any = admin.info("server")

    assert info["redis_version"].startswith("6.2.")


@MODES
async def test_values_are_stored_found_and_removed(
    addr: str, prefix: str, caches: AsyncCaches, *, generations: bool
) -> None:
    cache = caches.open(addr, prefix, generations=generations)
    store = cache.store

    assert await store.get("key") is MISS
    assert await store.set("key", {"a": [1, None]})
    await store.set_many({"other": 2, "third": None})
    assert await store.get_many(["key", "none", "other", "third"]) == [{"a": [1, None]}, MISS, 2, None]
    assert await store.delete("key", "none") == 1
    assert await store.get("key", "gone") == "gone"
    assert cache.seen.kinds() == ["miss", "hit", "miss", "hit", "hit", "miss"]


@MODES
async def test_a_condition_is_decided_by_the_server(
    addr: str, prefix: str, caches: AsyncCaches, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations).store

    assert not await store.set("key", 1, only_if="present")
    assert await store.set("key", 1, only_if="absent")
    assert not await store.set("key", 2, only_if="absent")
    assert await store.set("key", 3, only_if="present")
    assert await store.get("key") == 3


@MODES
async def test_a_touched_value_lives_longer(
    addr: str, prefix: str, caches: AsyncCaches, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations, stale_for="1m").store
    await store.set("key", 1, ttl=5)

    assert await store.touch("key", ttl=500)
    assert not await store.touch("none")

    left = await store.ttl("key")
    assert isinstance(left, timedelta) and 490 < left.total_seconds() <= 500
    if not generations:
        assert await store.touch("key", ttl=NO_EXPIRY)
        assert await store.ttl("key") is NO_EXPIRY


@MODES
async def test_one_loads_for_all(addr: str, prefix: str, caches: AsyncCaches, *, generations: bool) -> None:
    stores = [caches.open(addr, prefix, generations=generations).store for _ in range(2)]
    loader = Loader(0.1)

    answers = await async_at_once([partial(store.get_or_set, "key", loader.load) for store in stores * 10])

    assert answers == ["loaded 1"] * 20
    assert loader.loads == 1


@MODES
async def test_a_value_that_was_deleted_while_it_was_loaded_is_not_stored(
    addr: str, prefix: str, caches: AsyncCaches, *, generations: bool
) -> None:
    cache = caches.open(addr, prefix, generations=generations)
    loader = Loader()

    async def load_old() -> str:
        await cache.store.delete("key")
        return "old"

    assert await cache.store.get_or_set("key", load_old) == "old"

    assert cache.seen.of("fill-refused")
    assert await cache.store.get("key") is MISS
    assert await cache.store.get_or_set("key", loader.load) == "loaded 1"


@MODES
async def test_a_stale_value_is_returned_while_a_new_one_is_loaded(
    addr: str, prefix: str, caches: AsyncCaches, *, generations: bool
) -> None:
    cache = caches.open(addr, prefix, generations=generations, stale_for="1m")
    loader = Loader()
    await cache.store.set("key", "old", ttl=0.02)
    await async_lapse(0.03)

    assert await cache.store.get("key") is MISS
    assert await cache.store.get_or_set("key", loader.load) == "old"
    await async_until(lambda: bool(cache.seen.of("load")), "it is loaded in the background")
    await async_lapse(0.05)

    assert await cache.store.get("key") == "loaded 1"


@MODES
async def test_an_old_value_is_returned_if_loading_fails(
    addr: str, prefix: str, caches: AsyncCaches, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations, stale_if_error="1m").store
    await store.set("key", "old", ttl=0.02)
    await async_lapse(0.03)
    loads = []

    async def fail() -> str:
        loads.append(1)
        raise LookupError

    assert await store.get_or_set("key", fail) == "old"
    assert await store.get_or_set("key", fail) == "old"
    assert len(loads) == 1  # the cool-down


@MODES
async def test_a_load_longer_than_its_lease_keeps_it(
    addr: str, prefix: str, caches: AsyncCaches, *, generations: bool
) -> None:
    stores = [caches.open(addr, prefix, generations=generations, lease="90ms").store for _ in range(2)]
    loader, other = Loader(0.4), Loader()

    leader = AsyncCall(lambda: stores[0].get_or_set("key", loader.load))
    await async_until(lambda: loader.loads == 1, "it loads")
    assert await stores[1].get_or_set("key", other.load) == "loaded 1"

    assert await leader.result() == "loaded 1"
    assert other.loads == 0


@MODES
async def test_a_failed_load_frees_the_key(
    addr: str, prefix: str, caches: AsyncCaches, admin: redis.Redis, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations).store

    async def fail() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        await store.get_or_set("key", fail)

    assert admin.exists(f"{prefix}:cache:key") == 0


@MODES
async def test_all_is_cleared_and_nothing_else(
    addr: str, prefix: str, caches: AsyncCaches, admin: redis.Redis, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations).store
    other = caches.open(addr, f"{prefix}2", generations=generations).store
    await store.set_many({f"key{number}": number for number in range(1500)})
    await other.set("key", 1)

    await store.clear()

    assert await store.get_many([f"key{number}" for number in range(1500)]) == [MISS] * 1500
    assert await other.get("key") == 1
    assert await store.set("key", 2) and await store.get("key") == 2
    if not generations:
        assert len(list(admin.scan_iter(match=f"{prefix}:*"))) == 1


@MODES
async def test_a_value_of_another_type_is_a_miss_and_is_replaced(
    addr: str, prefix: str, caches: AsyncCaches, admin: redis.Redis, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations).store
    admin.rpush(f"{prefix}:cache:key", "x")

    assert await store.get("key") is MISS
    assert not await store.touch("key")
    with pytest.raises(CommandRefusedError) as caught:
        await store.get_or_set("key", Loader().load)
    assert caught.value.reason == "wrong-type"
    assert await store.set("key", 1, only_if="absent")
    assert await store.get("key") == 1


@pytest.mark.parametrize(
    ("reason", "begin", "end"),
    [
        ("oom", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("readonly", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("noperm", "ACL SETUSER default -set", "ACL SETUSER default +@all"),
    ],
)
async def test_a_script_that_is_refused_a_command_says_why(
    addr: str, prefix: str, caches: AsyncCaches, admin: redis.Redis, reason: str, begin: str, end: str
) -> None:
    cache, strict = caches.open(addr, prefix, on_outage="miss"), caches.open(addr, prefix)
    loader = Loader()
    admin.execute_command(*begin.split())
    try:
        with pytest.raises(CommandRefusedError) as stored:
            await cache.store.set("key", 1, only_if="absent")
        with pytest.raises(CommandRefusedError) as loaded:
            await strict.store.get_or_set("key", loader.load)
        if reason == "noperm":
            with pytest.raises(CommandRefusedError):
                await cache.store.get_or_set("key", loader.load)
        else:
            assert await cache.store.get_or_set("key", loader.load) == "loaded 1"
            assert cache.seen.of("degraded")
    finally:
        admin.execute_command(*end.split())

    assert stored.value.reason == loaded.value.reason == reason
    assert await strict.store.get_or_set("key", loader.load) == f"loaded {loader.loads}"
