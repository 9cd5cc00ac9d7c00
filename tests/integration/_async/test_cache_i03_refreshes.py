"""I3 and I4 where old values are served: within their grace, and while they are refreshed early."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
import redis

from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.cache._core import value_header
from modkit_redis.cache.codec import JSON, Encoded
from modkit_redis.contract import MISS
from tests.cache_keys import async_idle
from tests.crews import AsyncJob, AsyncSource, Told, async_pass_time

NewStore = Callable[..., AsyncRedisCacheStore]
Way = Callable[..., Any]


def asking(store: AsyncRedisCacheStore, source: AsyncSource) -> AsyncJob[object]:
    return AsyncJob(lambda: store.get_or_set("k", source.load))


async def stale(store: AsyncRedisCacheStore, admin: redis.Redis, name: str) -> None:
    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)


async def early(store: AsyncRedisCacheStore, admin: redis.Redis, name: str) -> None:
    """What took 49 days to load is loaded again at once."""
    header = value_header(Encoded(JSON, 0, b""), 60_000, cost_ms=2**32 - 1)
    admin.set(name, header + b'"first"', px=120_000)


async def delete_here(here: AsyncRedisCacheStore, there: object, admin: object, name: str) -> None:
    await here.delete("k")


async def delete_there(here: object, there: AsyncRedisCacheStore, admin: object, name: str) -> None:
    await there.delete("k")


async def delete_by_stock(here: object, there: object, admin: redis.Redis, name: str) -> None:
    admin.delete(name)


async def clear_there(here: object, there: AsyncRedisCacheStore, admin: object, name: str) -> None:
    await there.clear()


REMOVALS: Final[list[Way]] = [delete_here, delete_there, delete_by_stock, clear_there]
every_state = pytest.mark.parametrize("state", [stale, early], ids=lambda state: state.__name__)


@every_state
@pytest.mark.parametrize("remove", REMOVALS, ids=lambda way: way.__name__)
async def test_i03_no_old_value_is_served_after_it_was_removed_while_being_refreshed(
    new_store: NewStore, admin: redis.Redis, prefix: str, state: Way, remove: Way
) -> None:
    source, name = AsyncSource("old", held=1), f"{prefix}:cache:k"
    here, there = (new_store(stale_for="60s", early_refresh=True, lease="60s") for _ in range(2))
    await state(here, admin, name)
    assert await here.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()
    assert [await store.get_or_set("k", source.load) for store in (here, there)] == ["first"] * 2
    await async_idle(there)
    source.value = "new"

    await remove(here, there, admin, name)
    after = [await here.get("k"), await there.get("k")]
    readers = [asking(s, source) for s in (here, there, here)]
    await async_pass_time()
    source.gates[0].open()

    assert after == [MISS, MISS]
    assert [await reader.result() for reader in readers] == ["new"] * 3
    await async_idle(here)
    assert [await here.get("k"), await there.get("k")] == ["new"] * 2


async def set_here(here: AsyncRedisCacheStore, there: object) -> None:
    assert await here.set("k", "set")


async def set_there(here: object, there: AsyncRedisCacheStore) -> None:
    assert await there.set("k", "set")


async def set_many_here(here: AsyncRedisCacheStore, there: object) -> None:
    await here.set_many({"other": 1, "k": "set"})


async def set_many_there(here: object, there: AsyncRedisCacheStore) -> None:
    await there.set_many({"other": 1, "k": "set"})


async def set_if_absent(here: object, there: AsyncRedisCacheStore) -> None:
    assert not await there.set("k", "not this", only_if="present")
    assert await there.set("k", "set", only_if="absent")


SETS: Final[list[Way]] = [set_here, set_there, set_many_here, set_many_there, set_if_absent]


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
@pytest.mark.parametrize("way", SETS, ids=lambda way: way.__name__)
async def test_i04_a_value_that_is_set_during_a_load_stays(
    new_store: NewStore, way: Way, generations: bool
) -> None:
    source = AsyncSource("old", held=1)
    here, there = (new_store(generations=generations, lease="60s") for _ in range(2))
    first = AsyncJob(lambda: here.get_or_set("k", source.load))
    await source.begun[0].wait()
    joined = [asking(s, source) for s in (here, there)]
    await async_pass_time()

    await way(here, there)
    late = [asking(s, source) for s in (here, there)]
    await async_pass_time()
    source.gates[0].open()

    assert await first.result() == "old"  # it had asked before
    assert [await job.result() for job in (*joined, *late)] == ["set"] * 4
    assert [await here.get("k"), await there.get("k")] == ["set"] * 2
    assert source.loads == 1


@every_state
async def test_i04_a_value_that_is_set_during_a_refresh_stays(
    new_store: NewStore, admin: redis.Redis, prefix: str, state: Way
) -> None:
    source, told = AsyncSource("old", held=1), Told()
    here, there = (new_store(stale_for="60s", early_refresh=True, events=told) for _ in range(2))
    await state(here, admin, f"{prefix}:cache:k")
    assert await here.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()

    await there.set("k", "set")
    source.gates[0].open()
    await async_idle(here)

    assert [await here.get("k"), await there.get_or_set("k", source.load)] == ["set"] * 2
    assert source.loads == 1
    assert told.times("fill-refused") == 1


async def test_i04_touching_during_a_refresh_does_not_end_it(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = AsyncSource("new", held=1)
    store = new_store(early_refresh=True)
    await early(store, admin, f"{prefix}:cache:k")
    assert await store.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()

    assert await store.touch("k", ttl=30)
    source.gates[0].open()
    await async_idle(store)

    assert await store.get("k") == "new"


async def clear_here(here: AsyncRedisCacheStore, there: object) -> None:
    await here.clear()


async def set_briefly(here: AsyncRedisCacheStore, there: object) -> None:
    await here.set("k", "set", ttl=0.01)
    await async_pass_time()


async def set_many_briefly(here: AsyncRedisCacheStore, there: object) -> None:
    await here.set_many({"k": "set"}, ttl=0.01)
    await async_pass_time()


async def delete_only(here: AsyncRedisCacheStore, there: object) -> None:
    await here.delete("k")


@pytest.mark.parametrize(
    "way", [delete_only, clear_here, set_briefly, set_many_briefly], ids=lambda way: way.__name__
)
async def test_i03_who_reads_after_a_removal_in_this_process_does_not_wait_for_the_load_before_it(
    new_store: NewStore, way: Way
) -> None:
    old, new = AsyncSource("old", held=1), AsyncSource("new")
    store = new_store(lease="60s")
    first = asking(store, old)
    await old.begun[0].wait()

    await way(store, store)

    assert await asking(store, new).result() == "new"
    assert not first.is_done
    old.gates[0].open()
    assert await first.result() == "old"
    assert await store.get("k") == "new"


async def test_i02_a_load_whose_lease_is_gone_does_not_renew_the_next_ones(
    new_store: NewStore, prefix: str
) -> None:
    old, new, name = AsyncSource("old", held=1), AsyncSource("new"), f"{prefix}:cache:k"
    here, there = (new_store(lease="300ms") for _ in range(2))
    first = asking(here, old)
    await old.begun[0].wait()
    await there.delete("k")
    await there._entries.acquire(name, b"crashed!", 300, fresh_at_most=0, spares_failed=False)

    assert await asking(there, new).result() == "new"

    old.gates[0].open()
    assert await first.result() == "old"


async def test_i03_a_load_that_renews_its_lease_is_overtaken_as_any(new_store: NewStore) -> None:
    old, new = AsyncSource("old", held=1), AsyncSource("new")
    here, there = (new_store(lease="60ms") for _ in range(2))
    first = asking(here, old)
    await old.begun[0].wait()
    await async_pass_time(0.2)

    await there.delete("k")
    late = [asking(store, new) for store in (here, there)]
    assert await late[1].result() == "new"
    await async_pass_time(0.2)
    old.gates[0].open()

    assert (await first.result(), await late[0].result()) == ("old", "new")
    assert await here.get("k") == "new"
