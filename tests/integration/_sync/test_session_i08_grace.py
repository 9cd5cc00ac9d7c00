# Generated from ../_async/test_session_i08_grace.py by .ci/unasync.py; do not edit.
"""I8: a token replaced with a grace works for a while, then is reported, and never replaces another."""

from __future__ import annotations

from typing import Any

import pytest

from modkit_redis.contract import SessionLostError, SessionPatch
from tests.caching import at_once, until
from tests.sessions import Looker, NewSessions, Told, not_of_a_naive_store, opened


@not_of_a_naive_store
def test_i08_the_old_token_reads_and_writes_in_its_grace(new_sessions: NewSessions) -> None:
    store = new_sessions()
    old = store.create({"n": 1, "x": 1})
    new = (store.save(old, SessionPatch(sets={"n": 2}), rotate=True, grace=60)).token

    found = store.load(old)
    assert found is not None and found.is_retiring and found.data == {"n": 2, "x": 1}
    saved = store.save(old, SessionPatch(sets={"a": 1}, takes=["x"]))

    assert saved.taken == {"x": 1}
    assert saved.token == old
    present = store.load(new)
    assert (present.is_retiring, present.data) == (False, {"n": 2, "a": 1})


@not_of_a_naive_store
@pytest.mark.parametrize("grace", [None, 60])
def test_i08_in_its_grace_it_does_not_replace_the_token_again(
    new_sessions: NewSessions, look: Looker, grace: int | None
) -> None:
    store = new_sessions()
    old = store.create({"n": 1})
    new = (store.save(old, SessionPatch(), rotate=True, grace=60)).token
    before = look.admin.keys(f"{look.key(old)}*")

    with pytest.raises(SessionLostError, match="its token was replaced"):
        store.save(old, SessionPatch(sets={"n": 2}), rotate=True, grace=grace)

    assert (store.load(new)).data == {"n": 1}
    assert look.admin.keys(f"{look.key(old)}*") == before


def test_i08_in_its_grace_it_signs_nobody_in(new_sessions: NewSessions, look: Looker) -> None:
    store = new_sessions()
    old = store.create({"n": 1})
    store.save(old, SessionPatch(), rotate=True, grace=60)
    before = look.fields(old)

    with pytest.raises(SessionLostError):
        store.bind(old, "anna")

    assert look.fields(old) == before
    assert store.sessions_of("anna") == []


def test_i08_in_its_grace_it_ends_the_session(new_sessions: NewSessions, look: Looker) -> None:
    told = Told()
    store = new_sessions(events=told)
    old = store.create({"n": 1})
    store.save(old, SessionPatch(), rotate=True, grace=60)

    store.destroy(old)

    assert look.keys() == []
    assert told.kinds()[-1] == "destroyed"


def test_i08_after_its_grace_it_is_refused_and_reported(new_sessions: NewSessions, look: Looker) -> None:
    told = Told()
    store = new_sessions(events=told)
    old = store.create({"n": 1})
    new = (store.save(old, SessionPatch(), rotate=True, grace=0.03)).token
    over = look.number(old, "pu")
    assert over - look.now_ms() <= 30
    until(lambda: look.now_ms() > over, "the grace is over")
    before = look.fields(old)
    told.clear()

    assert store.load(old) is None
    for rotate in (False, True):
        with pytest.raises(SessionLostError) as caught:
            store.save(old, SessionPatch(sets={"m": 2}, takes=["n"]), rotate=rotate)
        assert caught.value.reason == "retired"

    assert told.kinds() == ["reuse", "reuse", "lost", "reuse", "lost"]
    assert look.fields(old) == before
    assert (store.load(new)).data == {"n": 1}


def test_i08_a_rotation_without_a_grace_ends_that_of_an_older_token(new_sessions: NewSessions) -> None:
    store = new_sessions()
    first = store.create({"n": 1})
    second = (store.save(first, SessionPatch(), rotate=True, grace=60)).token

    third = (store.save(second, SessionPatch(), rotate=True)).token

    assert [store.load(token) is not None for token in (first, second, third)] == [False, False, True]


def test_i08_reading_and_touching_with_the_old_token_does_not_prolong_its_grace(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions(idle_ttl="10m", touch_interval="1ms")
    old = store.create({"n": 1})
    store.save(old, SessionPatch(), rotate=True, grace=60)
    until = look.number(old, "pu")

    for number in range(3):
        store.load(old)
        store.save(old, SessionPatch(sets={"n": number}))

    assert look.number(old, "pu") == until


def make_due(look: Looker, token: str) -> None:
    """Let the token be an hour old."""
    look.admin.hset(look.key(token), "r", look.now_ms() - 3_600_000)


def test_i08_renewal_in_parallel_requests_loses_no_write_and_replaces_the_token_once(
    new_sessions: NewSessions, look: Looker
) -> None:
    told = Told()
    stores = [new_sessions(events=told, renewal_interval="10m") for _ in range(2)]
    old = stores[0].create({"start": 0})
    make_due(look, old)
    sessions = [opened(stores[number % 2], old) for number in range(8)]
    for number, session in enumerate(sessions):
        session[f"k{number}"] = number

    outcomes = at_once([session.save for session in sessions])

    [new] = {session.token for session in sessions} - {old}
    assert outcomes == [None] * 8
    assert [session.token for session in sessions].count(new) == 1
    assert look.number(old, "g") == told.kinds().count("rotated") == 1
    found = stores[0].load(new)
    assert found.data == {"start": 0, **{f"k{number}": number for number in range(8)}}
    assert (stores[0].load(old)).is_retiring


def test_i08_a_request_that_changes_nothing_renews_the_token_too(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions(renewal_interval="10m", renewal_grace="1m")
    old = store.create({"n": 1})
    make_due(look, old)

    with store.open(old):
        pass
    with store.open(old) as late:
        late["n"] = 2
    with store.open(late.token) as again:
        assert again["n"] == 2

    assert late.token == again.token == old
    assert look.number(old, "g") == 1
    assert 0 < look.number(old, "pu") - look.now_ms() <= 60_000


@pytest.mark.parametrize("age", ["new", "renewed"])
def test_i08_a_token_that_is_not_old_is_not_renewed(
    new_sessions: NewSessions, look: Looker, age: str
) -> None:
    store = new_sessions(renewal_interval="10m")
    token = store.create({"n": 1})
    if age == "renewed":
        make_due(look, token)
        with store.open(token) as session:
            session["n"] = 2
        assert session.token and session.token != token
        token = session.token

    with store.open(token) as session:
        session["n"] = 3

    assert session.token == token
    assert look.number(token, "g") == (age == "renewed")


def test_i08_a_change_of_rights_in_a_request_that_is_due_leaves_no_grace(
    new_sessions: NewSessions, look: Looker
) -> None:
    store: Any = new_sessions(renewal_interval="10m")
    old = store.create({"n": 1})
    make_due(look, old)

    with store.open(old) as session:
        session.rotate()

    assert store.load(old) is None
    assert store.load(session.token) is not None
    assert look.number(old, "g") == 1


def test_i08_a_token_that_was_replaced_with_a_long_grace_is_not_renewed(
    new_sessions: NewSessions, look: Looker
) -> None:
    store: Any = new_sessions(renewal_interval="10m")
    old = store.create({"n": 1})
    store.save(old, SessionPatch(), rotate=True, grace=7200)
    make_due(look, old)
    before = look.fields(old)

    with store.open(old) as session:
        assert session["n"] == 1

    assert look.fields(old) == before
