# Generated from ../_async/test_session_i03_merges.py by .ci/unasync.py; do not edit.
"""I3: what was written under distinct keys is visible, however many wrote at the same time."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from modkit_redis.contract import ArgumentError, SessionPatch
from tests.caching import at_once
from tests.sessions import NewSessions, not_of_a_naive_store


@not_of_a_naive_store
def test_i03_two_requests_that_change_different_keys_both_win(new_sessions: NewSessions) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"kept": 0, "a": 1, "b": [1], "gone": 1})

    with store.open(token) as first, other.open(token) as second:
        first["a"] = 2
        first["new"] = (1, 2)
        second["b"].append(2)
        del second["gone"]

    assert (store.load(token)).data == {"kept": 0, "a": 2, "b": [1, 2], "new": (1, 2)}


@not_of_a_naive_store
def test_i03_what_was_only_read_is_not_written_back(new_sessions: NewSessions) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"a": [1], "b": {"c": 1}, "n": 1})

    with store.open(token) as slow:
        assert (slow["a"], slow["b"], slow["n"]) == ([1], {"c": 1}, 1)
        other.save(token, SessionPatch(sets={"a": [2], "n": 2}, deletes=["b"]))
        slow["own"] = True

    assert (store.load(token)).data == {"a": [2], "n": 2, "own": True}


@not_of_a_naive_store
def test_i03_of_a_key_that_two_remove_and_set_the_later_save_counts(new_sessions: NewSessions) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"a": 1, "b": 1})

    with store.open(token) as first:
        with other.open(token) as second:
            del second["a"]
            second["b"] = 2
        first["a"] = 3

    assert (store.load(token)).data == {"a": 3, "b": 2}


def test_i03_writes_at_the_same_time_are_all_visible(new_sessions: NewSessions) -> None:
    stores = [new_sessions() for _ in range(2)]
    token = stores[0].create({"start": 0})
    before = (stores[0].load(token)).version

    def write(number: int) -> None:
        for count in range(5):
            with stores[number % 2].open(token) as session:
                session[f"k{number}"] = count
            stores[number % 2].save(token, SessionPatch(sets={f"s{number}": count}))

    outcomes = at_once([partial(write, number) for number in range(8)])

    found: Any = stores[0].load(token)
    assert outcomes == [None] * 8
    assert found.data == {"start": 0, **{f"{kind}{number}": 4 for kind in "ks" for number in range(8)}}
    assert found.version == before + 80


def test_i03_a_patch_may_remove_as_many_keys_as_there_can_be(new_sessions: NewSessions) -> None:
    store = new_sessions(max_keys=1000)
    token = store.create({"a": 1, "b": 1, "c": 1})
    names = [f"k{number}" for number in range(999)]

    saved = store.save(token, SessionPatch({"c": 2}, deletes=[*names, "a"]))
    taken = (store.save(token, SessionPatch(takes=[*names, "b"]), expect=saved.version)).taken

    with pytest.raises(ArgumentError, match="removes more than the 1000 keys"):
        store.save(token, SessionPatch(deletes=[*names, "a"], takes=["b"]))

    assert taken == {"b": 1}
    assert (store.load(token)).data == {"c": 2}
