# Generated from ../_async/test_cache_lease_ends.py by .ci/unasync.py; do not edit.
"""A lease lasts as long as its load and no longer, whatever else is done to its key or goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from modkit_redis.cache._core import value_header
from modkit_redis.cache.codec import JSON, Encoded
from modkit_redis.contract import MISS
from modkit_redis.testing import EmbeddedServer
from tests.cache_keys import leases
from tests.crews import Job, Source, Told, pass_time, until
from tests.support import stock_client

NewStore = Callable[..., RedisCacheStore]


def asking(store: RedisCacheStore, source: Source) -> Job[object]:
    return Job(lambda: store.get_or_set("k", source.load, type=int))


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
@pytest.mark.parametrize("is_stale", [False, True], ids=["", "stale"])
def test_i01_touching_a_value_that_is_being_replaced_ends_it_but_not_the_lease(
    new_store: NewStore, generations: bool, is_stale: bool
) -> None:
    source, grace = Source(1, held=1), {"stale_for": "50ms"} if is_stale else {}
    here, there, other = (new_store(generations=generations, lease="60s", **grace) for _ in range(3))
    here.set("k", "of another type", ttl=30)
    jobs = [asking(here, source)]
    source.begun[0].wait()

    assert there.touch("k", ttl=0.1)

    left = there.ttl("k")
    assert isinstance(left, timedelta)
    assert 0 < left.total_seconds() <= 0.1
    assert there.get("k") == "of another type"
    pass_time(0.17)
    assert there.get("k") is MISS
    assert there.touch("k") is False
    jobs += [asking(other, source)]
    pass_time(0.05)
    source.gates[0].open()
    assert [job.result() for job in jobs] == [1, 1]
    assert (source.loads, source.most) == (1, 1)


def test_touching_again_during_a_load_is_as_touching_once(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source, store = Source(1, held=1), new_store(lease="30s", stale_for="5s")
    store.set("k", "of another type", ttl=20)
    job = asking(store, source)
    source.begun[0].wait()

    for seconds in (2, 100, 3):
        assert store.touch("k", ttl=seconds)
        left = store.ttl("k")
        assert isinstance(left, timedelta)
        assert seconds - 1 < left.total_seconds() <= seconds
        assert admin.pttl(f"{prefix}:cache:k") > 29_000

    source.gates[0].open()
    assert job.result() == 1


@pytest.mark.parametrize("end", [2**63, 2**64 - 1])
def test_i11_touching_a_value_whose_lease_would_never_end_gives_it_no_longer_life(
    new_store: NewStore, admin: redis.Redis, prefix: str, end: int
) -> None:
    store, name = new_store(), f"{prefix}:cache:k"
    header = value_header(Encoded(JSON, 0, b""), 0)
    admin.set(name, header[:8] + b"somebody" + end.to_bytes(8, "big") + header[24:] + b'"value"', px=60_000)

    assert store.touch("k", ttl=10)

    assert 9_000 < admin.pttl(name) <= 10_000
    assert store.get("k") == "value"


@pytest.mark.parametrize("is_stale", [False, True], ids=["", "stale"])
def test_i06_a_value_that_is_refused_for_want_of_memory_frees_its_lease(
    new_store: NewStore,
    private_server: EmbeddedServer,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    is_stale: bool,
) -> None:
    told, source = Told(), Source(1)
    store, other = (
        new_store(addr=private_server.addr, events=told, lease="60s", stale_if_error="60s") for _ in range(2)
    )
    fill = store._entries.fill
    with stock_client(private_server.addr) as admin:
        if is_stale:
            store.set("k", 0, ttl=0.02)
            pass_time(0.03)

        def fill_when_full(*args: object) -> bool:
            admin.config_set("maxmemory", 1)
            try:
                return fill(*args)  # type: ignore[arg-type]  # passed on
            finally:
                admin.config_set("maxmemory", 0)

        monkeypatch.setattr(store._entries, "fill", fill_when_full)
        assert asking(store, source).result() == 1

        assert [getattr(event.error, "reason", "") for event in told if event.kind == "degraded"] == ["oom"]
        assert leases(admin, prefix) == []
        source.value = 2
        assert asking(other, source).result() == 2
        assert told.times("wait") == 0


def test_i01_of_those_who_wait_for_a_value_of_another_type_none_loads_it_again(
    new_store: NewStore, prefix: str
) -> None:
    told, source, name = Told(), Source(1, held=1), f"{prefix}:cache:k"
    stores = [new_store(events=told) for _ in range(5)]
    stores[0].set("k", "of the old type", ttl=600)

    jobs = [asking(store, source) for store in stores]
    source.begun[0].wait()
    flights = [store._loads._flights._airborne for store in stores]
    until(lambda: told.times("miss") == 5, "all have looked")
    until(
        lambda: all(name in one and one[name].moment > 1 for one in flights), "all have asked for the lease"
    )
    pass_time(0.05)
    assert told.times("undecodable") == 5  # they wait for the new value, and are not given the old one
    source.gates[0].open()

    assert [job.result() for job in jobs] == [1] * 5
    assert source.loads == 1


def test_a_renewal_that_fails_in_whatever_way_is_tried_again(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(1, held=1)
    here, there = (new_store(lease="300ms") for _ in range(2))
    renew, failures = here._entries.renew, list[str]()

    def renew_at_last(name: str, token: bytes, lease_ms: int) -> bool:
        if not failures:
            failures.append(name)
            raise ZeroDivisionError
        return renew(name, token, lease_ms)

    monkeypatch.setattr(here._entries, "renew", renew_at_last)
    jobs = [asking(here, source)]
    source.begun[0].wait()
    jobs += [asking(there, source)]
    until(lambda: bool(failures), "a renewal has failed")
    pass_time(0.4)
    source.gates[0].open()

    assert [job.result() for job in jobs] == [1, 1]
    assert source.loads == 1
