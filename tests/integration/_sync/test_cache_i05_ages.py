# Generated from ../_async/test_cache_i05_ages.py by .ci/unasync.py; do not edit.
"""I5: nothing older than its TTL and its grace is served."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from modkit_redis.contract import MISS
from tests.cache_keys import idle
from tests.crews import Job, Source, Told, pass_time, until

NewStore = Callable[..., RedisCacheStore]


class BrokenError(Exception):
    """The source is down."""


def test_i05_a_stale_value_is_served_within_its_grace_and_not_after(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source, told = Source("new", held=1), Told()
    store = new_store(stale_for="150ms", events=told)
    store.set("k", "first", ttl=0.02)
    store.set("l", "first", ttl=0.02)
    assert 20 < admin.pttl(f"{prefix}:cache:k") <= 170

    pass_time(0.03)
    assert (store.get("k"), store.ttl("k"), store.touch("k")) == (MISS, MISS, False)
    assert store.get_many(["k", "l"]) == [MISS, MISS]
    assert store.get_or_set("k", source.load) == "first"
    pass_time(0.2)

    assert store.get_or_set("l", source.load) == "new"
    source.gates[0].open()
    assert told.times("stale-hit") == 1


@pytest.mark.parametrize(
    ("kept", "asked"), [("60s", 0.05), ("50ms", 60)], ids=["the call's grace", "the value's grace"]
)
def test_i05_the_shorter_grace_counts(new_store: NewStore, kept: str, asked: float) -> None:
    source = Source("new")
    store = new_store(stale_for=kept)
    store.set("k", "first", ttl=0.02)

    pass_time(0.1)

    assert store.get_or_set("k", source.load, stale_for=asked) == "new"


def test_i05_without_a_grace_what_others_keep_longer_is_not_served(new_store: NewStore) -> None:
    source, here, there = Source("new"), new_store(stale_for="60s"), new_store()
    here.set_many({"k": "first", "l": "first"}, ttl=0.02)

    pass_time(0.03)

    assert (there.get("k"), there.ttl("k"), there.touch("k")) == (MISS, MISS, False)
    assert there.get_many(["k", "l"]) == [MISS, MISS]
    assert there.set("k", "set", only_if="present") is False
    assert there.get_or_set("k", source.load) == "new"


def test_i05_an_old_value_that_stands_in_for_a_failed_load_is_within_its_grace(
    new_store: NewStore,
) -> None:
    source = Source(held=1)
    source.fails = BrokenError()
    store = new_store(stale_if_error="150ms")
    store.set_many({"k": "first", "l": "first"}, ttl=0.02)

    pass_time(0.03)
    slow = Job(lambda: store.get_or_set("k", source.load))
    source.begun[0].wait()
    assert store.get_or_set("l", source.load) == "first"
    pass_time(0.2)  # the load takes so long that the old value's time is over
    source.gates[0].open()

    with pytest.raises(BrokenError):
        slow.result()
    with pytest.raises(BrokenError):
        store.get_or_set("l", source.load)


def test_i05_an_old_value_that_was_found_before_a_long_wait_does_not_stand_in(
    new_store: NewStore, prefix: str
) -> None:
    source = Source()
    source.fails = BrokenError()
    store = new_store(stale_if_error="60s")
    store.set("k", "first", ttl=0.02)
    pass_time(0.03)
    dead = secrets.token_bytes(8)
    store._entries.acquire(f"{prefix}:cache:k", dead, 300, fresh_at_most=0, spares_failed=False)

    with pytest.raises(BrokenError):  # after the dead one's lease, when the value's time is over
        Job(lambda: store.get_or_set("k", source.load, stale_if_error=0.1)).result()

    assert source.loads == 1


def test_i05_touching_moves_the_end_of_the_grace_too(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    store = new_store(stale_for="30s")
    store.set("k", "first", ttl=1)

    assert store.touch("k", ttl=10)

    left = store.ttl("k")
    assert isinstance(left, timedelta)
    assert 9 < left.total_seconds() <= 10
    assert 39_000 < admin.pttl(f"{prefix}:cache:k") <= 40_000


def test_i05_a_refresh_that_failed_leaves_the_value_its_own_age(new_store: NewStore) -> None:
    told, source = Told(), Source("new")
    source.fails = BrokenError()
    store = new_store(stale_for="150ms", lease="60s", events=told)
    store.set("k", "first", ttl=0.02)
    pass_time(0.03)

    assert store.get_or_set("k", source.load) == "first"
    until(lambda: told.times("load-error") == 1, "the refresh has failed")
    idle(store)
    pass_time(0.2)  # the lease had made the key live longer
    source.fails = None

    assert store.get("k") is MISS
    assert store.get_or_set("k", source.load) == "new"


def test_i05_a_loaded_value_has_the_grace_of_the_call_that_loaded_it(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    store, first, second = new_store(), Source("first"), Source("second")

    assert store.get_or_set("k", first.load, ttl=0.05, stale_for=30) == "first"
    assert 29_000 < admin.pttl(f"{prefix}:cache:k") <= 30_050
    pass_time(0.06)

    assert store.get_or_set("k", second.load, stale_for=30) == "first"
    idle(store)
    assert store.get("k") == "second"
