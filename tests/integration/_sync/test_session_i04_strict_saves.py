# Generated from ../_async/test_session_i04_strict_saves.py by .ci/unasync.py; do not edit.
"""I4: of strict saves, the final count is that of the acknowledged increments."""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import partial
from typing import Any

import pytest

from modkit_redis.contract import SessionConflictError, SessionLostError, SessionPatch
from tests.caching import at_once
from tests.sessions import Looker, NewSessions, Told, not_of_a_naive_store


def increment(values: MutableMapping[str, Any]) -> int:
    values["n"] += 1
    count: int = values["n"]
    return count


@not_of_a_naive_store
def test_i04_a_save_that_expects_an_older_version_changes_nothing(
    new_sessions: NewSessions, look: Looker
) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"n": 0})
    version = (store.load(token)).version
    other.save(token, SessionPatch(sets={"n": 1}), expect=version)
    before = look.fields(token)

    with pytest.raises(SessionConflictError):
        store.save(token, SessionPatch(sets={"n": 5}, takes=["n2"]), expect=version, rotate=True)

    assert look.fields(token) == before
    assert (store.load(token)).data == {"n": 1}


@pytest.mark.parametrize(
    "patch",
    [SessionPatch(), SessionPatch(sets={"a": 1}), SessionPatch(deletes=["n"]), SessionPatch(takes=["n"])],
    ids=["nothing", "sets", "deletes", "takes"],
)
def test_i04_every_save_is_a_new_version(new_sessions: NewSessions, patch: SessionPatch) -> None:
    store = new_sessions()
    token = store.create({"n": 0})
    version = (store.load(token)).version

    saved = store.save(token, patch, expect=version)

    assert saved.version == version + 1
    assert (store.load(token)).version == version + 1
    with pytest.raises(SessionConflictError):
        store.save(token, patch, expect=version)


def test_i04_an_expected_version_does_not_make_a_replaced_token_work(new_sessions: NewSessions) -> None:
    store = new_sessions()
    old = store.create({"n": 0})
    saved = store.save(old, SessionPatch(), rotate=True)

    with pytest.raises(SessionLostError):
        store.save(old, SessionPatch(sets={"n": 1}), expect=saved.version)

    assert (store.load(saved.token)).data == {"n": 0}


@not_of_a_naive_store
def test_i04_increments_in_transactions_are_all_counted(
    new_sessions: NewSessions,
) -> None:
    told = Told()
    stores = [new_sessions(events=told) for _ in range(2)]
    token = stores[0].create({"n": 0, "other": 1})

    def increment_often(number: int) -> list[int]:
        with stores[number % 2].open(token) as session:
            return [session.transact(increment, attempts=1000) for _ in range(6)]

    outcomes = at_once([partial(increment_often, number) for number in range(6)])

    counted = sorted(each for counts in outcomes if isinstance(counts, list) for each in counts)
    assert (stores[0].load(token)).data == {"n": 36, "other": 1}
    assert counted == list(range(1, 37))
    assert "conflict" in told.kinds()


def test_i04_a_transaction_that_always_comes_late_says_so_and_changes_nothing(
    new_sessions: NewSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"n": 0})
    find, tries = store._keeper.must_find, []

    def slow_find(credential: Any) -> Any:
        found = find(credential)
        tries.append(other.save(token, SessionPatch(sets={"n": 10})))
        return found

    with store.open(token) as session:
        monkeypatch.setattr(store._keeper, "must_find", slow_find)
        with pytest.raises(SessionConflictError):
            session.transact(increment, attempts=3)

    assert len(tries) == 3
    assert (other.load(token)).data == {"n": 10}


def test_i04_a_transaction_keeps_what_the_request_has_not_saved_yet(new_sessions: NewSessions) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"n": 0, "list": [1], "x": 1})

    with store.open(token) as session:
        session["own"] = 1
        session["list"].append(2)
        del session["x"]
        other.save(token, SessionPatch(sets={"theirs": 1}))
        assert session.transact(increment) == 1
        assert dict(session) == {"n": 1, "list": [1, 2], "own": 1, "theirs": 1}
        assert (other.load(token)).data == {"n": 1, "list": [1], "x": 1, "theirs": 1}

    assert (other.load(token)).data == {"n": 1, "list": [1, 2], "own": 1, "theirs": 1}


def test_i04_what_others_changed_is_seen_after_a_transaction_and_own_changes_stay(
    new_sessions: NewSessions,
) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"n": 0, "own": [1], "read": [1], "gone": 1})

    with store.open(token) as session:
        session["own"].append(2)
        assert (session["read"], session["gone"]) == ([1], 1)
        other.save(token, SessionPatch({"own": [9], "read": [9]}, deletes=["gone"]))
        session.transact(increment)
        assert dict(session) == {"n": 1, "own": [1, 2], "read": [9]}

    assert (other.load(token)).data == {"n": 1, "own": [1, 2], "read": [9]}


def test_i04_what_others_removed_too_need_not_be_removed_after_a_transaction(
    new_sessions: NewSessions, look: Looker
) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"n": 0, "gone": 1})

    with store.open(token) as session:
        del session["gone"]
        other.save(token, SessionPatch(deletes=["gone"]))
        session.transact(increment)
        version = look.number(token, "v")

    assert look.number(token, "v") == version


@pytest.mark.parametrize("call", ["transact", "take"])
def test_after_a_session_was_lost_the_end_of_the_block_says_nothing_more(
    new_sessions: NewSessions, call: str
) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create({"n": 0})

    with store.open(token) as session:
        session["own"] = 1
        other.destroy(token)
        with pytest.raises(SessionLostError):
            (session.transact(increment) if call == "transact" else session.take("n"))

    assert other.load(token) is None
