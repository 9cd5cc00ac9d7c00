# Generated from ../_async/test_session_encryption.py by .ci/unasync.py; do not edit.
"""Values that are encrypted: unreadable in Redis, bound to their place, and keys can be replaced."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import SessionToken
from tests.session_stores import Sessions, SessionStores, Traces

pytest.importorskip("cryptography")

ONE: Final = f"one:{b64encode(b'1' * 32).decode()}"
TWO: Final = f"two:{b64encode(b'2' * 32).decode()}"
OTHER_ONE: Final = f"one:{b64encode(b'3' * 32).decode()}"
DATA: Final = {"name": "Margaret", "list": [1, "two"], "secret": b"\0\xff"}


@pytest.fixture
def stores() -> Iterator[SessionStores]:
    stores = SessionStores()
    yield stores
    stores.close()


@pytest.fixture
def new_store(addr: str, prefix: str, stores: SessionStores) -> Callable[..., Sessions]:
    """Return a store with these keys."""

    def new_store(keys: str | None = None, **settings: Any) -> Sessions:
        return stores.open(addr, prefix, encryption_keys=keys, **settings)

    return new_store


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    return Traces(admin, prefix)


def read(sessions: Sessions, token: SessionToken) -> dict[str, Any]:
    """Return what an opened session holds."""
    with sessions.store.open(token) as session:
        return dict(session)


def test_values_are_unreadable_in_redis_and_their_keys_are_not(
    new_store: Callable[..., Sessions], traces: Traces
) -> None:
    sessions = new_store(ONE)
    with sessions.store.open() as session:
        session.update(DATA)
    assert session.token is not None

    assert read(sessions, session.token) == DATA
    stored = traces.values(session.token.handle)
    assert stored.keys() == DATA.keys()
    for value in stored.values():
        assert value.startswith(b"\x01\x03one")
        assert b"Margaret" not in value
        assert b"two" not in value
    assert len({*stored.values()}) == 3


def test_one_value_is_encrypted_in_another_way_each_time(
    new_store: Callable[..., Sessions], traces: Traces
) -> None:
    store = new_store(ONE).store
    tokens = [store.create({"a": "same", "b": "same"}) for _ in range(2)]

    assert len({value for token in tokens for value in traces.values(token.handle).values()}) == 4


def test_all_ways_to_write_encrypt(new_store: Callable[..., Sessions], traces: Traces) -> None:
    sessions = new_store(ONE)
    token = sessions.store.create({"a": "Margaret"})
    with sessions.store.open(token) as session:
        session["b"] = "Margaret"
        session.save()
        session.transact(lambda values: values.update(c="Margaret"))
        session["b"] = ["Margaret"]
        assert session.take("a") == "Margaret"

    stored = traces.values(token.handle)
    assert stored.keys() == {"b", "c"}
    assert all(value.startswith(b"\x01\x03one") and b"Margaret" not in value for value in stored.values())
    assert read(sessions, token) == {"b": ["Margaret"], "c": "Margaret"}


def test_the_first_key_writes_and_the_others_read(new_store: Callable[..., Sessions], traces: Traces) -> None:
    token = new_store(ONE).store.create({"old": "a", "kept": ["b"]})
    sessions = new_store(f"{TWO},{ONE}")
    with sessions.store.open(token) as session:
        assert dict(session) == {"old": "a", "kept": ["b"]}
        session["old"] = "new"

    stored = traces.values(token.handle)
    assert stored["old"].startswith(b"\x01\x03two")
    assert stored["kept"].startswith(b"\x01\x03one")
    assert read(sessions, token) == {"old": "new", "kept": ["b"]}
    assert sessions.heard.of("undecodable") == []


def test_values_of_a_key_that_was_removed_are_absent_told_and_kept(
    new_store: Callable[..., Sessions], traces: Traces
) -> None:
    token = new_store(ONE).store.create({"old": "a"})
    before = traces.values(token.handle)["old"]
    sessions = new_store(TWO)
    with sessions.store.open(token) as session:
        assert dict(session) == {}
        session["new"] = "b"

    assert traces.values(token.handle)["old"] == before
    assert [event.field for event in sessions.heard.of("undecodable")] == ["old"]
    assert read(new_store(f"{TWO},{ONE}"), token) == {"old": "a", "new": "b"}


def test_another_key_of_the_same_name_reads_nothing(new_store: Callable[..., Sessions]) -> None:
    token = new_store(ONE).store.create({"a": 1})

    assert read(new_store(OTHER_ONE), token) == {}


def test_values_that_change_places_are_detected(new_store: Callable[..., Sessions], traces: Traces) -> None:
    sessions = new_store(ONE)
    mine = sessions.store.create({"role": "user", "name": "admin"})
    theirs = sessions.store.create({"role": "admin", "name": "ann"})
    fields, other = traces.values(mine.handle), traces.values(theirs.handle)

    traces.write(mine.handle, {".role": fields["name"]})
    assert read(sessions, mine) == {"name": "admin"}
    traces.write(mine.handle, {".role": other["role"]})
    assert read(sessions, mine) == {"name": "admin"}
    traces.write(mine.handle, {".role": fields["role"]})
    assert read(sessions, mine) == {"role": "user", "name": "admin"}

    assert [event.field for event in sessions.heard.of("undecodable")] == ["role", "role"]


@pytest.mark.parametrize("at", [0, 1, 2, 5, 16, 17, -1])
def test_a_value_that_was_changed_is_absent(
    new_store: Callable[..., Sessions], traces: Traces, at: int
) -> None:
    sessions = new_store(ONE)
    token = sessions.store.create({"a": "value"})
    stored = bytearray(traces.values(token.handle)["a"])
    stored[at] ^= 1
    traces.write(token.handle, {".a": bytes(stored)})

    assert read(sessions, token) == {}
    assert sessions.heard.of("undecodable")


@pytest.mark.parametrize("length", range(0, 40, 3))
def test_a_value_that_was_cut_is_absent(
    new_store: Callable[..., Sessions], traces: Traces, length: int
) -> None:
    sessions = new_store(ONE)
    token = sessions.store.create({"a": "a value of some length"})
    traces.write(token.handle, {".a": traces.values(token.handle)["a"][:length]})

    assert read(sessions, token) == {}


def test_a_value_that_somebody_wrote_in_plain_is_absent(
    new_store: Callable[..., Sessions], traces: Traces
) -> None:
    sessions = new_store(ONE)
    token = sessions.store.create({"role": "user"})
    traces.write(token.handle, {".role": b'"admin"'})

    assert read(sessions, token) == {}
    assert [event.field for event in sessions.heard.of("undecodable")] == ["role"]


def test_plain_values_are_read_and_written_encrypted_while_plain_stands_last(
    new_store: Callable[..., Sessions], traces: Traces
) -> None:
    token = new_store().store.create({"old": "a", "kept": "b"})
    sessions = new_store(f"{ONE},plain")
    with sessions.store.open(token) as session:
        assert dict(session) == {"old": "a", "kept": "b"}
        session["old"] = "new"

    stored = traces.values(token.handle)
    assert stored["kept"] == b'"b"'
    assert stored["old"].startswith(b"\x01\x03one")
    assert read(new_store(ONE), token) == {"old": "new"}


def test_encrypted_values_are_read_and_written_plain_while_plain_stands_first(
    new_store: Callable[..., Sessions], traces: Traces
) -> None:
    token = new_store(ONE).store.create({"old": "a", "kept": "b"})
    sessions = new_store(f"plain,{ONE}")
    with sessions.store.open(token) as session:
        assert dict(session) == {"old": "a", "kept": "b"}
        session["old"] = "new"

    assert traces.values(token.handle)["old"] == b'"new"'
    assert read(new_store(), token) == {"old": "new"}


def test_without_keys_encrypted_values_are_absent_and_kept(
    new_store: Callable[..., Sessions], traces: Traces
) -> None:
    token = new_store(ONE).store.create({"a": "b"})
    before = traces.values(token.handle)
    sessions = new_store()
    with sessions.store.open(token) as session:
        assert dict(session) == {}
        session["c"] = 1

    assert traces.values(token.handle) == {**before, "c": b"1"}
    assert sessions.heard.of("undecodable")


def test_a_mutable_value_that_was_only_read_is_not_encrypted_again(
    new_store: Callable[..., Sessions], traces: Traces
) -> None:
    sessions = new_store(ONE)
    token = sessions.store.create({"list": [1]})
    before = traces.values(token.handle)

    assert read(sessions, token) == {"list": [1]}

    assert traces.values(token.handle) == before
