"""What a session tells to whoever answers requests with it: what was presented, and what is unsaved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modkit_redis.contract import ArgumentError, SessionPatch, StoreUnavailableError
from modkit_redis.session.tokens import new_token
from tests.session_faults import QUICK
from tests.sessions import Looker, NewSessions, Told, async_opened

PATCH = SessionPatch()


@pytest.fixture
def store(new_sessions: NewSessions) -> Any:
    return new_sessions(renewal_interval="10m")


async def test_it_says_what_the_token_turned_out_to_be(store: Any, look: Looker) -> None:
    token = await store.create({"n": 1})
    retiring, retired, twice, ended = [await store.create({}) for _ in range(4)]
    await store.save(retiring, PATCH, rotate=True, grace=60)
    await store.save(retired, PATCH, rotate=True)
    await store.save((await store.save(twice, PATCH, rotate=True)).token, PATCH, rotate=True)
    await store.destroy(ended)

    seen = {}
    for name, given in {
        "none": None,
        "malformed": "x",
        "current": token,
        "retiring": retiring,
        "retired": retired,
        "twice": twice,
        "ended": ended,
        "made up": new_token(),
    }.items():
        async with store.open(given) as session:
            seen[name] = session.presented

    assert seen == {
        "none": "none",
        "malformed": "none",
        "current": "current",
        "retiring": "retiring",
        "retired": "retired",
        "twice": "retired",
        "ended": "gone",
        "made up": "gone",
    }


async def test_it_is_unknown_where_redis_does_not_answer(new_sessions: NewSessions, closed_port: str) -> None:
    store = new_sessions(addr=closed_port, client=QUICK, on_outage="anonymous")

    async with store.open(new_token()) as session:
        assert (session.presented, session.degraded) == ("unknown", True)
        with pytest.raises(StoreUnavailableError):
            session["n"] = 1
        session.discard()
        session.fix_token()


async def test_what_was_presented_stays_so(store: Any) -> None:
    token = await store.create({"n": 1})

    async with store.open(token) as session:
        session.destroy()
        session["n"] = 2
        await session.save()

        assert (session.presented, session.destroyed) == ("current", True)


LOOKS: dict[str, Callable[[Any], Any]] = {
    "get": lambda session: session.get("n"),
    "in": lambda session: "n" in session,
    "iterate": lambda session: list(session),
    "len": lambda session: len(session),
    "bool": lambda session: bool(session),
    "dict": lambda session: dict(session),
    "set": lambda session: session.update(n=2),
    "delete": lambda session: session.pop("n"),
    "clear": lambda session: session.clear(),
    "user": lambda session: session.user,
    "info": lambda session: session.info,
    "rotate": lambda session: session.rotate(),
    "bind": lambda session: session.bind("anna"),
    "destroy": lambda session: session.destroy(),
}


@pytest.mark.parametrize("look_at", LOOKS)
async def test_whoever_looks_at_it_or_changes_it_has_accessed_it(store: Any, look_at: str) -> None:
    async with store.open(await store.create({"n": 1})) as session:
        before = session.accessed
        LOOKS[look_at](session)

        assert (before, session.accessed) == (False, True)


async def test_so_has_whoever_takes_a_value_or_transacts(store: Any) -> None:
    async with store.open(await store.create({"n": 1})) as session:
        await session.take("n")
        assert session.accessed
    async with store.open(await store.create({"n": 1})) as session:
        await session.transact(lambda values: values.get("n"))
        assert session.accessed


async def test_what_answers_need_to_know_is_no_access(store: Any) -> None:
    async with store.open(await store.create({"n": 1})) as session:
        seen = (session.token, session.presented, session.degraded, session.destroyed, session.unsaved)
        session.discard()
        session.fix_token()
        await session.save()

        assert seen[1:] == ("current", False, False, 0)
        assert not session.accessed


async def test_unsaved_counts_keys_that_were_set_changed_inside_or_removed(store: Any) -> None:
    async with store.open(await store.create({"set": 1, "list": [], "gone": 1, "read": []})) as session:
        session["set"] = 2
        session["new"] = 1
        session["list"].append(1)
        session["read"]
        del session["gone"]
        before = session.unsaved
        await session.save()

        assert (before, session.unsaved) == (4, 0)


async def test_what_is_discarded_is_not_saved_and_a_new_token_is(store: Any, look: Looker) -> None:
    token = await store.create({"n": 1, "list": []})

    async with store.open(token) as session:
        session["n"] = 2
        session["list"].append(1)
        session.bind("anna")
        session.rotate()
        session.discard()

        assert (session["n"], session["list"], session.user, session.unsaved) == (1, [], None, 0)
        await session.save()
        assert session.token != token

    assert look.values(token) == {".n": b"1", ".list": b"[]"}
    assert look.index("anna") == []


async def test_an_end_is_not_discarded(store: Any, look: Looker) -> None:
    async with store.open(await store.create({"n": 1})) as session:
        session.destroy()
        session["n"] = 2
        session.discard()

    assert look.keys() == []


@pytest.mark.parametrize("grace", ["none", "over"])
async def test_whoever_ends_it_with_a_token_that_was_replaced_ends_it(
    new_sessions: NewSessions, look: Looker, grace: str
) -> None:
    heard = Told()
    store = new_sessions(events=heard)
    token = await store.create({"n": 1})
    await store.save(token, PATCH, rotate=True)
    if grace == "over":
        look.admin.hset(look.key(token), "pu", 1)

    async with store.open(token) as session:
        session.destroy()

    assert look.keys() == []
    assert heard.kinds() == ["created", "rotated", "reuse", "reuse", "destroyed"]


async def test_a_made_up_secret_ends_nothing(store: Any, look: Looker) -> None:
    token = await store.create({"n": 1})
    made_up = f"{token.handle}.{new_token().partition('.')[2]}"

    async with store.open(made_up) as session:
        assert session.presented == "retired"
        session.destroy()

    assert look.keys() == [look.key(token)]


async def test_a_token_that_is_fixed_is_not_replaced(store: Any, look: Looker) -> None:
    token = await store.create({"n": 1})
    look.admin.hset(look.key(token), mapping={"c": 1, "r": 1})

    async with store.open(token) as session:
        session.fix_token()
        with pytest.raises(ArgumentError, match="session can get no new token any more"):
            session.rotate()
        with pytest.raises(ArgumentError, match="session can get no new token any more"):
            session.bind("anna")
        session["n"] = 2

    assert (look.values(token), look.number(token, "g")) == ({".n": b"2"}, 0)
    assert look.index("anna") == []


async def test_a_session_whose_token_is_fixed_can_be_ended_and_no_other_begins(
    store: Any, look: Looker
) -> None:
    session = await async_opened(store, await store.create({"n": 1}))

    session.fix_token()
    session.destroy()
    session["n"] = 2
    with pytest.raises(ArgumentError, match="session cannot begin any more"):
        await session.save()
    session.discard()
    await session.save()

    assert look.keys() == []
