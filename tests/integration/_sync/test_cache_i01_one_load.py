# Generated from ../_async/test_cache_i01_one_load.py by .ci/unasync.py; do not edit.
"""I1: the loads of a key never overlap, however many callers there are in however many stores."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from modkit_redis.cache._core import Found, value_header
from modkit_redis.cache.codec import JSON, Encoded
from modkit_redis.contract import MISS
from tests.cache_keys import idle, leases
from tests.crews import Gate, Job, Source, Told, pass_time, until

NewStore = Callable[..., RedisCacheStore]


def make_stale(store: RedisCacheStore, key: str = "k") -> None:
    """Store "first", and let it be kept for its grace only."""
    store.set(key, "first", ttl=0.02)
    pass_time(0.03)
    assert store.get(key) is MISS


def asking(store: RedisCacheStore, source: Source) -> Job[object]:
    return Job(lambda: store.get_or_set("k", source.load))


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
def test_i01_callers_in_two_stores_share_one_load(new_store: NewStore, generations: bool) -> None:
    told, source = Told(), Source("old", held=1)
    stores = [new_store(events=told, generations=generations) for _ in range(2)]

    jobs = [asking(s, source) for s in stores * 4]
    source.begun[0].wait()
    until(lambda: told.times("miss") == 8, "all have looked")
    assert stores[0].get("k", "loading") == "loading"
    pass_time()
    source.gates[0].open()

    assert [job.result() for job in jobs] == ["old"] * 8
    assert source.loads == 1
    assert (told.times("load"), told.times("wait"), told.times("takeover")) == (1, 1, 0)
    assert told.times("undecodable") == 0


def test_i01_a_load_that_takes_longer_than_its_lease_keeps_it(new_store: NewStore) -> None:
    source = Source("old", held=1)
    here, there = (new_store(lease="300ms") for _ in range(2))

    jobs = [Job(lambda: here.get_or_set("k", source.load))]
    source.begun[0].wait()
    jobs += [Job(lambda: there.get_or_set("k", source.load))]
    pass_time(0.6)
    source.gates[0].open()

    assert [job.result() for job in jobs] == ["old"] * 2
    assert source.loads == 1


def test_i01_a_refresh_that_takes_longer_than_its_lease_keeps_it(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = Source("new", held=1)
    here, there = (new_store(lease="300ms", stale_for="60s") for _ in range(2))
    make_stale(here)

    assert here.get_or_set("k", source.load) == "first"
    source.begun[0].wait()
    for _ in range(3):
        pass_time(0.2)
        assert there.get_or_set("k", source.load) == "first"
        idle(there)
    source.gates[0].open()
    idle(here)

    assert source.loads == 1
    assert [here.get("k"), there.get("k")] == ["new"] * 2
    assert leases(admin, prefix) == []


@pytest.mark.parametrize("lease", ["300ms", "60s"])
def test_i01_a_refresh_outlives_the_value_that_it_replaces_and_i05_the_value_is_served_no_longer(
    new_store: NewStore, lease: str
) -> None:
    source, told = Source("new", held=1), Told()
    here = new_store(lease=lease, stale_for="150ms", events=told)
    there = new_store(lease=lease, stale_for="150ms", events=told)
    make_stale(here)

    assert here.get_or_set("k", source.load) == "first"
    source.begun[0].wait()
    pass_time(0.2)  # the value's time is over, but the lease keeps it in Redis
    jobs = [asking(s, source) for s in (here, there)]
    until(lambda: told.times("miss") == 3, "both have looked")
    pass_time(0.05)
    assert not any(job.is_done for job in jobs)
    source.gates[0].open()

    assert [job.result() for job in jobs] == ["new"] * 2
    assert source.loads == 1


def test_i01_a_refresh_keeps_its_lease_when_the_old_value_is_given_less_time(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = Source("new", held=1)
    here, there = (new_store(lease="60s", early_refresh=True) for _ in range(2))
    header = value_header(Encoded(JSON, 0, b""), 0, cost_ms=2**32 - 1)
    admin.set(f"{prefix}:cache:k", header + b'"first"', px=120_000)
    assert here.get_or_set("k", source.load) == "first"
    source.begun[0].wait()

    assert there.touch("k", ttl=0.1)
    assert there.get("k") == "first"
    pass_time(0.12)
    assert there.get("k") is MISS
    waiting = asking(there, source)
    pass_time(0.05)
    assert not waiting.is_done
    source.gates[0].open()

    assert waiting.result() == "new"
    assert source.loads == 1


def test_i01_of_many_who_find_an_old_value_one_loads(new_store: NewStore) -> None:
    source = Source("new", held=1)
    stores = [new_store(stale_for="60s") for _ in range(3)]
    make_stale(stores[0])

    found = [store.get_or_set("k", source.load) for store in stores * 3]
    source.begun[0].wait()
    source.gates[0].open()
    for store in stores:
        idle(store)

    assert found == ["first"] * 9
    assert source.loads == 1


def test_i01_a_refresh_that_comes_after_another_does_not_load_again(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, late = Source("new"), Source("newer")
    here, there = (new_store(stale_for="60s") for _ in range(2))
    make_stale(here)
    looked, go = Gate(), Gate()
    look = there._entries.look

    def slow_look(name: str, *, timed: bool) -> Found:
        found = look(name, timed=timed)
        looked.open()
        go.wait()
        return found

    monkeypatch.setattr(there._entries, "look", slow_look)
    job = Job(lambda: there.get_or_set("k", late.load))
    looked.wait()
    assert here.get_or_set("k", source.load) == "first"
    idle(here)
    go.open()

    assert job.result() == "first"
    idle(there)
    assert (source.loads, late.loads) == (1, 0)


def test_i01_what_cannot_be_read_is_replaced_by_one_load(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    told, source = Told(), Source("old", held=1)
    stores = [new_store(events=told) for _ in range(2)]
    admin.set(f"{prefix}:cache:k", "not ours")

    jobs = [asking(s, source) for s in stores * 2]
    source.begun[0].wait()
    until(lambda: told.times("miss") == 4, "all have looked")
    source.gates[0].open()

    assert [job.result() for job in jobs] == ["old"] * 4
    assert source.loads == 1
    assert 1 <= told.times("undecodable") <= 4


def test_i01_what_is_of_another_type_is_replaced_by_one_load_that_others_wait_for(
    new_store: NewStore,
) -> None:
    told, source = Told(), Source(5, held=1)
    here, there = new_store(), new_store(events=told)
    here.set("k", "text")
    jobs = [Job(lambda: here.get_or_set("k", source.load, type=int))]
    source.begun[0].wait()

    jobs += [Job(lambda: there.get_or_set("k", source.load, type=int))]
    pass_time(0.3)
    assert told.times("undecodable") == 1  # it waits for the lease, and does not look at the old value again
    source.gates[0].open()

    assert [job.result() for job in jobs] == [5, 5]
    assert (source.loads, told.times("wait")) == (1, 1)
