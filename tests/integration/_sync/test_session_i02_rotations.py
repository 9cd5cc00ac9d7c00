# Generated from ../_async/test_session_i02_rotations.py by .ci/unasync.py; do not edit.
"""I2: a token that was replaced without a grace neither loads nor writes; of N who replace one, one does."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from modkit_redis.contract import SessionLostError, SessionPatch, SessionToken
from tests.caching import at_once
from tests.sessions import Looker, NewSessions, Told, not_of_a_naive_store, opened


@not_of_a_naive_store
def test_i02_a_request_under_way_with_the_old_token_writes_nothing_and_gets_none(
    new_sessions: NewSessions, look: Looker
) -> None:
    store, other = new_sessions(), new_sessions()
    old = store.create({"role": "guest"})

    slow = opened(store, old)
    with other.open(old) as quick:
        quick["role"] = "member"
        quick.rotate()
    slow["role"] = "admin"

    with pytest.raises(SessionLostError, match="its token was replaced"):
        slow.save()

    assert slow.token == old
    assert store.load(old) is None
    assert (store.load(quick.token)).data == {"role": "member"}
    assert look.keys() == [look.key(quick.token)]


@not_of_a_naive_store
@pytest.mark.parametrize("rotate", [False, True], ids=["", "rotate"])
def test_i02_the_store_refuses_a_replaced_token(
    new_sessions: NewSessions, look: Looker, rotate: bool
) -> None:
    store = new_sessions()
    old = store.create({"n": 1})
    saved = store.save(old, SessionPatch(sets={"n": 2}), rotate=True)
    before = look.admin.keys(f"{look.key(old)}*")

    for patch in (SessionPatch(sets={"n": 3}), SessionPatch(deletes=["n"]), SessionPatch(takes=["n"])):
        with pytest.raises(SessionLostError):
            store.save(old, patch, rotate=rotate)

    assert store.load(old) is None
    assert (store.load(saved.token)).data == {"n": 2}
    assert look.admin.keys(f"{look.key(old)}*") == before


def _take(session: Any) -> None:
    session.take("n")


def _transact(session: Any) -> None:
    session.transact(lambda values: values.update(n=2))


def _bind(session: Any) -> None:
    session.bind("anna")
    session.save()


@pytest.mark.parametrize("act", [_take, _transact, _bind], ids=["take", "transact", "bind"])
def test_i02_no_method_of_a_session_works_with_a_replaced_token(
    new_sessions: NewSessions, look: Looker, act: Any
) -> None:
    told = Told()
    store, other = new_sessions(events=told), new_sessions()
    old = store.create({"n": 1})
    slow = opened(store, old)
    other.save(old, SessionPatch(), rotate=True)
    before = look.fields(old)

    with pytest.raises(SessionLostError):
        act(slow)

    assert look.fields(old) == before
    assert "reuse" in told.kinds()


def test_i02_signing_in_replaces_the_token_at_once(new_sessions: NewSessions) -> None:
    store = new_sessions()
    old = store.create({"n": 1})

    new = store.bind(old, "anna")

    assert new != old
    assert new.handle == old.handle
    assert store.load(old) is None
    assert (store.load(new)).info.user == "anna"


def test_i02_a_replaced_token_is_reported_once_it_is_used_and_an_older_one_is_rejected(
    new_sessions: NewSessions,
) -> None:
    told = Told()
    store = new_sessions(events=told)
    first = store.create({})
    second = (store.save(first, SessionPatch(), rotate=True)).token
    store.save(second, SessionPatch(), rotate=True)
    told.clear()

    assert store.load(second) is None
    assert store.load(first) is None

    assert told.kinds() == ["reuse", "rejected"]


@not_of_a_naive_store
def test_i02_of_requests_that_all_have_loaded_it_one_replaces_the_token(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    old = store.create({"n": 1})
    sessions = [opened(store, old) for _ in range(8)]
    for session in sessions:
        session.rotate()

    outcomes = at_once([session.save for session in sessions])

    winners = [session for session in sessions if session.token != old]
    assert len(winners) == 1
    assert [type(each) for each in outcomes if each is not None] == [SessionLostError] * 7
    assert [store.load(session.token) is not None for session in sessions].count(True) == 1
    assert look.number(old, "g") == 1


def test_i02_of_rotations_at_the_same_time_one_wins_each_time(
    new_sessions: NewSessions, look: Looker
) -> None:
    stores = [new_sessions() for _ in range(2)]
    token = stores[0].create({"n": 1})
    for rotations in range(1, 9):

        def rotate(store: Any, token: str = token) -> SessionToken:
            saved = store.save(token, SessionPatch(), rotate=True)
            return SessionToken(saved.token)

        outcomes = at_once([partial(rotate, store) for store in stores * 3])

        [token] = [each for each in outcomes if isinstance(each, str)]
        assert [type(each) for each in outcomes].count(SessionLostError) == 5
        assert look.number(token, "g") == rotations
    assert (stores[0].load(token)).data == {"n": 1}
