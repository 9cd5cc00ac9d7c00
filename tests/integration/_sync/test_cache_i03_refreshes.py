# Generated from ../_async/test_cache_i03_refreshes.py by .ci/unasync.py; do not edit.
"""I3 and I4 where old values are served: within their grace, and while they are refreshed early."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from modkit_redis.cache._core import value_header
from modkit_redis.cache.codec import JSON, Encoded
from modkit_redis.contract import MISS
from tests.cache_keys import idle
from tests.crews import Job, Source, Told, pass_time

NewStore = Callable[..., RedisCacheStore]
Way = Callable[..., Any]


def asking(store: RedisCacheStore, source: Source) -> Job[object]:
    return Job(lambda: store.get_or_set("k", source.load))


def stale(store: RedisCacheStore, admin: redis.Redis, name: str) -> None:
    store.set("k", "first", ttl=0.02)
    pass_time(0.03)


def early(store: RedisCacheStore, admin: redis.Redis, name: str) -> None:
    """What took 49 days to load is loaded again at once."""
    header = value_header(Encoded(JSON, 0, b""), 60_000, cost_ms=2**32 - 1)
    admin.set(name, header + b'"first"', px=120_000)


def delete_here(here: RedisCacheStore, there: object, admin: object, name: str) -> None:
    here.delete("k")


def delete_there(here: object, there: RedisCacheStore, admin: object, name: str) -> None:
    there.delete("k")


def delete_by_stock(here: object, there: object, admin: redis.Redis, name: str) -> None:
    admin.delete(name)


def clear_there(here: object, there: RedisCacheStore, admin: object, name: str) -> None:
    there.clear()


REMOVALS: Final[list[Way]] = [delete_here, delete_there, delete_by_stock, clear_there]
every_state = pytest.mark.parametrize("state", [stale, early], ids=lambda state: state.__name__)


@every_state
@pytest.mark.parametrize("remove", REMOVALS, ids=lambda way: way.__name__)
def test_i03_no_old_value_is_served_after_it_was_removed_while_being_refreshed(
    new_store: NewStore, admin: redis.Redis, prefix: str, state: Way, remove: Way
) -> None:
    source, name = Source("old", held=1), f"{prefix}:cache:k"
    here, there = (new_store(stale_for="60s", early_refresh=True, lease="60s") for _ in range(2))
    state(here, admin, name)
    assert here.get_or_set("k", source.load) == "first"
    source.begun[0].wait()
    assert [store.get_or_set("k", source.load) for store in (here, there)] == ["first"] * 2
    idle(there)
    source.value = "new"

    remove(here, there, admin, name)
    after = [here.get("k"), there.get("k")]
    readers = [asking(s, source) for s in (here, there, here)]
    pass_time()
    source.gates[0].open()

    assert after == [MISS, MISS]
    assert [reader.result() for reader in readers] == ["new"] * 3
    idle(here)
    assert [here.get("k"), there.get("k")] == ["new"] * 2


def set_here(here: RedisCacheStore, there: object) -> None:
    assert here.set("k", "set")


def set_there(here: object, there: RedisCacheStore) -> None:
    assert there.set("k", "set")


def set_many_here(here: RedisCacheStore, there: object) -> None:
    here.set_many({"other": 1, "k": "set"})


def set_many_there(here: object, there: RedisCacheStore) -> None:
    there.set_many({"other": 1, "k": "set"})


def set_if_absent(here: object, there: RedisCacheStore) -> None:
    assert not there.set("k", "not this", only_if="present")
    assert there.set("k", "set", only_if="absent")


SETS: Final[list[Way]] = [set_here, set_there, set_many_here, set_many_there, set_if_absent]


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
@pytest.mark.parametrize("way", SETS, ids=lambda way: way.__name__)
def test_i04_a_value_that_is_set_during_a_load_stays(
    new_store: NewStore, way: Way, generations: bool
) -> None:
    source = Source("old", held=1)
    here, there = (new_store(generations=generations, lease="60s") for _ in range(2))
    first = Job(lambda: here.get_or_set("k", source.load))
    source.begun[0].wait()
    joined = [asking(s, source) for s in (here, there)]
    pass_time()

    way(here, there)
    late = [asking(s, source) for s in (here, there)]
    pass_time()
    source.gates[0].open()

    assert first.result() == "old"  # it had asked before
    assert [job.result() for job in (*joined, *late)] == ["set"] * 4
    assert [here.get("k"), there.get("k")] == ["set"] * 2
    assert source.loads == 1


@every_state
def test_i04_a_value_that_is_set_during_a_refresh_stays(
    new_store: NewStore, admin: redis.Redis, prefix: str, state: Way
) -> None:
    source, told = Source("old", held=1), Told()
    here, there = (new_store(stale_for="60s", early_refresh=True, events=told) for _ in range(2))
    state(here, admin, f"{prefix}:cache:k")
    assert here.get_or_set("k", source.load) == "first"
    source.begun[0].wait()

    there.set("k", "set")
    source.gates[0].open()
    idle(here)

    assert [here.get("k"), there.get_or_set("k", source.load)] == ["set"] * 2
    assert source.loads == 1
    assert told.times("fill-refused") == 1


def test_i04_touching_during_a_refresh_does_not_end_it(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = Source("new", held=1)
    store = new_store(early_refresh=True)
    early(store, admin, f"{prefix}:cache:k")
    assert store.get_or_set("k", source.load) == "first"
    source.begun[0].wait()

    assert store.touch("k", ttl=30)
    source.gates[0].open()
    idle(store)

    assert store.get("k") == "new"


def clear_here(here: RedisCacheStore, there: object) -> None:
    here.clear()


def set_briefly(here: RedisCacheStore, there: object) -> None:
    here.set("k", "set", ttl=0.01)
    pass_time()


def set_many_briefly(here: RedisCacheStore, there: object) -> None:
    here.set_many({"k": "set"}, ttl=0.01)
    pass_time()


def delete_only(here: RedisCacheStore, there: object) -> None:
    here.delete("k")


@pytest.mark.parametrize(
    "way", [delete_only, clear_here, set_briefly, set_many_briefly], ids=lambda way: way.__name__
)
def test_i03_who_reads_after_a_removal_in_this_process_does_not_wait_for_the_load_before_it(
    new_store: NewStore, way: Way
) -> None:
    old, new = Source("old", held=1), Source("new")
    store = new_store(lease="60s")
    first = asking(store, old)
    old.begun[0].wait()

    way(store, store)

    assert asking(store, new).result() == "new"
    assert not first.is_done
    old.gates[0].open()
    assert first.result() == "old"
    assert store.get("k") == "new"


def test_i02_a_load_whose_lease_is_gone_does_not_renew_the_next_ones(
    new_store: NewStore, prefix: str
) -> None:
    old, new, name = Source("old", held=1), Source("new"), f"{prefix}:cache:k"
    here, there = (new_store(lease="300ms") for _ in range(2))
    first = asking(here, old)
    old.begun[0].wait()
    there.delete("k")
    there._entries.acquire(name, b"crashed!", 300, fresh_at_most=0, spares_failed=False)

    assert asking(there, new).result() == "new"

    old.gates[0].open()
    assert first.result() == "old"


def test_i03_a_load_that_renews_its_lease_is_overtaken_as_any(new_store: NewStore) -> None:
    old, new = Source("old", held=1), Source("new")
    here, there = (new_store(lease="60ms") for _ in range(2))
    first = asking(here, old)
    old.begun[0].wait()
    pass_time(0.2)

    there.delete("k")
    late = [asking(store, new) for store in (here, there)]
    assert late[1].result() == "new"
    pass_time(0.2)
    old.gates[0].open()

    assert (first.result(), late[0].result()) == ("old", "new")
    assert here.get("k") == "new"
