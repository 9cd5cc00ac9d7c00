# Generated from ../_async/test_session_stored.py by .ci/unasync.py; do not edit.
"""What others have left in a session's key: absent or a typed error, told, and never overwritten unasked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modkit_redis.contract import (
    ArgumentError,
    CommandRefusedError,
    SessionConflictError,
    SessionLostError,
    SessionPatch,
    SessionToken,
)
from modkit_redis.session.codec import UndecodableError, decode, encode
from tests.caching import lapse
from tests.session_stores import Sessions, SessionStores, Traces

PATCH: Final = SessionPatch(sets={"a": 2})
UNDECODABLE: Final[dict[str, bytes]] = {
    "nothing": b"",
    "no UTF-8": b'"\xff"',
    "truncated": b'{"a": [1',
    "two values": b"1 2",
    "no JSON": b"hello",
    "pickle": b"\x80\x04K\x01.",
    "NaN": b"NaN",
    "infinity inside": b"[Infinity]",
    "an unknown tag": b'{"$z":1}',
    "a tag inside": b'[{"$unknown":"x"}]',
    "a broken tag": b'{"$":["a"]}',
    "a broken tag with a number": b'{"$":[1,2]}',
    "a tag of three": b'{"$":["$a",1,2]}',
    "no tuple": b'{"$t":5}',
    "no base64": b'{"$b":"!"}',
    "no text in base64": b'{"$b":5}',
    "no date": b'{"$d":"tomorrow"}',
    "a date that is a number": b'{"$d":5}',
    "no UUID": b'{"$u":"xyz"}',
    "a UUID that is a number": b'{"$u":0}',
    "no number": b'{"$n":"one"}',
    "nested without end": b"[" * 60_000,
    "a huge number": b"9" * 5000,
    "sealed": b"\x01\x01a" + b"x" * 40,
    "a mark alone": b"\x01",
    "a mark and a length": b"\x01\xff",
}


@pytest.fixture
def stores() -> Iterator[SessionStores]:
    stores = SessionStores()
    yield stores
    stores.close()


@pytest.fixture
def sessions(addr: str, prefix: str, stores: SessionStores) -> Sessions:
    return stores.open(addr, prefix, per_user_max=5)


@pytest.fixture
def token(sessions: Sessions) -> SessionToken:
    """The token of a session with two values."""
    token = sessions.store.create({"a": 1, "list": [1]})
    sessions.heard.clear()
    return token


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    return Traces(admin, prefix)


@pytest.mark.parametrize("kind", UNDECODABLE)
def test_a_value_that_cannot_be_read_is_absent_told_and_kept(
    sessions: Sessions,
    token: SessionToken,
    traces: Traces,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    traces.write(token.handle, {".bad": UNDECODABLE[kind]})

    with sessions.store.open(token) as session:
        assert dict(session) == {"a": 1, "list": [1]}
        assert "bad" not in session
        assert len(session) == 2
        with pytest.raises(KeyError):
            session["bad"]
        with pytest.raises(KeyError):
            del session["bad"]
        assert session.pop("bad", "none") == "none"
        session["a"] = 2
        session["list"].append(2)
        session.rotate()

    assert traces.values(token.handle) == {"a": b"2", "list": b"[1,2]", "bad": UNDECODABLE[kind]}
    [event] = sessions.heard.of("undecodable")
    assert (event.handle, event.field) == (token.handle, "bad")
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (
        logging.WARNING,
        f"session {token.handle}: 'bad' cannot be read",
    )


def test_it_is_overwritten_if_it_is_assigned(sessions: Sessions, token: SessionToken, traces: Traces) -> None:
    traces.write(token.handle, {".bad": b"hello"})

    with sessions.store.open(token) as session:
        assert "bad" not in session
        session["bad"] = "good"
        assert session["bad"] == "good"
        session.save()
        assert session["bad"] == "good"

    assert traces.values(token.handle)["bad"] == b'"good"'


def test_a_transaction_does_not_overwrite_it(sessions: Sessions, token: SessionToken, traces: Traces) -> None:
    traces.write(token.handle, {".bad": b"hello"})

    def change(values: Any) -> bool:
        values["a"] += 1
        return "bad" in values

    with sessions.store.open(token) as session:
        assert not session.transact(change)

    assert traces.values(token.handle) == {"a": b"2", "list": b"[1]", "bad": b"hello"}


def test_the_store_leaves_it_out(sessions: Sessions, token: SessionToken, traces: Traces) -> None:
    traces.write(token.handle, {".bad": b"hello", ".worse": b"\xff"})

    stored = sessions.store.load(token)

    assert stored is not None
    assert stored.data == {"a": 1, "list": [1]}
    assert [event.field for event in sessions.heard.of("undecodable")] == ["bad", "worse"]


@pytest.mark.parametrize(
    "written", [b"[1, 2]", b'{"b" : "\\u00e9"}', b"[1.50]", b'[{"$d":"2020-01-01"}]', b'{"a":1,"a":2}']
)
def test_a_value_that_was_written_in_another_way_is_not_changed_by_reading_it(
    sessions: Sessions, token: SessionToken, traces: Traces, written: bytes
) -> None:
    traces.write(token.handle, {".other": written})

    with sessions.store.open(token) as session:
        assert session["other"]

    assert traces.values(token.handle)["other"] == written
    assert traces.counted(token.handle) == (1, 0)


def test_a_change_of_it_is_saved(sessions: Sessions, token: SessionToken, traces: Traces) -> None:
    traces.write(token.handle, {".other": b"[1, 2]"})

    with sessions.store.open(token) as session:
        session["other"][0] = True  # which equals what was there

    assert traces.values(token.handle)["other"] == b"[true,2]"


@pytest.mark.parametrize("written", [b"[1e999]", b'[{"$n":"NaN"}]', b'{"a":-1e400}'])
def test_a_number_that_could_not_be_stored_is_no_value(
    sessions: Sessions, token: SessionToken, traces: Traces, written: bytes
) -> None:
    traces.write(token.handle, {".other": written})

    with sessions.store.open(token) as session:
        session.get("other")
        session["a"] = 2

    assert traces.values(token.handle) == {"a": b"2", "list": b"[1]", "other": written}


GARBAGE: Final = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=50).map(lambda text: text.encode(errors="replace")),
    st.recursive(
        st.sampled_from(["1", '"a"', "null", "NaN", "1e999", "{}", "[]", "", "\x01"]),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]"),
            st.tuples(st.sampled_from(["$", "$t", "$b", "$d", "$u", "$n", "$x", "a"]), inner).map(
                lambda pair: f'{{"{pair[0]}":{pair[1]}}}'
            ),
        ),
        max_leaves=8,
    ).map(str.encode),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.lists(GARBAGE, min_size=8, max_size=8))
def test_what_can_be_read_can_be_stored_again_whatever_bytes_there_were(garbage: list[bytes]) -> None:
    for each in garbage:
        try:
            value = decode(each)
        except UndecodableError:
            continue
        try:
            encode(value, "key", 10_000)
        except ArgumentError as error:
            raise AssertionError(each) from error


META: Final = ("f", "h", "v", "c", "l", "x", "i")
SPOILT: Final[dict[str, bytes]] = {
    "empty": b"",
    "no number": b"abc",
    "binary": b"\xff\x00",
    "huge": b"9" * 30,
    "endless": b"9" * 6000,
    "negative": b"-99999999999999999999",
    "infinite": b"inf",
    "no number at all": b"nan",
    "hexadecimal": b"0x10",
    "exponent": b"1e400",
}


def use_all(sessions: Sessions, token: SessionToken) -> list[object]:
    """Do all that can be done, and return what came of it; only typed errors are let through."""
    calls: list[Callable[[], Any]] = [
        lambda: sessions.store.load(token),
        lambda: sessions.store.peek(token.handle),
        lambda: sessions.store.sessions_of("ann"),
        lambda: sessions.store.save(token, PATCH),
        lambda: sessions.store.save(token, PATCH, expect=1),
        lambda: sessions.store.save(token, PATCH, rotate=True),
        lambda: sessions.store.bind(token, "ann"),
        lambda: opened(sessions, token),
        lambda: sessions.store.destroy(token),
    ]
    found: list[object] = []
    for call in calls:
        try:
            found.append(call())
        except (SessionLostError, SessionConflictError, CommandRefusedError) as error:
            found.append(type(error))
    return found


def opened(sessions: Sessions, token: SessionToken) -> str:
    with sessions.store.open(token) as session:
        return "empty" if session.token is None else "there"


@pytest.mark.parametrize("field", META)
def test_a_session_without_one_of_its_fields_is_none(
    sessions: Sessions, token: SessionToken, traces: Traces, field: str
) -> None:
    traces.admin.hdel(traces.name(token.handle), field)

    assert sessions.store.load(token) is None
    assert opened(sessions, token) == "empty"
    assert sessions.store.peek(token.handle) is None
    assert {event.kind for event in sessions.heard} == {"undecodable"}
    use_all(sessions, token)


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("field", [*META, "p", "pu", "r", "g", "u", "ip", "ua", "w"])
def test_a_session_with_a_spoilt_field_raises_nothing_without_a_type(
    sessions: Sessions, token: SessionToken, traces: Traces, field: str, kind: str
) -> None:
    token = sessions.store.bind(token, "ann")
    traces.write(token.handle, {field: SPOILT[kind]})

    use_all(sessions, token)


@pytest.mark.parametrize("layout", [b"2", b"0", b"", b"11", b"one"])
def test_a_session_of_another_layout_is_none_and_stays(
    sessions: Sessions,
    token: SessionToken,
    traces: Traces,
    layout: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    traces.write(token.handle, {"f": layout})
    before = traces.fields(token.handle)

    assert sessions.store.load(token) is None
    with sessions.store.open(token) as session:
        session["mine"] = 1

    assert session.token is not None
    assert session.token.handle != token.handle
    assert traces.fields(token.handle) == before
    assert sessions.heard.kinds() == ["undecodable", "undecodable", "created"]
    assert [record.getMessage() for record in caplog.records] == [
        f"session {token.handle}: it cannot be read"
    ] * 2


FOREIGN: Final[dict[str, Callable[[redis.Redis, str], object]]] = {
    "a string": lambda admin, name: admin.set(name, "x"),
    "a list": lambda admin, name: admin.rpush(name, "x"),
    "a set": lambda admin, name: admin.sadd(name, "x"),
    "a sorted set": lambda admin, name: admin.zadd(name, {"x": 1}),
    "a stream": lambda admin, name: admin.xadd(name, {"x": 1}),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_key_of_another_type_is_a_typed_error_and_stays(
    sessions: Sessions, token: SessionToken, traces: Traces, kind: str
) -> None:
    name = traces.name(token.handle)
    traces.admin.delete(name)
    FOREIGN[kind](traces.admin, name)
    before = traces.admin.dump(name)
    calls: list[Callable[[], Any]] = [
        lambda: sessions.store.load(token),
        lambda: sessions.store.open(token).__enter__(),
        lambda: sessions.store.peek(token.handle),
        lambda: sessions.store.save(token, PATCH),
        lambda: sessions.store.bind(token, "ann"),
        lambda: sessions.store.destroy(token),
    ]

    for call in calls:
        with pytest.raises(CommandRefusedError) as caught:
            call()
        assert caught.value.reason == "wrong-type"

    assert traces.admin.dump(name) == before
    assert sessions.store.revoke(token.handle)


def test_a_hash_of_somebody_elses_is_no_session_and_stays(
    sessions: Sessions, token: SessionToken, traces: Traces
) -> None:
    traces.admin.delete(traces.name(token.handle))
    traces.write(token.handle, {"name": "value", ".a": "1"})

    use_all(sessions, token)

    assert traces.fields(token.handle) == {"name": b"value", ".a": b"1"}


def test_an_index_of_another_type_is_a_typed_error(
    sessions: Sessions, token: SessionToken, traces: Traces, prefix: str
) -> None:
    traces.admin.set(f"{prefix}:session:user:ann", "x")
    calls: list[Callable[[], Any]] = [
        lambda: sessions.store.bind(token, "ann"),
        lambda: sessions.store.sessions_of("ann"),
        lambda: sessions.store.drain("ann", keep="h" * 22),
        lambda: sessions.store.revoke_all("ann"),
    ]
    for call in calls:
        with pytest.raises(CommandRefusedError) as caught:
            call()
        assert caught.value.reason == "wrong-type"

    assert traces.live_tokens(token.handle) == 1
    assert sessions.store.load(token) is not None


def test_an_index_with_strange_members_breaks_nothing(
    sessions: Sessions, token: SessionToken, traces: Traces, prefix: str
) -> None:
    token = sessions.store.bind(token, "ann")
    traces.admin.zadd(f"{prefix}:session:user:ann", {b"\xff": 2e15, b"user:bob": 2e15, b"x" * 500: 2e15})

    [info] = sessions.store.sessions_of("ann")
    assert info.handle == token.handle
    assert sessions.store.revoke_all("ann") == 1
    assert traces.handles() == set()


def test_a_session_that_lost_its_ttl_has_one_again_at_the_next_touch(
    sessions: Sessions, token: SessionToken, traces: Traces
) -> None:
    traces.admin.persist(traces.name(token.handle))
    traces.admin.hincrby(traces.name(token.handle), "l", -70_000)

    assert sessions.store.load(token) is not None

    assert 0 < traces.admin.pttl(traces.name(token.handle)) <= 30 * 60_000


@pytest.mark.parametrize("how", ["load", "open", "save", "transact"])
def test_a_session_that_lost_its_ttl_does_not_outlive_its_deadline(
    addr: str, prefix: str, stores: SessionStores, traces: Traces, how: str
) -> None:
    sessions = stores.open(addr, prefix, idle_ttl="60ms", absolute_ttl="60ms")
    token = sessions.store.create({"a": 1})
    opening = sessions.store.open(token)
    session = opening.__enter__()
    assert dict(session) == {"a": 1}
    traces.admin.persist(traces.name(token.handle))
    lapse(0.07)

    if how == "load":
        assert sessions.store.load(token) is None
    elif how == "open":
        assert opened(sessions, token) == "empty"
    elif how == "save":
        with pytest.raises(SessionLostError):
            sessions.store.save(token, PATCH)
    else:
        with pytest.raises(SessionLostError):
            session.transact(lambda values: values.update(a=2))

    assert traces.handles() == set()


def test_a_session_that_lost_its_ttl_is_not_shown_after_its_deadline(
    addr: str, prefix: str, stores: SessionStores, traces: Traces
) -> None:
    sessions = stores.open(addr, prefix, idle_ttl="60ms", absolute_ttl="60ms", per_user_max=5)
    token = sessions.store.bind(sessions.store.create({}), "ann")
    traces.admin.persist(traces.name(token.handle))
    lapse(0.07)

    assert sessions.store.peek(token.handle) is None
    assert sessions.store.sessions_of("ann") == []
