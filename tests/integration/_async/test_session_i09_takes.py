"""I9: of all who take a value, one gets it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from modkit_redis.contract import SessionPatch
from tests.caching import async_at_once
from tests.sessions import Looker, NewSessions, not_of_a_naive_store


@not_of_a_naive_store
async def test_i09_of_two_requests_that_have_loaded_a_value_one_takes_it(new_sessions: NewSessions) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.create({"state": "secret", "kept": 1})

    async with store.open(token) as first, other.open(token) as second:
        taken = [await first.take("state"), await second.take("state", "nothing")]

    assert taken == ["secret", "nothing"]
    assert (await store.load(token)).data == {"kept": 1}


@not_of_a_naive_store
async def test_i09_a_value_that_was_read_or_changed_inside_is_taken_once_all_the_same(
    new_sessions: NewSessions,
) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.create({"flash": ["hello"]})

    async with store.open(token) as first, other.open(token) as second:
        assert first["flash"] == second["flash"] == ["hello"]
        second["flash"].append("more")
        taken = [await first.take("flash"), await second.take("flash")]

    assert taken == [["hello"], None]
    assert (await store.load(token)).data == {}


async def test_i09_what_was_changed_inside_before_it_is_taken_is_not_lost(new_sessions: NewSessions) -> None:
    store = new_sessions()
    token = await store.create({"flash": ["hello"]})

    async with store.open(token) as session:
        session["flash"].append("more")
        taken = await session.take("flash")

    assert taken == ["hello", "more"]
    assert (await store.load(token)).data == {}


@pytest.mark.parametrize("way", ["session", "store"])
async def test_i09_of_many_who_take_at_the_same_time_one_gets_it(
    new_sessions: NewSessions, look: Looker, way: str
) -> None:
    stores = [new_sessions() for _ in range(2)]
    token = await stores[0].create({"kept": 1})

    async def take(store: Any) -> Any:
        if way == "store":
            return (await store.save(token, SessionPatch(takes=["state", "kept"]))).taken.get("state")
        async with store.open(token) as session:
            return await session.take("state")

    for number in range(5):
        await stores[0].save(token, SessionPatch(sets={"state": f"s{number}", "kept": 1}))
        taken = await async_at_once([partial(take, store) for store in stores * 4])

        assert sorted(taken, key=str) == [None] * 7 + [f"s{number}"]
        assert ".state" not in look.values(token)


async def test_i09_a_take_returns_the_values_in_their_places(new_sessions: NewSessions) -> None:
    store = new_sessions()
    token = await store.create({"a": 1, "c": None, "d": "x", "kept": 0})

    saved = await store.save(token, SessionPatch(sets={"e": 1}, deletes=["d"], takes=["c", "b", "a", "f"]))

    assert saved.taken == {"a": 1, "c": None}
    assert (await store.load(token)).data == {"kept": 0, "e": 1}


async def test_i09_what_is_set_after_a_take_is_saved(new_sessions: NewSessions) -> None:
    store = new_sessions()
    token = await store.create({"state": 1})

    async with store.open(token) as session:
        assert await session.take("state") == 1
        assert "state" not in session
        session["state"] = 2

    assert (await store.load(token)).data == {"state": 2}
