"""I3: what was written under distinct keys is visible, however many wrote at the same time."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from modkit_redis.contract import ArgumentError, SessionPatch
from tests.caching import async_at_once
from tests.sessions import NewSessions, not_of_a_naive_store


@not_of_a_naive_store
async def test_i03_two_requests_that_change_different_keys_both_win(new_sessions: NewSessions) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.create({"kept": 0, "a": 1, "b": [1], "gone": 1})

    async with store.open(token) as first, other.open(token) as second:
        first["a"] = 2
        first["new"] = (1, 2)
        second["b"].append(2)
        del second["gone"]

    assert (await store.load(token)).data == {"kept": 0, "a": 2, "b": [1, 2], "new": (1, 2)}


@not_of_a_naive_store
async def test_i03_what_was_only_read_is_not_written_back(new_sessions: NewSessions) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.create({"a": [1], "b": {"c": 1}, "n": 1})

    async with store.open(token) as slow:
        assert (slow["a"], slow["b"], slow["n"]) == ([1], {"c": 1}, 1)
        await other.save(token, SessionPatch(sets={"a": [2], "n": 2}, deletes=["b"]))
        slow["own"] = True

    assert (await store.load(token)).data == {"a": [2], "n": 2, "own": True}


@not_of_a_naive_store
async def test_i03_of_a_key_that_two_remove_and_set_the_later_save_counts(new_sessions: NewSessions) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.create({"a": 1, "b": 1})

    async with store.open(token) as first:
        async with other.open(token) as second:
            del second["a"]
            second["b"] = 2
        first["a"] = 3

    assert (await store.load(token)).data == {"a": 3, "b": 2}


async def test_i03_writes_at_the_same_time_are_all_visible(new_sessions: NewSessions) -> None:
    stores = [new_sessions() for _ in range(2)]
    token = await stores[0].create({"start": 0})
    before = (await stores[0].load(token)).version

    async def write(number: int) -> None:
        for count in range(5):
            async with stores[number % 2].open(token) as session:
                session[f"k{number}"] = count
            await stores[number % 2].save(token, SessionPatch(sets={f"s{number}": count}))

    outcomes = await async_at_once([partial(write, number) for number in range(8)])

    found: Any = await stores[0].load(token)
    assert outcomes == [None] * 8
    assert found.data == {"start": 0, **{f"{kind}{number}": 4 for kind in "ks" for number in range(8)}}
    assert found.version == before + 80


async def test_i03_a_patch_may_remove_as_many_keys_as_there_can_be(new_sessions: NewSessions) -> None:
    store = new_sessions(max_keys=1000)
    token = await store.create({"a": 1, "b": 1, "c": 1})
    names = [f"k{number}" for number in range(999)]

    saved = await store.save(token, SessionPatch({"c": 2}, deletes=[*names, "a"]))
    taken = (await store.save(token, SessionPatch(takes=[*names, "b"]), expect=saved.version)).taken

    with pytest.raises(ArgumentError, match="removes more than the 1000 keys"):
        await store.save(token, SessionPatch(deletes=[*names, "a"], takes=["b"]))

    assert taken == {"b": 1}
    assert (await store.load(token)).data == {"c": 2}
