# Generated from ../_async/test_session_i11_reads.py by .ci/unasync.py; do not edit.
"""I11: reads and touches change no value, and no version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sessions import Looker, NewSessions

DATA = {"text": "x", "list": [1, [2]], "map": {"a": {"b": 1}}, "pair": (1, "2"), "none": None}


def _load(store: Any, token: Any) -> None:
    store.load(token)


def _open(store: Any, token: Any) -> None:
    with store.open(token):
        pass


def _read_everything(store: Any, token: Any) -> None:
    with store.open(token) as session:
        assert dict(session) == DATA
        assert session.get("other") is None


def _assign_nothing_new_inside(store: Any, token: Any) -> None:
    with store.open(token) as session:
        session["list"].append(3)
        session["list"].pop()


def _fail(store: Any, token: Any) -> None:
    opening = store.open(token)
    session = opening.__enter__()
    session["list"].append(3)
    session["new"] = 1
    opening.__exit__(ZeroDivisionError, ZeroDivisionError(), None)


def _peek(store: Any, token: Any) -> None:
    store.peek(token.handle)


def _list(store: Any, token: Any) -> None:
    store.sessions_of("anna")


def _transact_nothing(store: Any, token: Any) -> None:
    with store.open(token) as session:
        assert session.transact(lambda values: values["text"]) == "x"


READS = [_load, _open, _read_everything, _assign_nothing_new_inside, _fail, _peek, _list, _transact_nothing]
every_read = pytest.mark.parametrize("read", READS, ids=lambda read: read.__name__.strip("_"))


@every_read
@pytest.mark.parametrize("is_due", [False, True], ids=["", "touched"])
def test_i11_a_read_changes_nothing_but_when_the_session_was_last_seen(
    new_sessions: NewSessions, look: Looker, read: Any, is_due: bool
) -> None:
    store = new_sessions()
    token = store.bind(store.create(DATA), "anna")
    look.age(token, 70_000 if is_due else 0)
    before = look.fields(token)

    read(store, token)

    after = look.fields(token)
    touched = after.pop("l") != before.pop("l")
    assert after == before
    assert touched == (is_due and read not in (_peek, _list))


@pytest.mark.parametrize("is_due", [False, True], ids=["", "touched"])
def test_i11_a_value_that_cannot_be_read_is_left_as_it_is(
    new_sessions: NewSessions, look: Looker, is_due: bool
) -> None:
    store = new_sessions()
    token = store.create({"n": 1, "bad": 1})
    look.admin.hset(look.key(token), ".bad", b"\xff\xfe")
    look.age(token, 70_000 if is_due else 0)
    before = look.values(token)

    with store.open(token) as session:
        assert dict(session) == {"n": 1}
    assert (store.load(token)).data == {"n": 1}

    assert look.values(token) == before
