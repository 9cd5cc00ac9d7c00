# Generated from ../_async/test_cache_i10_round_trips.py by .ci/unasync.py; do not edit.
"""I10: how many commands and round trips each call takes, counted at the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modkit_redis.cache import RedisCacheStore
from modkit_redis.client import RedisExecutor
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.cache_keys import Counter, idle
from tests.crews import Job, Source, Told, pass_time, until

NewStore = Callable[..., RedisCacheStore]
KEYS = [f"k{number}" for number in range(1001)]


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedServer]:
    """A server that nobody else uses meanwhile: its reads are counted."""
    with EmbeddedServer() as embedded:
        yield embedded


@pytest.fixture
def watch(own_server: EmbeddedServer, prefix: str) -> Iterator[ServerWatch]:
    with ServerWatch(own_server.addr, client_name=prefix) as watch:
        yield watch


@pytest.fixture
def count(watch: ServerWatch) -> Counter:
    return Counter(watch)


@pytest.fixture
def warm(own_server: EmbeddedServer, new_store: NewStore) -> Callable[..., Any]:
    def warm(**settings: object) -> RedisCacheStore:
        store = new_store(addr=own_server.addr, **settings)
        failing = Source()
        failing.fails = ZeroDivisionError()
        store.get_or_set("warm", Source("loaded").load)
        store.touch("warm")
        store.set("warm", 1, only_if="present")
        store.get_many(["warm"])  # learns that entries are kept for longer than their TTL
        with pytest.raises(ZeroDivisionError):
            store.get_or_set("warm too", failing.load)
        return store

    return warm


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
def test_i10_a_hit_is_one_round_trip(
    warm: Callable[..., Any], count: Counter, settings: dict[str, object]
) -> None:
    store, source = warm(**settings), Source("new")
    store.set("k", "stored")

    count.begin()
    assert store.get("k") == "stored"
    got = count.spent()
    assert store.get_or_set("k", source.load) == "stored"
    loaded = count.spent()

    assert (got[0], loaded[0]) == (1, 1)
    assert got[1] == loaded[1]
    if not settings:
        assert got[1] == ["GET"]
    assert source.loads == 0


@every_way
def test_i10_a_miss_is_three_round_trips_at_most(
    warm: Callable[..., Any], count: Counter, settings: dict[str, object]
) -> None:
    store, source = warm(**settings), Source("new")

    count.begin()
    assert store.get("k", "nothing") == "nothing"
    missed = count.spent()
    store.get_or_set("k", source.load)
    loaded = count.spent()

    assert missed[0] == 1
    assert loaded[0] == 3
    assert loaded[1][-2:] == ["EVALSHA"] * 2


def test_i10_entries_with_a_grace_cost_a_store_without_one_a_round_trip_once(
    warm: Callable[..., Any], count: Counter
) -> None:
    store, other = warm(), warm(stale_for="60s")
    other.set_many({"k": 1, "l": 2})

    count.begin()
    assert store.get("k") == 1
    first = count.spent()
    assert (store.get("l"), store.get_many(["k", "l"])) == (2, [1, 2])
    later = count.spent()

    assert (first[0], later[0]) == (2, 2)


def test_i10_a_stale_hit_is_one_round_trip_before_the_answer_and_two_behind_it(
    warm: Callable[..., Any], count: Counter
) -> None:
    store, source = warm(stale_for="60s"), Source("new", held=1)
    store.set("k", "first", ttl=0.02)
    pass_time(0.03)

    count.begin()
    assert store.get_or_set("k", source.load) == "first"
    source.begun[0].wait()
    before = count.spent()
    source.gates[0].open()
    idle(store)
    behind = count.spent()

    assert before == (2, ["PTTL", "GET", "EVALSHA"])
    assert behind == (1, ["EVALSHA"])


def test_i10_who_waits_for_another_process_asks_once_for_each_poll(
    warm: Callable[..., Any], count: Counter
) -> None:
    told, source = Told(), Source("new", held=1)
    here, there = warm(lease="60s"), warm(lease="60s", events=told)
    told.clear()
    job = Job(lambda: here.get_or_set("k", source.load))
    source.begun[0].wait()

    count.begin()
    waiting = [Job(lambda: there.get_or_set("k", source.load))]
    pass_time(0.3)
    trips, commands = count.spent()
    waiting += [Job(lambda: there.get_or_set("k", source.load)) for _ in range(5)]
    until(lambda: told.times("miss") == 6, "all wait")
    pass_time(0.3)
    _, more = count.spent()
    source.gates[0].open()
    job.result()
    assert [each.result() for each in waiting] == ["new"] * 6

    assert commands[0] == "GET"
    assert set(commands[1:]) == {"EVALSHA"}
    assert 3 <= len(commands) <= 40  # never more often than each 5 ms
    assert trips == len(commands)
    assert more.count("GET") == 5
    assert 2 <= more.count("EVALSHA") <= 12  # one asks for all, and the longer it waits the less often


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The commands of each exchange with Redis; those above 16 kB the server does not read in one piece."""
    seen: list[int] = []
    send = RedisExecutor._send

    def counted(self: RedisExecutor, commands: Any, *args: Any) -> Any:
        seen.append(len(commands))
        return send(self, commands, *args)

    monkeypatch.setattr(RedisExecutor, "_send", counted)
    return seen


@every_way
def test_i10_bulk_operations_are_a_round_trip_for_500_keys(
    warm: Callable[..., Any], count: Counter, exchanges: list[int], settings: dict[str, object]
) -> None:
    store = warm(**settings)
    spent = dict[str, list[int]](set=[], get=[], delete=[])

    def note(what: str) -> None:
        spent[what].append(len(exchanges))
        exchanges.clear()

    count.begin()
    exchanges.clear()
    for size in (1, 500, 501, 1001):
        store.set_many(dict.fromkeys(KEYS[:size], 1))
        note("set")
        assert store.get_many(KEYS[:size]) == [1] * size
        note("get")
        assert store.delete(*KEYS[:size]) == size
        note("delete")
    _, commands = count.spent()

    assert spent == {"set": [1, 1, 2, 3], "get": [1, 1, 2, 3], "delete": [1, 1, 1, 1]}
    assert commands.count("MGET") == commands.count("UNLINK") == 1 + 1 + 2 + 3
    store.get_many([])
    store.set_many({})
    store.delete()
    assert count.spent() == (0, [])


def test_i10_other_calls_are_one_round_trip(warm: Callable[..., Any], count: Counter) -> None:
    store = warm()

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
        act()
        trips.append(count.spent()[0])

    assert trips == [1] * 5


def test_i10_clear_asks_for_1000_keys_at_a_time_and_removes_them_on_the_way(
    warm: Callable[..., Any], count: Counter, exchanges: list[int]
) -> None:
    store = warm()
    store.set_many(dict.fromkeys([f"c{number}" for number in range(3000)], 1))

    count.begin()
    exchanges.clear()
    store.clear()
    _, commands = count.spent()

    assert set(commands) == {"SCAN", "UNLINK"}
    assert commands.count("SCAN") <= 5
    assert len(exchanges) <= commands.count("SCAN") + 1


def test_i10_with_generations_clear_is_one_command(warm: Callable[..., Any], count: Counter) -> None:
    store = warm(generations=True)
    store.set_many(dict.fromkeys(KEYS, 1))

    count.begin()
    store.clear()

    assert count.spent() == (1, ["SET"])
