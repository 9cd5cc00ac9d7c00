# Generated from ../_async/test_session_i09_takes.py by .ci/unasync.py; do not edit.
"""I9: of all who take a value, one gets it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from modkit_redis.contract import SessionPatch
from tests.caching import at_once
from tests.sessions import Looker, NewSessions, not_of_a_naive_store


@not_of_a_naive_store
def test_i09_of_two_requests_that_have_loaded_a_value_one_takes_it(new_sessions: NewSessions) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"state": "secret", "kept": 1})

    with store.open(token) as first, other.open(token) as second:
        taken = [first.take("state"), second.take("state", "nothing")]

    assert taken == ["secret", "nothing"]
    assert (store.load(token)).data == {"kept": 1}


@not_of_a_naive_store
def test_i09_a_value_that_was_read_or_changed_inside_is_taken_once_all_the_same(
    new_sessions: NewSessions,
) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"flash": ["hello"]})

    with store.open(token) as first, other.open(token) as second:
        assert first["flash"] == second["flash"] == ["hello"]
        second["flash"].append("more")
        taken = [first.take("flash"), second.take("flash")]

    assert taken == [["hello"], None]
    assert (store.load(token)).data == {}


def test_i09_what_was_changed_inside_before_it_is_taken_is_not_lost(new_sessions: NewSessions) -> None:
    store = new_sessions()
    token = store.create({"flash": ["hello"]})

    with store.open(token) as session:
        session["flash"].append("more")
        taken = session.take("flash")

    assert taken == ["hello", "more"]
    assert (store.load(token)).data == {}


@pytest.mark.parametrize("way", ["session", "store"])
def test_i09_of_many_who_take_at_the_same_time_one_gets_it(
    new_sessions: NewSessions, look: Looker, way: str
) -> None:
    stores = [new_sessions() for _ in range(2)]
    token = stores[0].create({"kept": 1})

    def take(store: Any) -> Any:
        if way == "store":
            return (store.save(token, SessionPatch(takes=["state", "kept"]))).taken.get("state")
        with store.open(token) as session:
            return session.take("state")

    for number in range(5):
        stores[0].save(token, SessionPatch(sets={"state": f"s{number}", "kept": 1}))
        taken = at_once([partial(take, store) for store in stores * 4])

        assert sorted(taken, key=str) == [None] * 7 + [f"s{number}"]
        assert ".state" not in look.values(token)


def test_i09_a_take_returns_the_values_in_their_places(new_sessions: NewSessions) -> None:
    store = new_sessions()
    token = store.create({"a": 1, "c": None, "d": "x", "kept": 0})

    saved = store.save(token, SessionPatch(sets={"e": 1}, deletes=["d"], takes=["c", "b", "a", "f"]))

    assert saved.taken == {"a": 1, "c": None}
    assert (store.load(token)).data == {"kept": 0, "e": 1}


def test_i09_what_is_set_after_a_take_is_saved(new_sessions: NewSessions) -> None:
    store = new_sessions()
    token = store.create({"state": 1})

    with store.open(token) as session:
        assert session.take("state") == 1
        assert "state" not in session
        session["state"] = 2

    assert (store.load(token)).data == {"state": 2}
