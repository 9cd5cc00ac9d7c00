"""I10: how many commands and round trips each call takes, counted at the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.testing import EmbeddedServer
from tests.cache_keys import Counter, async_idle
from tests.crews import AsyncJob, AsyncSource, Told, async_pass_time, async_until

WAYS = {
    "default": {},
    "stale_for": {"stale_for": "60s"},
    "stale_if_error": {"stale_if_error": "60s"},
    "early_refresh": {"early_refresh": True},
    "generations": {"generations": True},
    "all": {"stale_for": "60s", "early_refresh": True, "generations": True},
}
every_way = pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)


@every_way
async def test_i10_a_hit_is_one_round_trip(
    warm: Callable[..., Any], count: Counter, settings: dict[str, object]
) -> None:
    store, source = await warm(**settings), AsyncSource("new")
    await store.set("k", "stored")

    count.begin()
    assert await store.get("k") == "stored"
    got = count.spent()
    assert await store.get_or_set("k", source.load) == "stored"
    loaded = count.spent()

    assert (got[0], loaded[0]) == (1, 1)
    assert got[1] == loaded[1]
    if not settings:
        assert got[1] == ["GET"]
    assert source.loads == 0


async def test_i10_the_first_hit_of_a_store_with_a_grace_is_one_round_trip_too(
    own_server: EmbeddedServer, new_store: Callable[..., AsyncRedisCacheStore], count: Counter
) -> None:
    store, source = new_store(addr=own_server.addr, stale_for="60s"), AsyncSource("new")
    await store.set("k", "stored")

    count.begin()
    assert await store.get("k") == "stored"
    assert await store.get_or_set("k", source.load) == "stored"

    assert count.spent() == (2, ["PTTL", "GET"] * 2)


@every_way
async def test_i10_a_miss_is_three_round_trips_at_most(
    warm: Callable[..., Any], count: Counter, settings: dict[str, object]
) -> None:
    store, source = await warm(**settings), AsyncSource("new")

    count.begin()
    assert await store.get("k", "nothing") == "nothing"
    missed = count.spent()
    await store.get_or_set("k", source.load)
    loaded = count.spent()

    assert missed[0] == 1
    assert loaded[0] == 3
    assert loaded[1][-2:] == ["EVALSHA"] * 2


async def test_i10_entries_with_a_grace_cost_a_store_without_one_a_round_trip_once(
    warm: Callable[..., Any], count: Counter
) -> None:
    store, other = await warm(), await warm(stale_for="60s")
    await other.set_many({"k": 1, "l": 2})

    count.begin()
    assert await store.get("k") == 1
    first = count.spent()
    assert (await store.get("l"), await store.get_many(["k", "l"])) == (2, [1, 2])
    later = count.spent()

    assert (first[0], later[0]) == (2, 2)


async def test_i10_a_stale_hit_is_one_round_trip_before_the_answer_and_two_behind_it(
    warm: Callable[..., Any], count: Counter
) -> None:
    store, source = await warm(stale_for="60s"), AsyncSource("new", held=1)
    await store.set("k", "first", ttl=0.02)
    await async_pass_time(0.03)

    count.begin()
    assert await store.get_or_set("k", source.load) == "first"
    await source.begun[0].wait()
    before = count.spent()
    for _ in range(5):
        assert await store.get_or_set("k", source.load) == "first"
    await async_pass_time()
    meanwhile = count.spent()
    source.gates[0].open()
    await async_idle(store)
    behind = count.spent()

    assert before == (2, ["PTTL", "GET", "EVALSHA"])
    assert meanwhile == (5, ["PTTL", "GET"] * 5)  # nobody else asks for the lease
    assert behind == (1, ["EVALSHA"])


async def test_i10_who_waits_for_another_process_asks_once_for_each_poll(
    warm: Callable[..., Any], count: Counter
) -> None:
    told, source = Told(), AsyncSource("new", held=1)
    here, there = await warm(lease="60s"), await warm(lease="60s", events=told)
    told.clear()
    job = AsyncJob(lambda: here.get_or_set("k", source.load))
    await source.begun[0].wait()

    count.begin()
    waiting = [AsyncJob(lambda: there.get_or_set("k", source.load))]
    await async_pass_time(0.3)
    trips, commands = count.spent()
    waiting += [AsyncJob(lambda: there.get_or_set("k", source.load)) for _ in range(5)]
    await async_until(lambda: told.times("miss") == 6, "all wait")
    await async_pass_time(0.3)
    _, more = count.spent()
    source.gates[0].open()
    await job.result()
    assert [await each.result() for each in waiting] == ["new"] * 6

    assert commands[0] == "GET"
    assert set(commands[1:]) == {"EVALSHA"}
    assert 3 <= len(commands) <= 40  # never more often than each 5 ms
    assert abs(trips - len(commands)) <= 1  # one may come between the two questions
    assert more.count("GET") == 5
    assert 2 <= more.count("EVALSHA") <= 12  # one asks for all, and the longer it waits the less often


async def test_i10_who_joins_a_load_in_this_process_asks_once(
    warm: Callable[..., Any], count: Counter
) -> None:
    told, source = Told(), AsyncSource("new", held=1)
    store = await warm(events=told)
    told.clear()

    count.begin()
    jobs = [AsyncJob(lambda: store.get_or_set("k", source.load))]
    await source.begun[0].wait()
    jobs += [AsyncJob(lambda: store.get_or_set("k", source.load)) for _ in range(4)]
    await async_until(lambda: told.times("miss") == 5, "all wait")
    await async_pass_time()
    source.gates[0].open()
    assert [await job.result() for job in jobs] == ["new"] * 5

    _, commands = count.spent()
    assert (commands.count("GET"), commands.count("EVALSHA")) == (5, 2)


async def test_i10_other_calls_are_one_round_trip(warm: Callable[..., Any], count: Counter) -> None:
    store = await warm()

    count.begin()
    trips = []
    acts: list[Callable[[], Any]] = [
        lambda: store.set("k", 1),
        lambda: store.set("k", 1, only_if="present"),
        lambda: store.ttl("k"),
        lambda: store.touch("k"),
        lambda: store.delete("k"),
    ]
    for act in acts:
        await act()
        trips.append(count.spent()[0])

    assert trips == [1] * 5
