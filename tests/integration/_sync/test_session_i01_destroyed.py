# Generated from ../_async/test_session_i01_destroyed.py by .ci/unasync.py; do not edit.
"""I1: after a session was ended, no interleaving makes a load find it, or its key exist."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from modkit_redis.contract import SessionLostError, SessionPatch
from modkit_redis.session.tokens import Credential
from tests.caching import at_once
from tests.sessions import Looker, NewSessions, Told, not_of_a_naive_store, opened

BEFORE = {"n": 1, "cart": []}


def _set(session: Any) -> None:
    session["n"] = 2


def _set_inside(session: Any) -> None:
    session["cart"].append("book")


def _delete(session: Any) -> None:
    del session["n"]


def _rotate(session: Any) -> None:
    session.rotate()


def _rotate_with_grace(session: Any) -> None:
    session.rotate(grace=60)


def _bind(session: Any) -> None:
    session.bind("anna")


def _take(session: Any) -> None:
    session.take("n")


def _transact(session: Any) -> None:
    session.transact(lambda values: values.update(n=2))


def save_after(change: Any, session: Any) -> None:
    change(session)
    session.save()


CHANGES = [_set, _set_inside, _delete, _rotate, _rotate_with_grace, _bind, _take, _transact]
every_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))


@not_of_a_naive_store
@every_change
def test_i01_a_request_under_way_does_not_bring_a_destroyed_session_back(
    new_sessions: NewSessions, look: Looker, change: Any
) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create(BEFORE)

    slow = opened(store, token)
    other.destroy(token)

    with pytest.raises(SessionLostError, match="it has ended"):
        save_after(change, slow)

    assert other.load(token) is None
    assert look.keys() == []


@not_of_a_naive_store
@every_change
def test_i01_nor_does_one_that_had_changed_it_before(
    new_sessions: NewSessions, look: Looker, change: Any
) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.create(BEFORE)

    slow = opened(store, token)
    save_after(change, slow)
    with other.open(slow.token) as quick:
        quick.destroy()
    slow["late"] = True

    with pytest.raises(SessionLostError):
        slow.save()

    assert look.keys() == []


@pytest.mark.parametrize("end", ["destroy", "revoke", "revoke_all"])
def test_i01_every_way_to_end_a_session_is_final(new_sessions: NewSessions, look: Looker, end: str) -> None:
    store, other = new_sessions(), new_sessions()
    token = store.bind(store.create(BEFORE), "anna")

    slow = opened(store, token)
    slow["n"] = 2
    named = {"destroy": token, "revoke": token.handle, "revoke_all": "anna"}[end]

    getattr(other, end)(named)

    with pytest.raises(SessionLostError, match="it has ended"):
        slow.save()

    assert other.load(token) is None
    assert look.keys() == []


@not_of_a_naive_store
def test_i01_the_store_does_not_change_a_session_that_has_ended(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    token = store.create(BEFORE)
    store.destroy(token)

    for patch in (
        SessionPatch(),
        SessionPatch(sets={"n": 2}),
        SessionPatch(deletes=["n"]),
        SessionPatch(takes=["n"]),
    ):
        for rotate in (False, True):
            with pytest.raises(SessionLostError):
                store.save(token, patch, rotate=rotate)

    assert look.keys() == []


def test_i01_a_touch_under_way_does_not_bring_it_back(
    new_sessions: NewSessions, look: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    store, other = new_sessions(events=told, touch_interval="1ms", idle_ttl="10m"), new_sessions()
    token = store.create(BEFORE)
    touch = store._keeper.records.touch

    def slow_touch(credential: Credential, due_ms: int) -> Any:
        other.destroy(token)
        return touch(credential, 0)

    monkeypatch.setattr(store._keeper.records, "touch", slow_touch)
    look.age(token, 60_000)

    assert store.load(token) is None
    assert look.keys() == []
    assert told.kinds() == ["created", "rejected"]


def test_i01_a_session_that_lost_its_ttl_ends_with_its_deadline(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    tokens = [store.create(BEFORE) for _ in range(2)]
    for token in tokens:
        look.admin.persist(look.key(token))
        look.admin.hset(look.key(token), "x", look.now_ms())

    with pytest.raises(SessionLostError):
        store.save(tokens[0], SessionPatch(sets={"n": 2}))
    assert store.load(tokens[1]) is None

    assert look.keys() == []


def test_i01_whoever_holds_only_a_replaced_token_can_end_the_session_and_that_is_reported(
    new_sessions: NewSessions, look: Looker
) -> None:
    told = Told()
    store = new_sessions(events=told)
    old = store.create(BEFORE)
    new = (store.save(old, SessionPatch(), rotate=True)).token

    store.destroy(old)

    assert look.keys() == []
    assert store.load(new) is None
    assert told.kinds() == ["created", "rotated", "reuse", "destroyed", "rejected"]


def test_i01_a_token_that_was_replaced_twice_ends_nothing(new_sessions: NewSessions, look: Looker) -> None:
    store = new_sessions()
    old = store.create(BEFORE)
    newer = (store.save(old, SessionPatch(), rotate=True)).token
    newest = (store.save(newer, SessionPatch(), rotate=True)).token

    store.destroy(old)

    assert look.keys() == [look.key(newest)]


@pytest.mark.parametrize("seed", range(5))
def test_i01_destroying_among_many_writers_is_final(
    new_sessions: NewSessions, look: Looker, seed: int
) -> None:
    chance = random.Random(seed)
    stores = [new_sessions() for _ in range(2)]
    token = stores[0].create(BEFORE)
    changes = [_set, _set_inside, _delete, _rotate_with_grace, _take, _transact]  # the token still works then

    def write(number: int) -> None:
        with stores[number % 2].open(token) as session:
            if session.token:
                changes[number % len(changes)](session)

    def end() -> None:
        stores[0].destroy(token)

    acts: list[Any] = [*[partial(write, number) for number in range(11)], end]
    chance.shuffle(acts)
    outcomes = at_once(acts)

    assert stores[0].load(token) is None
    assert look.keys() == []
    assert all(each is None or isinstance(each, SessionLostError | KeyError) for each in outcomes)
