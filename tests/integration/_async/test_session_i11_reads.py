"""I11: reads and touches change no value, and no version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sessions import Looker, NewSessions

DATA = {"text": "x", "list": [1, [2]], "map": {"a": {"b": 1}}, "pair": (1, "2"), "none": None}


async def _load(store: Any, token: Any) -> None:
    await store.load(token)


async def _open(store: Any, token: Any) -> None:
    async with store.open(token):
        pass


async def _read_everything(store: Any, token: Any) -> None:
    async with store.open(token) as session:
        assert dict(session) == DATA
        assert session.get("other") is None


async def _assign_nothing_new_inside(store: Any, token: Any) -> None:
    async with store.open(token) as session:
        session["list"].append(3)
        session["list"].pop()


async def _fail(store: Any, token: Any) -> None:
    opening = store.open(token)
    session = await opening.__aenter__()
    session["list"].append(3)
    session["new"] = 1
    await opening.__aexit__(ZeroDivisionError, ZeroDivisionError(), None)


async def _peek(store: Any, token: Any) -> None:
    await store.peek(token.handle)


async def _list(store: Any, token: Any) -> None:
    await store.sessions_of("anna")


async def _transact_nothing(store: Any, token: Any) -> None:
    async with store.open(token) as session:
        assert await session.transact(lambda values: values["text"]) == "x"


READS = [_load, _open, _read_everything, _assign_nothing_new_inside, _fail, _peek, _list, _transact_nothing]
every_read = pytest.mark.parametrize("read", READS, ids=lambda read: read.__name__.strip("_"))


@every_read
@pytest.mark.parametrize("is_due", [False, True], ids=["", "touched"])
async def test_i11_a_read_changes_nothing_but_when_the_session_was_last_seen(
    new_sessions: NewSessions, look: Looker, read: Any, is_due: bool
) -> None:
    store = new_sessions()
    token = await store.bind(await store.create(DATA), "anna")
    look.age(token, 70_000 if is_due else 0)
    before = look.fields(token)

    await read(store, token)

    after = look.fields(token)
    touched = after.pop("l") != before.pop("l")
    assert after == before
    assert touched == (is_due and read not in (_peek, _list))


@pytest.mark.parametrize("is_due", [False, True], ids=["", "touched"])
async def test_i11_a_value_that_cannot_be_read_is_left_as_it_is(
    new_sessions: NewSessions, look: Looker, is_due: bool
) -> None:
    store = new_sessions()
    token = await store.create({"n": 1, "bad": 1})
    look.admin.hset(look.key(token), ".bad", b"\xff\xfe")
    look.age(token, 70_000 if is_due else 0)
    before = look.values(token)

    async with store.open(token) as session:
        assert dict(session) == {"n": 1}
    assert (await store.load(token)).data == {"n": 1}

    assert look.values(token) == before
