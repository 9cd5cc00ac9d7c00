# Generated from ../_async/test_cache_i09_ttls.py by .ci/unasync.py; do not edit.
"""I9: every key has a TTL, but for values stored with NO_EXPIRY and the one key of the generation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from modkit_redis.contract import NO_EXPIRY, ArgumentError
from tests.cache_keys import idle, lifetimes
from tests.crews import Job, Source, pass_time

NewStore = Callable[..., RedisCacheStore]
HOUR = 3_600_000


def use_everything(store: RedisCacheStore, *, stale_for: float | None = None) -> None:
    """Write in every way there is, by calls that succeed and by calls that fail."""
    source, failing, nothing = Source("loaded"), Source(), Source(None)
    failing.fails = ZeroDivisionError()
    store.set("set", 1)
    store.set("set again", 1)
    store.set("set again", 2, ttl=10)
    store.set("absent", 1, only_if="absent")
    store.set("absent", 2, only_if="present")
    store.set_many({"many 1": 1, "many 2": 2})
    store.get_or_set("loaded", source.load)
    store.get_or_set("negative", nothing.load, negative_ttl=5)
    store.touch("set", ttl=20)
    with pytest.raises(ZeroDivisionError):
        store.get_or_set("failed", failing.load)
    store.set("old", "first", ttl=0.02)
    store.set("older", "first", ttl=0.02)
    pass_time(0.03)
    store.get_or_set("old", source.load, stale_for=stale_for)
    idle(store)
    store.set("l", "first", ttl=0.02)
    pass_time(0.03)
    store.get("l")


@pytest.mark.parametrize(
    "settings",
    [{}, {"stale_for": "60s"}, {"stale_if_error": "60s", "error_cooldown": "60s"}, {"ttl_jitter": 50}],
    ids=["plain", "stale", "error", "jitter"],
)
@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
def test_i09_every_key_has_a_ttl(
    new_store: NewStore,
    admin: redis.Redis,
    prefix: str,
    settings: dict[str, object],
    generations: bool,
) -> None:
    store = new_store(generations=generations, early_refresh=True, **settings)

    use_everything(store)
    store.clear()
    use_everything(store)

    found = lifetimes(admin, prefix)
    endless = {key for key, left in found.items() if left == -1}
    assert endless == ({f"{prefix}:cache:generation:now".encode()} if generations else set())
    assert max(found.values()) <= 120_000  # the TTL and the grace
    assert len(found) >= 8


def test_i09_a_lease_has_a_ttl_alone_and_over_a_value(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = Source("new", held=2)
    store = new_store(lease="30s", stale_for="1s")
    store.set("old", "first", ttl=0.02)
    pass_time(0.03)

    job = Job(lambda: store.get_or_set("absent", source.load))
    source.begun[0].wait()
    assert store.get_or_set("old", source.load) == "first"
    source.begun[1].wait()
    assert not store.touch("absent", ttl=1000)  # a lease is no value

    found = lifetimes(admin, prefix)
    assert sorted(found) == [f"{prefix}:cache:absent".encode(), f"{prefix}:cache:old".encode()]
    assert all(20_000 < left <= 30_000 for left in found.values())
    for gate in source.gates:
        gate.open()
    job.result()
    idle(store)
    assert all(55_000 < left <= 61_000 for left in lifetimes(admin, prefix).values())


def test_i09_renewing_a_lease_leaves_a_value_its_life_and_gives_nothing_one_for_ever(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = Source("new", held=2)
    store = new_store(lease="300ms", stale_for="60s")
    store.set("old", "first", ttl=0.02)
    pass_time(0.03)
    job = Job(lambda: store.get_or_set("absent", source.load))
    source.begun[0].wait()
    store.get_or_set("old", source.load)
    source.begun[1].wait()

    for _ in range(4):
        pass_time(0.1)
        found = lifetimes(admin, prefix)
        assert len(found) == 2
        assert 0 < found[f"{prefix}:cache:absent".encode()] <= 300
        assert 50_000 < found[f"{prefix}:cache:old".encode()] <= 60_000

    for gate in source.gates:
        gate.open()
    job.result()


def test_i09_no_expiry_is_for_ever_until_it_is_touched_or_replaced(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    store, source = new_store(stale_for="60s", ttl_jitter=50), Source("loaded")

    store.set("set", 1, ttl=NO_EXPIRY)
    store.set_many({"many": 1}, ttl=NO_EXPIRY)
    store.set("absent", 1, ttl=NO_EXPIRY, only_if="absent")
    store.get_or_set("loaded", source.load, ttl=NO_EXPIRY)
    store.set("touched", 1)
    assert store.touch("touched", ttl=NO_EXPIRY)
    assert store.ttl("touched") is NO_EXPIRY

    assert set(lifetimes(admin, prefix).values()) == {-1}
    for key in ("set", "many", "absent", "loaded", "touched"):
        assert store.touch(key, ttl=3600)
        grace = 60_000 if key == "touched" else 0  # a value for ever has none
        assert 0 < admin.pttl(f"{prefix}:cache:{key}") <= HOUR + grace
    store.set("set", 2, ttl=NO_EXPIRY)
    store.set("set", 3)
    assert 0 < admin.pttl(f"{prefix}:cache:set") <= 120_000


def test_i09_with_generations_nothing_is_for_ever(new_store: NewStore) -> None:
    store, source = new_store(generations=True), Source("loaded")

    acts: list[Callable[[], Any]] = [
        lambda: store.set("k", 1, ttl=NO_EXPIRY),
        lambda: store.set_many({"k": 1}, ttl=NO_EXPIRY),
        lambda: store.get_or_set("k", source.load, ttl=NO_EXPIRY),
        lambda: store.touch("k", ttl=NO_EXPIRY),
    ]
    for act in acts:
        with pytest.raises(ArgumentError, match="must not be NO_EXPIRY"):
            act()

    assert source.loads == 0
