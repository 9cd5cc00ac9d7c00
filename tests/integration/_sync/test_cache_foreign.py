# Generated from ../_async/test_cache_foreign.py by .ci/unasync.py; do not edit.
"""I11: whatever lies at a key, a read gives a value or a counted miss, and a write or a load replaces it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modkit_redis.cache._core import lease_bytes
from modkit_redis.contract import MISS, CommandRefusedError
from tests.caching import Cache, Caches, until, within
from tests.faults.hostile import TTLS, anything

PLANS: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "grace": {"stale_for": "1h", "stale_if_error": "1h", "early_refresh": True, "negative_ttl": "1s"},
    "generations": {"generations": True},
    "msgpack": {"codec": "msgpack", "max_bytes": 1000},
}
each_plan = pytest.mark.parametrize("plan", PLANS)
law = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


@pytest.fixture
def caches() -> Iterator[Caches]:
    caches = Caches()
    yield caches
    caches.close()


def load() -> str:
    return "loaded"


class Place:
    """A key at which something lies, and the store that finds it."""

    def __init__(self, cache: Cache, admin: redis.Redis, prefix: str) -> None:
        self.store, self.seen, self.admin = cache.store, cache.seen, admin
        self.name = f"{prefix}:cache:key"

    def put(self, raw: bytes, ttl_ms: int | None) -> None:
        self.admin.set(self.name, raw, px=ttl_ms)
        self.seen.clear()

    def check(self, raw: bytes, ttl_ms: int | None) -> None:
        """Check what each call makes of these bytes."""
        for kind in (None, int, bytes):
            self.put(raw, ttl_ms)
            value = self.store.get("key", type=kind)
            assert self.seen.kinds() in ([["miss"], ["undecodable", "miss"]] if value is MISS else [["hit"]])
        self.put(raw, ttl_ms)
        many = self.store.get_many(["key", "none", "key"])
        assert many[1] is MISS
        assert [each is MISS for each in many] == [many[0] is MISS, True, many[0] is MISS]
        self.store.ttl("key")
        assert self.store.touch("key") in (True, False)
        assert self.store.get_many(["none"]) == [MISS]

        for call in (self.set, self.set_many, self.set_again):
            self.put(raw, ttl_ms)
            call()
            assert self.store.get("key") == "new"
        assert 0 < self.admin.pttl(self.name) <= 3_660_000

        self.put(raw, ttl_ms)
        with within(0.4):
            got = self.store.get_or_set("key", load)
        if self.seen.of("load") and not {"stale-hit", "early-refresh"} & {*self.seen.kinds()}:
            assert got == "loaded"
            assert self.store.get("key") == "loaded"
            assert 0 < self.admin.pttl(self.name) <= 3_660_000
        background = self.store._loads._flights._background
        until(lambda: not background, "nothing is loaded in the background any more")
        self.put(raw, ttl_ms)
        assert self.store.delete("key") in (0, 1)
        assert self.store.get("key") is MISS

    def set(self) -> None:
        assert self.store.set("key", "new")

    def set_many(self) -> None:
        self.store.set_many({"key": "new", "other": 1})

    def set_again(self) -> None:
        absent = self.store.set("key", "new", only_if="absent")
        present = self.store.set("key", "new", only_if="present")
        assert absent or present


@pytest.fixture
def place(addr: str, prefix: str, caches: Caches, admin: redis.Redis, plan: str) -> Place:
    return Place(caches.open(addr, prefix, lease="500ms", **PLANS[plan]), admin, prefix)


@each_plan
@law
@given(raw=anything(), ttl_ms=TTLS)
@example(raw=lease_bytes(b"\1" * 8), ttl_ms=None)
@example(raw=lease_bytes(b"\1" * 8), ttl_ms=7_200_000)
@example(raw=lease_bytes(b"\1" * 8) + b"more", ttl_ms=40)
def test_any_bytes_are_a_value_or_a_counted_miss_and_are_replaced(
    place: Place, raw: bytes, ttl_ms: int | None
) -> None:
    place.check(raw, ttl_ms)


@pytest.mark.slow
@each_plan
@settings(law, max_examples=1500)
@given(raw=anything(), ttl_ms=TTLS)
def test_any_bytes_at_all_are_a_value_or_a_counted_miss_and_are_replaced(
    place: Place, raw: bytes, ttl_ms: int | None
) -> None:
    place.check(raw, ttl_ms)


def entry(magic: bytes, generation: bytes = b"", *, kind: bytes = b"V", codec: int = 1) -> bytes:
    """Return an entry that holds ``"text"``, and is right but for what is given."""
    return struct.pack(">3scBB34x", magic, kind, codec, 0) + generation + b'"text"'


@pytest.mark.parametrize(
    ("plan", "raw"),
    [
        ("plain", entry(b"\xc5M\x02", b"8 bytes.")),
        ("generations", entry(b"\xc5M\x02", b"8 bytes.")),
        ("generations", entry(b"\xc5M\x02")),
        ("generations", entry(b"\xc5M\x01")),
        *(
            (plan, raw)
            for plan in ("plain", "generations")
            for raw in (
                entry(b"\xc5M\x03"),
                entry(b"\xc5M\x00"),
                entry(b"\xc5m\x01"),
                entry(b"\x00M\x01"),
                entry(b"\xc5M\x01", kind=b"W"),
                entry(b"\xc5M\x01", kind=b"\0"),
                entry(b"\xc5M\x01", codec=0),
                entry(b"\xc5M\x01", codec=4),
                entry(b"\xc5M\x01")[:39],
            )
        ),
    ],
)
def test_what_is_almost_an_entry_is_none(place: Place, raw: bytes) -> None:
    place.put(raw, 60_000)

    assert place.store.get("key") is MISS
    assert place.seen.kinds() in (["miss"], ["undecodable", "miss"])
    assert place.store.get_many(["key"]) == [MISS]
    assert place.store.get_or_set("key", load) == "loaded"
    assert place.store.get("key") == "loaded"


def test_the_entry_that_the_others_differ_from_is_one(
    addr: str, prefix: str, caches: Caches, admin: redis.Redis
) -> None:
    place = Place(caches.open(addr, prefix), admin, prefix)
    place.put(entry(b"\xc5M\x01"), 60_000)

    assert place.store.get("key") == "text"


def test_what_was_kept_for_longest_does_not_become_fresh_when_it_is_loaded_anew(
    addr: str, prefix: str, caches: Caches, admin: redis.Redis
) -> None:
    place = Place(caches.open(addr, prefix, lease="1s"), admin, prefix)
    head = struct.pack(">3scBB2x8sQIIII", b"\xc5M\x01", b"V", 1, 0, bytes(8), 0, 0, 1, 2**32 - 1, 0)
    place.put(head + b'"old"', 500)

    def look() -> str:
        return str(place.store.get("key"))

    assert place.store.get_or_set("key", look) == "MISS"


@law
@given(generation=st.binary(max_size=12))
@example(generation=b"")
@example(generation=bytes(8))
def test_any_bytes_may_be_the_generation(
    addr: str, prefix: str, caches: Caches, admin: redis.Redis, generation: bytes
) -> None:
    place = Place(caches.open(addr, prefix, lease="60ms", generations=True), admin, prefix)
    place.store.set("key", "of another generation")
    admin.set(f"{prefix}:cache:generation:now", generation)

    assert place.store.get("key") is MISS
    assert place.store.get_many(["key"]) == [MISS]
    assert place.store.touch("key") is False
    assert place.store.get_or_set("key", load) == "loaded"
    assert place.store.get("key") == "loaded"
    place.store.clear()
    assert place.store.get("key") is MISS


def as_list(admin: redis.Redis, name: str) -> None:
    admin.rpush(name, "x")


def as_hash(admin: redis.Redis, name: str) -> None:
    admin.hset(name, "x", "y")


def as_set(admin: redis.Redis, name: str) -> None:
    admin.sadd(name, "x")


def as_sorted_set(admin: redis.Redis, name: str) -> None:
    admin.zadd(name, {"x": 1})


def as_stream(admin: redis.Redis, name: str) -> None:
    admin.xadd(name, {"x": "y"})


each_kind = pytest.mark.parametrize("make", [as_list, as_hash, as_set, as_sorted_set, as_stream])
Make = Callable[[redis.Redis, str], None]


@each_plan
@each_kind
def test_a_value_of_another_type_is_a_counted_miss_to_reads(
    place: Place, admin: redis.Redis, make: Make
) -> None:
    make(admin, place.name)

    assert place.store.get("key", "none") == "none"
    assert place.seen.kinds() == ["undecodable", "miss"]
    assert place.store.get_many(["key"]) == [MISS]
    assert place.store.ttl("key") is MISS
    assert place.store.touch("key") is False
    assert place.store.set("key", "new", only_if="present") is False
    assert admin.type(place.name) != b"string"


@each_plan
@each_kind
def test_a_value_of_another_type_is_replaced_by_writes(place: Place, admin: redis.Redis, make: Make) -> None:
    for call in (place.set, place.set_many, place.set_again):
        place.store.delete("key")
        make(admin, place.name)
        call()

        assert place.store.get("key") == "new"
    place.store.delete("key")
    make(admin, place.name)
    assert place.store.delete("key") == 1


@each_plan
@each_kind
def test_nothing_is_loaded_over_a_value_of_another_type(place: Place, admin: redis.Redis, make: Make) -> None:
    make(admin, place.name)

    with pytest.raises(CommandRefusedError) as caught:
        place.store.get_or_set("key", load)

    assert caught.value.reason == "wrong-type"
    assert admin.type(place.name) != b"string"
    assert not place.seen.of("load")


@each_plan
@each_kind
def test_a_key_that_takes_another_type_during_a_load_keeps_it(
    place: Place, admin: redis.Redis, make: Make
) -> None:
    def load_slowly() -> str:
        admin.delete(place.name)
        make(admin, place.name)
        renewals = count(admin)
        until(lambda: count(admin) > renewals, "the lease was to be renewed")
        return "loaded"

    assert place.store.get_or_set("key", load_slowly) == "loaded"

    assert place.seen.kinds() == ["miss", "load", "fill-refused"]
    assert admin.type(place.name) != b"string"


def count(admin: redis.Redis) -> int:
    """Return how many scripts the server has run."""
    stats: Any = admin.info("commandstats")
    return sum(stats.get(f"cmdstat_{each}", {"calls": 0})["calls"] for each in ("evalsha", "eval"))


@each_kind
def test_a_generation_of_another_type_is_a_miss_to_reads_and_a_refusal_to_the_rest(
    addr: str, prefix: str, caches: Caches, admin: redis.Redis, make: Make
) -> None:
    cache = caches.open(addr, prefix, generations=True)
    make(admin, f"{prefix}:cache:generation:now")
    store = cache.store
    calls: list[Callable[[], Any]] = [
        lambda: store.set("key", 1),
        lambda: store.set_many({"key": 1}),
        lambda: store.set("key", 1, only_if="absent"),
        lambda: store.get_or_set("key", load),
    ]

    assert store.get("key") is MISS
    assert store.get_many(["key"]) == [MISS]
    assert store.ttl("key") is MISS
    assert store.touch("key") is False
    for call in calls:
        with pytest.raises(CommandRefusedError) as caught:
            call()
        assert caught.value.reason == "wrong-type"
    assert store.delete("key") == 0
    store.clear()

    assert store.get_or_set("key", load) == "loaded"
