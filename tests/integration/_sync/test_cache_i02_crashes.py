# Generated from ../_async/test_cache_i02_crashes.py by .ci/unasync.py; do not edit.
"""I2: k crashes cost k loads more at most, and nobody waits longer than for a lease, a poll and a load."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from tests.cache_doom import doomed
from tests.cache_keys import idle, leases
from tests.crews import Job, Source, Told, pass_time, until

NewStore = Callable[..., RedisCacheStore]
LEASE: Final = 0.25
LEASE_TEXT: Final = "250ms"


def asking(store: RedisCacheStore, source: Source) -> Job[object]:
    return Job(lambda: store.get_or_set("k", source.load))


@pytest.mark.parametrize(("world", "generations"), [("sync", False), ("async", True)])
def test_i02_when_the_process_that_loads_is_killed_one_of_those_who_wait_loads(
    new_store: NewStore, admin: redis.Redis, addr: str, prefix: str, world: str, generations: bool
) -> None:
    told, source = Told(), Source("new")
    stores = [new_store(lease=LEASE_TEXT, generations=generations, events=told) for _ in range(2)]
    with doomed(admin, addr, prefix, world, lease=LEASE_TEXT, generations=generations) as holders:
        holder = holders.wait()
        jobs = [asking(store, source) for store in stores * 2]
        until(lambda: told.times("miss") == 4, "all wait")
        pass_time(1.5 * LEASE)  # it renews its lease while it is alive
        assert not any(job.is_done for job in jobs)

        holders.kill(holder)
        began = time.monotonic()
        got = [job.result() for job in jobs]

        assert time.monotonic() - began < 5 * (LEASE + 0.15)
    assert got == ["new"] * 4
    assert source.loads == 1
    assert (told.times("wait"), told.times("takeover")) == (2, 1)
    assert leases(admin, prefix) == []


@pytest.mark.parametrize("world", ["async"])
def test_i02_the_old_value_is_served_on_when_the_process_that_refreshes_it_is_killed(
    new_store: NewStore, admin: redis.Redis, addr: str, prefix: str, world: str
) -> None:
    told, source = Told(), Source("new")
    store = new_store(lease=LEASE_TEXT, stale_for="60s", events=told)
    store.set("k", "first", ttl=0.02)
    pass_time(0.03)
    with doomed(admin, addr, prefix, world, lease=LEASE_TEXT) as holders:
        holder = holders.wait()
        assert store.get_or_set("k", source.load) == "first"
        idle(store)
        assert source.loads == 0
        holders.kill(holder)

    over = time.monotonic() + 5 * LEASE
    seen = []
    while not source.loads and time.monotonic() < over:
        seen.append(store.get_or_set("k", source.load))
        pass_time()
    idle(store)

    assert set(seen) == {"first"}
    assert (store.get("k"), source.loads, told.times("takeover")) == ("new", 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("world", ["sync", "async"])
def test_i02_each_crash_costs_one_load_at_most(
    new_store: NewStore, admin: redis.Redis, addr: str, prefix: str, world: str
) -> None:
    source, store = Source("new"), new_store(lease=LEASE_TEXT)
    with doomed(admin, addr, prefix, world, 3, lease=LEASE_TEXT) as holders:
        first = holders.wait()
        holders.kill(first)
        second = holders.wait()
        holders.kill(second)
        third = holders.wait()
        job = asking(store, source)
        holders.kill(third)

        assert job.result() == "new"
        assert admin.llen(f"{prefix}:x:begun") == 0

    assert len({first, second, third}) == 3
    assert source.loads == 1
