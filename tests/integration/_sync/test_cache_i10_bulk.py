# Generated from ../_async/test_cache_i10_bulk.py by .ci/unasync.py; do not edit.
"""I10: how many commands and round trips it takes to do something with many keys."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from modkit_redis.client import RedisExecutor
from tests.cache_keys import Counter

KEYS = [f"k{number}" for number in range(1001)]
WAYS = {
    "default": {},
    "stale_for": {"stale_for": "60s"},
    "stale_if_error": {"stale_if_error": "60s"},
    "early_refresh": {"early_refresh": True},
    "generations": {"generations": True},
    "all": {"stale_for": "60s", "early_refresh": True, "generations": True},
}
every_way = pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The commands of each exchange with Redis; those above 16 kB the server does not read in one piece."""
    seen: list[int] = []
    module: Any = sys.modules[RedisExecutor.__module__]
    exchange = module.exchange

    def counted(pool: Any, commands: Any, *args: Any) -> Any:
        seen.append(len(commands))
        return exchange(pool, commands, *args)

    monkeypatch.setattr(module, "exchange", counted)
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
