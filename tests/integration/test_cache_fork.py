"""A fork in the middle of a load: the child neither hangs nor takes part in what its parent loads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
import redis

from modkit_redis import AsyncRedisBundle, RedisBundle
from modkit_redis.cache import RedisCacheStore
from tests.cache_keys import idle, leases
from tests.crews import AsyncSource, Gate, Job, Source, Told, pass_time, until
from tests.faults.forking import in_child
from tests.support import stock_client


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def store(addr: str, prefix: str, told: Told) -> Iterator[RedisCacheStore]:
    cache = {"default_ttl": "60s", "lease": "300ms", "stale_for": "60s"}
    bundle = RedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache}, cache_events=told)
    store: RedisCacheStore = bundle.cache.store()
    yield store
    idle(store)
    bundle.shutdown_resources()


def test_a_child_waits_for_its_parents_lease_and_not_for_its_flight(store: RedisCacheStore) -> None:
    source, answer = Source("parent", held=1), list[str]()
    job = Job(lambda: store.get_or_set("k", source.load))
    source.begun[0].wait()

    def in_the_child() -> object:
        flights = store._loads._flights
        alone = not flights._airborne and not store._loads._leads._heart._held
        return alone, store.get_or_set("other", lambda: 1), store.get_or_set("k", lambda: "child")

    child = threading.Thread(target=lambda: answer.append(in_child(in_the_child)))
    child.start()
    pass_time(0.6)  # the parent's lease is renewed: the child does not load
    assert child.is_alive()
    source.gates[0].open()
    child.join()

    assert answer == [repr((True, 1, "parent"))]
    assert job.result() == "parent"
    assert store.get("other") == 1


def test_i03_a_child_that_deletes_is_not_given_what_its_parent_loads(
    store: RedisCacheStore, admin: redis.Redis, prefix: str
) -> None:
    source = Source("old", held=1)
    job = Job(lambda: store.get_or_set("k", source.load))
    source.begun[0].wait()

    def in_the_child() -> object:
        return store.delete("k"), store.get_or_set("k", lambda: "new"), store.get("k")

    assert in_child(in_the_child) == repr((1, "new", "new"))
    source.gates[0].open()

    assert job.result() == "old"
    assert store.get("k") == "new"
    assert leases(admin, prefix) == []


def test_locks_that_a_thread_held_when_its_process_was_forked_are_free_in_the_child(
    store: RedisCacheStore,
) -> None:
    held, done = Gate(), Gate()

    def hold() -> None:
        with store._loads._flights._lock, store._loads._leads._heart._changed:
            held.open()
            done.wait()

    holder = Job(hold)
    held.wait()

    def in_the_child() -> object:
        return store.get_or_set("k", lambda: "child"), store.delete("k")

    answer = in_child(in_the_child)
    done.open()
    holder.result()

    assert answer == repr(("child", 1))


def test_a_child_renews_its_leases_and_refreshes_in_the_background_by_threads_of_its_own(
    store: RedisCacheStore, told: Told, admin: redis.Redis, prefix: str
) -> None:
    source = Source("new")
    store.set("k", "first", ttl=0.02)
    pass_time(0.03)
    assert store.get_or_set("k", source.load) == "first"  # the parent has its own thread for refreshes
    until(lambda: told.times("load") == 1, "it has refreshed")
    idle(store)

    def slow() -> str:
        pass_time(0.6)  # longer than its lease
        return "slow"

    def in_the_child() -> object:
        told.clear()
        assert store.get_or_set("slow", slow) == "slow"
        store.set("l", "first", ttl=0.02)
        pass_time(0.03)
        assert store.get_or_set("l", source.load) == "first"
        idle(store)
        return store.get("slow"), store.get("l"), told.times("fill-refused")

    assert in_child(in_the_child) == repr(("slow", "new", 0))
    assert leases(admin, prefix) == []


def test_what_its_parent_loads_in_the_background_takes_no_place_of_the_childs(addr: str, prefix: str) -> None:
    cache = {"default_ttl": "60s", "stale_for": "60s", "refreshes": 1}
    bundle = RedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache})
    store, source = bundle.cache.store(), Source("new", held=1)
    store.set_many({"a": "first", "b": "first"}, ttl=0.02)
    pass_time(0.03)
    assert store.get_or_set("a", source.load) == "first"
    source.begun[0].wait()

    def in_the_child() -> object:
        assert store.get_or_set("b", lambda: "child") == "first"
        idle(store)
        return store.get("b")

    assert in_child(in_the_child) == repr("child")
    source.gates[0].open()
    bundle.shutdown_resources()


def test_a_fork_in_a_loader_leaves_the_load_to_the_parent(store: RedisCacheStore) -> None:
    answer = list[str]()

    def load() -> str:
        answer.append(in_child(lambda: store.get_or_set("other", lambda: "child")))
        return "parent"

    assert store.get_or_set("k", load) == "parent"

    assert answer == [repr("child")]
    assert (store.get("k"), store.get("other")) == ("parent", "child")


def test_a_child_does_not_take_part_in_loads_of_its_parents_event_loop(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    cache = {"default_ttl": "60s", "lease": "60s"}
    bundle = AsyncRedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": cache})
    store = bundle.cache.store()
    sources: list[AsyncSource] = []
    jobs: list[asyncio.Task[object]] = []

    async def begin() -> None:
        sources.append(AsyncSource("old", held=1))
        jobs.append(asyncio.create_task(store.get_or_set("k", sources[0].load)))
        await sources[0].begun[0].wait()

    async def in_the_child() -> object:
        source = AsyncSource("new")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(store.get_or_set("k", source.load), 0.2)
        with stock_client(addr) as stock:  # it waited for the lease, and not for a task of the parent's loop
            stock.delete(f"{prefix}:cache:k")
        found = await asyncio.wait_for(store.get_or_set("k", source.load), 10)
        await bundle.shutdown_resources()
        return found, source.loads

    async def end() -> object:
        sources[0].gates[0].open()
        found = await jobs[0], await store.get("k")
        await bundle.shutdown_resources()
        return found

    with asyncio.Runner() as runner:
        runner.run(begin())

        assert in_child(lambda: asyncio.run(in_the_child())) == repr(("new", 1))
        assert runner.run(end()) == ("old", "new")
    assert leases(admin, prefix) == []
