"""Values that are encrypted: unreadable in Redis, bound to their place, and keys can be replaced."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import SessionToken
from tests.session_stores import AsyncSessions, AsyncSessionStores, Traces

pytest.importorskip("cryptography")

ONE: Final = f"one:{b64encode(b'1' * 32).decode()}"
TWO: Final = f"two:{b64encode(b'2' * 32).decode()}"
OTHER_ONE: Final = f"one:{b64encode(b'3' * 32).decode()}"
DATA: Final = {"name": "Margaret", "list": [1, "two"], "secret": b"\0\xff"}


@pytest.fixture
async def stores() -> AsyncIterator[AsyncSessionStores]:
    stores = AsyncSessionStores()
    yield stores
    await stores.aclose()


@pytest.fixture
def new_store(addr: str, prefix: str, stores: AsyncSessionStores) -> Callable[..., AsyncSessions]:
    """Return a store with these keys."""

    def new_store(keys: str | None = None, **settings: Any) -> AsyncSessions:
        return stores.open(addr, prefix, encryption_keys=keys, **settings)

    return new_store


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    return Traces(admin, prefix)


async def read(sessions: AsyncSessions, token: SessionToken) -> dict[str, Any]:
    """Return what an opened session holds."""
    async with sessions.store.open(token) as session:
        return dict(session)


async def test_values_are_unreadable_in_redis_and_their_keys_are_not(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    sessions = new_store(ONE)
    async with sessions.store.open() as session:
        session.update(DATA)
    assert session.token is not None

    assert await read(sessions, session.token) == DATA
    stored = traces.values(session.token.handle)
    assert stored.keys() == DATA.keys()
    for value in stored.values():
        assert value.startswith(b"\x01\x03one")
        assert b"Margaret" not in value
        assert b"two" not in value
    assert len({*stored.values()}) == 3


async def test_one_value_is_encrypted_in_another_way_each_time(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    store = new_store(ONE).store
    tokens = [await store.create({"a": "same", "b": "same"}) for _ in range(2)]

    assert len({value for token in tokens for value in traces.values(token.handle).values()}) == 4


async def test_all_ways_to_write_encrypt(new_store: Callable[..., AsyncSessions], traces: Traces) -> None:
    sessions = new_store(ONE)
    token = await sessions.store.create({"a": "Margaret"})
    async with sessions.store.open(token) as session:
        session["b"] = "Margaret"
        await session.save()
        await session.transact(lambda values: values.update(c="Margaret"))
        session["b"] = ["Margaret"]
        assert await session.take("a") == "Margaret"

    stored = traces.values(token.handle)
    assert stored.keys() == {"b", "c"}
    assert all(value.startswith(b"\x01\x03one") and b"Margaret" not in value for value in stored.values())
    assert await read(sessions, token) == {"b": ["Margaret"], "c": "Margaret"}


async def test_the_first_key_writes_and_the_others_read(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    token = await new_store(ONE).store.create({"old": "a", "kept": ["b"]})
    sessions = new_store(f"{TWO},{ONE}")
    async with sessions.store.open(token) as session:
        assert dict(session) == {"old": "a", "kept": ["b"]}
        session["old"] = "new"

    stored = traces.values(token.handle)
    assert stored["old"].startswith(b"\x01\x03two")
    assert stored["kept"].startswith(b"\x01\x03one")
    assert await read(sessions, token) == {"old": "new", "kept": ["b"]}
    assert sessions.heard.of("undecodable") == []


async def test_values_of_a_key_that_was_removed_are_absent_told_and_kept(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    token = await new_store(ONE).store.create({"old": "a"})
    before = traces.values(token.handle)["old"]
    sessions = new_store(TWO)
    async with sessions.store.open(token) as session:
        assert dict(session) == {}
        session["new"] = "b"

    assert traces.values(token.handle)["old"] == before
    assert [event.field for event in sessions.heard.of("undecodable")] == ["old"]
    assert await read(new_store(f"{TWO},{ONE}"), token) == {"old": "a", "new": "b"}


async def test_another_key_of_the_same_name_reads_nothing(new_store: Callable[..., AsyncSessions]) -> None:
    token = await new_store(ONE).store.create({"a": 1})

    assert await read(new_store(OTHER_ONE), token) == {}


async def test_values_that_change_places_are_detected(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    sessions = new_store(ONE)
    mine = await sessions.store.create({"role": "user", "name": "admin"})
    theirs = await sessions.store.create({"role": "admin", "name": "ann"})
    fields, other = traces.values(mine.handle), traces.values(theirs.handle)

    traces.write(mine.handle, {".role": fields["name"]})
    assert await read(sessions, mine) == {"name": "admin"}
    traces.write(mine.handle, {".role": other["role"]})
    assert await read(sessions, mine) == {"name": "admin"}
    traces.write(mine.handle, {".role": fields["role"]})
    assert await read(sessions, mine) == {"role": "user", "name": "admin"}

    assert [event.field for event in sessions.heard.of("undecodable")] == ["role", "role"]


@pytest.mark.parametrize("at", [0, 1, 2, 5, 16, 17, -1])
async def test_a_value_that_was_changed_is_absent(
    new_store: Callable[..., AsyncSessions], traces: Traces, at: int
) -> None:
    sessions = new_store(ONE)
    token = await sessions.store.create({"a": "value"})
    stored = bytearray(traces.values(token.handle)["a"])
    stored[at] ^= 1
    traces.write(token.handle, {".a": bytes(stored)})

    assert await read(sessions, token) == {}
    assert sessions.heard.of("undecodable")


@pytest.mark.parametrize("length", range(0, 40, 3))
async def test_a_value_that_was_cut_is_absent(
    new_store: Callable[..., AsyncSessions], traces: Traces, length: int
) -> None:
    sessions = new_store(ONE)
    token = await sessions.store.create({"a": "a value of some length"})
    traces.write(token.handle, {".a": traces.values(token.handle)["a"][:length]})

    assert await read(sessions, token) == {}


async def test_a_value_that_somebody_wrote_in_plain_is_absent(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    sessions = new_store(ONE)
    token = await sessions.store.create({"role": "user"})
    traces.write(token.handle, {".role": b'"admin"'})

    assert await read(sessions, token) == {}
    assert [event.field for event in sessions.heard.of("undecodable")] == ["role"]


async def test_plain_values_are_read_and_written_encrypted_while_plain_stands_last(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    token = await new_store().store.create({"old": "a", "kept": "b"})
    sessions = new_store(f"{ONE},plain")
    async with sessions.store.open(token) as session:
        assert dict(session) == {"old": "a", "kept": "b"}
        session["old"] = "new"

    stored = traces.values(token.handle)
    assert stored["kept"] == b'"b"'
    assert stored["old"].startswith(b"\x01\x03one")
    assert await read(new_store(ONE), token) == {"old": "new"}


async def test_encrypted_values_are_read_and_written_plain_while_plain_stands_first(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    token = await new_store(ONE).store.create({"old": "a", "kept": "b"})
    sessions = new_store(f"plain,{ONE}")
    async with sessions.store.open(token) as session:
        assert dict(session) == {"old": "a", "kept": "b"}
        session["old"] = "new"

    assert traces.values(token.handle)["old"] == b'"new"'
    assert await read(new_store(), token) == {"old": "new"}


async def test_without_keys_encrypted_values_are_absent_and_kept(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    token = await new_store(ONE).store.create({"a": "b"})
    before = traces.values(token.handle)
    sessions = new_store()
    async with sessions.store.open(token) as session:
        assert dict(session) == {}
        session["c"] = 1

    assert traces.values(token.handle) == {**before, "c": b"1"}
    assert sessions.heard.of("undecodable")


async def test_a_mutable_value_that_was_only_read_is_not_encrypted_again(
    new_store: Callable[..., AsyncSessions], traces: Traces
) -> None:
    sessions = new_store(ONE)
    token = await sessions.store.create({"list": [1]})
    before = traces.values(token.handle)

    assert await read(sessions, token) == {"list": [1]}

    assert traces.values(token.handle) == before
