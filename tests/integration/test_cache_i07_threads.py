"""I7 for threads: an interrupt of one caller fails no other, and leaves neither thread nor lease behind.

test_cache_i07_tasks.py does the same with tasks, which can be cancelled.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis

from modkit_redis import RedisBundle
from modkit_redis.cache import RedisCacheStore
from modkit_redis.cache.loads.flight import _LOADING
from tests.cache_keys import idle, leases
from tests.crews import Job, Source, Told, pass_time, until


class Interrupt(BaseException):
    """Ends a thread, as Ctrl-C and sys.exit() do."""


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def store(addr: str, prefix: str, told: Told) -> Iterator[RedisCacheStore]:
    cache = {"default_ttl": "60s", "lease": "60s"}
    bundle = RedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache}, cache_events=told)
    before = set(threading.enumerate())
    store: RedisCacheStore = bundle.cache.store()
    yield store
    idle(store)
    bundle.shutdown_resources()
    assert set(threading.enumerate()) <= before


def asking(store: RedisCacheStore, source: Source) -> Job[object]:
    return Job(lambda: store.get_or_set("k", source.load))


def test_i07_an_interrupted_load_is_repeated_for_the_others_and_its_lease_freed(
    store: RedisCacheStore, told: Told, admin: redis.Redis, prefix: str
) -> None:
    source = Source("new", held=2)
    source.fails = Interrupt()
    first = asking(store, source)
    source.begun[0].wait()
    others = [asking(store, source) for _ in range(3)]
    until(lambda: told.times("miss") == 4, "all wait")
    pass_time()
    source.fails = None

    source.gates[0].open()

    with pytest.raises(Interrupt):
        first.result()
    source.begun[1].wait()
    assert len(leases(admin, prefix)) == 1
    source.gates[1].open()
    assert [job.result() for job in others] == ["new"] * 3
    assert (source.loads, source.most) == (2, 1)
    assert leases(admin, prefix) == []


def test_i07_an_interrupted_load_of_one_caller_leaves_nothing(
    store: RedisCacheStore, admin: redis.Redis, prefix: str
) -> None:
    source = Source("new")
    source.fails = Interrupt()

    with pytest.raises(Interrupt):
        store.get_or_set("k", source.load)

    assert admin.exists(f"{prefix}:cache:k") == 0
    source.fails = None
    assert store.get_or_set("k", source.load) == "new"


@pytest.mark.parametrize("step", ["acquire", "fill"])
def test_i07_an_interrupt_between_a_command_and_its_reply_leaves_no_lease(
    store: RedisCacheStore, admin: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    act = getattr(store._entries, step)

    def interrupted(*args: object, **kwargs: object) -> object:
        if step == "acquire":
            act(*args, **kwargs)
        raise Interrupt

    source = Source("new")
    with monkeypatch.context() as patch:
        patch.setattr(store._entries, step, interrupted)
        with pytest.raises(Interrupt):
            store.get_or_set("k", source.load)

    assert leases(admin, prefix) == []
    assert store.get_or_set("k", source.load) == "new"


def test_i07_the_thread_that_renews_leases_ends_when_there_are_none(addr: str, prefix: str) -> None:
    cache = {"default_ttl": "60s", "lease": "300ms"}
    bundle = RedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache})
    store: RedisCacheStore = bundle.cache.store()

    assert store.get_or_set("k", Source("new").load) == "new"

    until(lambda: store._loads._leads._heart._thread is None, "it has ended")
    source = Source("newer", held=1)
    job = Job(lambda: store.get_or_set("l", source.load))
    source.begun[0].wait()
    pass_time(0.6)
    source.gates[0].open()
    assert job.result() == "newer"
    assert store.get("l") == "newer"  # another thread has renewed its lease
    bundle.shutdown_resources()


def test_a_lease_that_is_gone_is_not_renewed_any_more(addr: str, prefix: str) -> None:
    cache = {"default_ttl": "60s", "lease": "60ms"}
    bundle = RedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache})
    store, source = bundle.cache.store(), Source("old", held=1)
    job = Job(lambda: store.get_or_set("k", source.load))
    source.begun[0].wait()

    store.delete("k")

    until(lambda: not store._loads._leads._heart._held, "it is let go")
    source.gates[0].open()
    assert job.result() == "old"
    bundle.shutdown_resources()


def test_shutdown_ends_the_thread_that_renews_leases(addr: str, prefix: str) -> None:
    cache = {"default_ttl": "60s", "lease": "1h"}
    bundle = RedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache})
    store: RedisCacheStore = bundle.cache.store()
    assert store.get_or_set("k", Source("new").load) == "new"
    beating = store._loads._leads._heart._thread
    assert beating is not None

    Job(bundle.shutdown_resources).result()

    assert not beating.is_alive()


def test_i16_a_thread_that_has_loaded_keeps_nothing_of_it(store: RedisCacheStore) -> None:
    failing = Source()
    failing.fails = ZeroDivisionError()
    store.get_or_set("k", Source("new").load)
    with pytest.raises(ZeroDivisionError):
        store.get_or_set("l", failing.load)

    assert _LOADING.get() == ()
