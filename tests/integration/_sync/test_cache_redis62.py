# Generated from ../_async/test_cache_redis62.py by .ci/unasync.py; do not edit.
"""What a cache does on the oldest server that is supported: Redis 6.2."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import MISS, NO_EXPIRY, CommandRefusedError
from modkit_redis.testing import EmbeddedServer
from tests.caching import Caches, Call, at_once, lapse, until
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
def caches() -> Iterator[Caches]:
    caches = Caches()
    yield caches
    caches.close()


class Loader:
    def __init__(self, seconds: float = 0) -> None:
        self.loads, self.seconds = 0, seconds

    def load(self) -> str:
        self.loads += 1
        number = self.loads
        lapse(self.seconds)
        return f"loaded {number}"


def test_it_is_redis_6_2(admin: redis.Redis) -> None:
    info: Any = admin.info("server")

    assert info["redis_version"].startswith("6.2.")


@MODES
def test_values_are_stored_found_and_removed(
    addr: str, prefix: str, caches: Caches, *, generations: bool
) -> None:
    cache = caches.open(addr, prefix, generations=generations)
    store = cache.store

    assert store.get("key") is MISS
    assert store.set("key", {"a": [1, None]})
    store.set_many({"other": 2, "third": None})
    assert store.get_many(["key", "none", "other", "third"]) == [{"a": [1, None]}, MISS, 2, None]
    assert store.delete("key", "none") == 1
    assert store.get("key", "gone") == "gone"
    assert cache.seen.kinds() == ["miss", "hit", "miss", "hit", "hit", "miss"]


@MODES
def test_a_condition_is_decided_by_the_server(
    addr: str, prefix: str, caches: Caches, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations).store

    assert not store.set("key", 1, only_if="present")
    assert store.set("key", 1, only_if="absent")
    assert not store.set("key", 2, only_if="absent")
    assert store.set("key", 3, only_if="present")
    assert store.get("key") == 3


@MODES
def test_a_touched_value_lives_longer(addr: str, prefix: str, caches: Caches, *, generations: bool) -> None:
    store = caches.open(addr, prefix, generations=generations, stale_for="1m").store
    store.set("key", 1, ttl=5)

    assert store.touch("key", ttl=500)
    assert not store.touch("none")

    left = store.ttl("key")
    assert isinstance(left, timedelta) and 490 < left.total_seconds() <= 500
    if not generations:
        assert store.touch("key", ttl=NO_EXPIRY)
        assert store.ttl("key") is NO_EXPIRY


@MODES
def test_one_loads_for_all(addr: str, prefix: str, caches: Caches, *, generations: bool) -> None:
    stores = [caches.open(addr, prefix, generations=generations).store for _ in range(2)]
    loader = Loader(0.1)

    answers = at_once([partial(store.get_or_set, "key", loader.load) for store in stores * 10])

    assert answers == ["loaded 1"] * 20
    assert loader.loads == 1


@MODES
def test_a_value_that_was_deleted_while_it_was_loaded_is_not_stored(
    addr: str, prefix: str, caches: Caches, *, generations: bool
) -> None:
    cache = caches.open(addr, prefix, generations=generations)
    loader = Loader()

    def load_old() -> str:
        cache.store.delete("key")
        return "old"

    assert cache.store.get_or_set("key", load_old) == "old"

    assert cache.seen.of("fill-refused")
    assert cache.store.get("key") is MISS
    assert cache.store.get_or_set("key", loader.load) == "loaded 1"


@MODES
def test_a_stale_value_is_returned_while_a_new_one_is_loaded(
    addr: str, prefix: str, caches: Caches, *, generations: bool
) -> None:
    cache = caches.open(addr, prefix, generations=generations, stale_for="1m")
    loader = Loader()
    cache.store.set("key", "old", ttl=0.02)
    lapse(0.03)

    assert cache.store.get("key") is MISS
    assert cache.store.get_or_set("key", loader.load) == "old"
    until(lambda: bool(cache.seen.of("load")), "it is loaded in the background")
    lapse(0.05)

    assert cache.store.get("key") == "loaded 1"


@MODES
def test_an_old_value_is_returned_if_loading_fails(
    addr: str, prefix: str, caches: Caches, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations, stale_if_error="1m").store
    store.set("key", "old", ttl=0.02)
    lapse(0.03)
    loads = []

    def fail() -> str:
        loads.append(1)
        raise LookupError

    assert store.get_or_set("key", fail) == "old"
    assert store.get_or_set("key", fail) == "old"
    assert len(loads) == 1  # the cool-down


@MODES
def test_a_load_longer_than_its_lease_keeps_it(
    addr: str, prefix: str, caches: Caches, *, generations: bool
) -> None:
    stores = [caches.open(addr, prefix, generations=generations, lease="90ms").store for _ in range(2)]
    loader, other = Loader(0.4), Loader()

    leader = Call(lambda: stores[0].get_or_set("key", loader.load))
    until(lambda: loader.loads == 1, "it loads")
    assert stores[1].get_or_set("key", other.load) == "loaded 1"

    assert leader.result() == "loaded 1"
    assert other.loads == 0


@MODES
def test_a_failed_load_frees_the_key(
    addr: str, prefix: str, caches: Caches, admin: redis.Redis, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations).store

    def fail() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        store.get_or_set("key", fail)

    assert admin.exists(f"{prefix}:cache:key") == 0


@MODES
def test_all_is_cleared_and_nothing_else(
    addr: str, prefix: str, caches: Caches, admin: redis.Redis, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations).store
    other = caches.open(addr, f"{prefix}2", generations=generations).store
    store.set_many({f"key{number}": number for number in range(1500)})
    other.set("key", 1)

    store.clear()

    assert store.get_many([f"key{number}" for number in range(1500)]) == [MISS] * 1500
    assert other.get("key") == 1
    assert store.set("key", 2) and store.get("key") == 2
    if not generations:
        assert len(list(admin.scan_iter(match=f"{prefix}:*"))) == 1


@MODES
def test_a_value_of_another_type_is_a_miss_and_is_replaced(
    addr: str, prefix: str, caches: Caches, admin: redis.Redis, *, generations: bool
) -> None:
    store = caches.open(addr, prefix, generations=generations).store
    admin.rpush(f"{prefix}:cache:key", "x")

    assert store.get("key") is MISS
    assert not store.touch("key")
    with pytest.raises(CommandRefusedError) as caught:
        store.get_or_set("key", Loader().load)
    assert caught.value.reason == "wrong-type"
    assert store.set("key", 1, only_if="absent")
    assert store.get("key") == 1


@pytest.mark.parametrize(
    ("reason", "begin", "end"),
    [
        ("oom", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("readonly", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("noperm", "ACL SETUSER default -set", "ACL SETUSER default +@all"),
    ],
)
def test_a_script_that_is_refused_a_command_says_why(
    addr: str, prefix: str, caches: Caches, admin: redis.Redis, reason: str, begin: str, end: str
) -> None:
    cache, strict = caches.open(addr, prefix, on_outage="miss"), caches.open(addr, prefix)
    loader = Loader()
    admin.execute_command(*begin.split())
    try:
        with pytest.raises(CommandRefusedError) as stored:
            cache.store.set("key", 1, only_if="absent")
        with pytest.raises(CommandRefusedError) as loaded:
            strict.store.get_or_set("key", loader.load)
        if reason == "noperm":
            with pytest.raises(CommandRefusedError):
                cache.store.get_or_set("key", loader.load)
        else:
            assert cache.store.get_or_set("key", loader.load) == "loaded 1"
            assert cache.seen.of("degraded")
    finally:
        admin.execute_command(*end.split())

    assert stored.value.reason == loaded.value.reason == reason
    assert strict.store.get_or_set("key", loader.load) == f"loaded {loader.loads}"
