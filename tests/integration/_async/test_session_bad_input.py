"""What cannot be used is refused by name before anything is sent, and what was there stays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from math import inf, nan
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import ArgumentError, ConfigError, SessionPatch, SessionToken
from modkit_redis.testing import ServerWatch
from tests.session_stores import AsyncSessions, AsyncSessionStores, Promise, Traces

HANDLE: Final = "h" * 22
SECRET: Final = "s" * 43
PATCH: Final = SessionPatch(sets={"a": 1})

HOSTILE: Final[dict[str, str]] = {
    "empty": "",
    "10 KB": "a" * 10_240,
    "10 KB with a dot": f"{HANDLE}.{'a' * 10_240}",
    "NUL": "\0",
    "NUL inside": f"{HANDLE}.{SECRET[:-1]}\0",
    "NUL at the end": f"{HANDLE}.{SECRET}\0",
    "CRLF": f"{HANDLE}.{SECRET}\r\nSet-Cookie: a=b",
    "newline at the end": f"{HANDLE}.{SECRET}\n",
    "carriage return at the end": f"{HANDLE}.{SECRET}\r",
    "JSON": "{}",
    "a hash tag": f"{{{HANDLE[2:]}}}.{SECRET}",
    "no secret": f"{HANDLE}.",
    "no handle": f".{SECRET}",
    "no dot": f"{HANDLE}{SECRET}",
    "two dots": f"{HANDLE}..{SECRET[1:]}",
    "short handle": f"{HANDLE[1:]}.{SECRET}",
    "long handle": f"{HANDLE}h.{SECRET}",
    "short secret": f"{HANDLE}.{SECRET[1:]}",
    "long secret": f"{HANDLE}.{SECRET}s",
    "standard base64": f"{HANDLE[:-2]}+/.{SECRET}",
    "padding": f"{HANDLE}.{SECRET[:-1]}=",
    "unicode digits": "\u0663" * 22 + f".{SECRET}",
    "unicode letters": "\uff48" * 22 + f".{SECRET}",
    "unicode secret": f"{HANDLE}." + "\u00e9" * 43,
    "surrogates": f"{HANDLE}." + "\ud800" * 43,
    "a colon": f"{HANDLE[1:]}:.{SECRET}",
    "a wildcard": f"{'*' * 22}.{SECRET}",
    "a path": f"{'../' * 7}a.{SECRET}",
    "space before": f" {HANDLE}.{SECRET}",
    "quotes": f'"{HANDLE}.{SECRET}"',
}
NO_TEXT: Final[list[object]] = [b"token", 5, 1.5, True, [], {}, object()]


@pytest.fixture
async def stores() -> AsyncIterator[AsyncSessionStores]:
    stores = AsyncSessionStores()
    yield stores
    await stores.aclose()


@pytest.fixture
async def sessions(addr: str, prefix: str, stores: AsyncSessionStores) -> AsyncSessions:
    """A store that is connected."""
    sessions = stores.open(addr, prefix, {"client_name": prefix}, max_value_bytes=2000, per_user_max=5)
    await sessions.store.peek(HANDLE)
    return sessions


@pytest.fixture
async def token(sessions: AsyncSessions) -> SessionToken:
    """The token of a session with one value."""
    token = await sessions.store.create({"a": "old"})
    sessions.heard.clear()
    return token


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    return Traces(admin, prefix)


@pytest.fixture
def watch(addr: str, prefix: str) -> Iterator[ServerWatch]:
    with ServerWatch(addr, client_name=prefix) as watch:
        yield watch


@pytest.fixture
def refused(
    sessions: AsyncSessions, token: SessionToken, watch: ServerWatch, traces: Traces
) -> Callable[..., Any]:
    """Return how to check that a call is refused and does nothing; that gives the argument's name."""

    async def refused(call: Callable[[], Any]) -> str:
        before = traces.fields(token.handle)
        watch.commands()

        with pytest.raises(ArgumentError) as caught:
            await call()

        assert watch.commands() == []
        assert traces.fields(token.handle) == before != {}
        assert sessions.heard == []
        assert isinstance(caught.value, ValueError)
        return caught.value.argument

    return refused


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_token_opens_an_empty_session_and_costs_nothing(
    sessions: AsyncSessions, watch: ServerWatch, traces: Traces, kind: str
) -> None:
    watch.commands()

    async with sessions.store.open(HOSTILE[kind]) as session:
        assert (dict(session), session.token, session.info) == ({}, None, None)
    assert await sessions.store.load(HOSTILE[kind]) is None
    await sessions.store.destroy(HOSTILE[kind])

    assert watch.commands() == []
    assert traces.handles() == set()
    assert {(event.kind, event.handle) for event in sessions.heard} == {("rejected", None)}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_what_a_hostile_token_begins_has_a_token_of_its_own(
    sessions: AsyncSessions, traces: Traces, kind: str
) -> None:
    async with sessions.store.open(HOSTILE[kind]) as session:
        session["a"] = 1

    assert session.token is not None
    assert session.token != HOSTILE[kind]
    assert traces.handles() == {session.token.handle}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_token_cannot_be_written_with(
    refused: Callable[..., Any], sessions: AsyncSessions, kind: str
) -> None:
    assert await refused(lambda: sessions.store.save(HOSTILE[kind], PATCH)) == "token"
    assert await refused(lambda: sessions.store.bind(HOSTILE[kind], "ann")) == "token"


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_handle_is_refused(
    refused: Callable[..., Any], sessions: AsyncSessions, kind: str
) -> None:
    for handle in (HOSTILE[kind], HOSTILE[kind][:22]):
        if handle not in (HANDLE, "a" * 22):
            assert await refused(lambda: sessions.store.peek(handle)) == "handle"  # noqa: B023  # called at once
            assert await refused(lambda: sessions.store.revoke(handle)) == "handle"  # noqa: B023  # likewise
            assert await refused(lambda: sessions.store.drain("ann", keep=handle)) == "keep"  # noqa: B023  # likewise
            assert await refused(lambda: sessions.store.revoke_all("ann", keep=handle)) == "keep"  # noqa: B023  # likewise


async def test_what_is_no_text_is_no_token(refused: Callable[..., Any], sessions: AsyncSessions) -> None:
    async def enter(given: Any) -> None:
        await sessions.store.open(given).__aenter__()

    for each in NO_TEXT:
        wrong: Any = each
        calls: list[Callable[[], Any]] = [
            lambda: enter(wrong),  # noqa: B023  # it is called at once
            lambda: sessions.store.load(wrong),  # noqa: B023  # likewise
            lambda: sessions.store.destroy(wrong),  # noqa: B023  # likewise
            lambda: sessions.store.save(wrong, PATCH),  # noqa: B023  # likewise
            lambda: sessions.store.bind(wrong, "ann"),  # noqa: B023  # likewise
        ]
        for call in calls:
            assert await refused(call) == "token"


async def test_no_token_is_no_mistake_but_where_one_is_needed(
    refused: Callable[..., Any], sessions: AsyncSessions
) -> None:
    none: Any = None

    assert await sessions.store.load(None) is None
    await sessions.store.destroy(none)
    assert await refused(lambda: sessions.store.save(none, PATCH)) == "token"
    assert await refused(lambda: sessions.store.bind(none, "ann")) == "token"
    assert await refused(lambda: sessions.store.peek(none)) == "handle"


async def test_a_token_that_nobody_made_is_rejected_and_not_adopted(
    sessions: AsyncSessions, token: SessionToken, traces: Traces
) -> None:
    for made_up in (f"{HANDLE}.{SECRET}", f"{token.handle}.{SECRET}"):
        sessions.heard.clear()
        async with sessions.store.open(made_up) as session:
            assert session.token is None
            session["a"] = "mine"

        assert session.token is not None
        assert session.token.handle not in made_up
        assert sessions.heard.kinds() == ["rejected", "created"]
    assert traces.values(token.handle) == {"a": b'"old"'}


KEYS: Final[list[object]] = [*("", "k" * 65, "é" * 33, "\ud800", "a\udfff"), *(None, b"a", 5, True, ("a",))]


async def test_a_key_that_can_be_none_is_refused(
    refused: Callable[..., Any], sessions: AsyncSessions, token: SessionToken
) -> None:
    session = await sessions.store.open(token).__aenter__()

    async def assign(key: Any) -> None:
        session[key] = 1

    for each in KEYS:
        key: Any = each
        calls: list[Callable[[], Any]] = [
            lambda: assign(key),  # noqa: B023  # it is called at once
            lambda: session.take(key),  # noqa: B023  # likewise
            lambda: sessions.store.create({key: 1}),  # noqa: B023  # likewise
            lambda: sessions.store.save(token, SessionPatch(sets={key: 1})),  # noqa: B023  # likewise
            lambda: sessions.store.save(token, SessionPatch(deletes=[key])),  # noqa: B023  # likewise
            lambda: sessions.store.save(token, SessionPatch(takes=[key])),  # noqa: B023  # likewise
        ]
        for call in calls:
            assert await refused(call) == "key"
    assert dict(session) == {"a": "old"}


@pytest.mark.parametrize("key", [None, b"a", 5, "none"])
async def test_a_key_that_is_not_there_is_absent_whatever_it_is(
    sessions: AsyncSessions, token: SessionToken, key: Any
) -> None:
    async with sessions.store.open(token) as session:
        assert key not in session
        assert session.get(key, "default") == "default"
        with pytest.raises(KeyError):
            del session[key]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


class Text(str):
    __slots__ = ()


VALUES: Final[dict[str, Any]] = {
    "a set": {1},
    "an object": object(),
    "a function": print,
    "a class": int,
    "a generator": iter([1]),
    "NaN": nan,
    "infinity": inf,
    "infinity in a list": [-inf],
    "a Decimal that is not finite": Decimal("NaN"),
    "a complex number": 1j,
    "a huge integer": 10**5000,
    "a huge integer in a list": [10**5000],
    "a dict with keys that are numbers": {1: "a"},
    "a dict with a key that is None": {None: 1},
    "a dict with keys that are bytes": {"a": {b"k": 1}},
    "nested too deeply": nested(101),
    "nested beyond recursion": nested(100_000),
    "inside itself": cyclic(),
    "surrogates": "\ud800",
    "surrogates in a dict": {"\udfff": 1},
    "too long": "x" * 2000,
    "too long in bytes": "é" * 1000,
    "too long in a list": ["x" * 500] * 4,
    "one list countless times": [[[[[["x" * 9] * 9] * 9] * 9] * 9] * 9],
    "a bytearray": bytearray(b"x"),
    "a timedelta": timedelta(1),
    "a subclass": Text("a"),
    "a frozenset in a tuple": (frozenset({1}),),
}


@pytest.mark.parametrize("kind", VALUES)
async def test_a_value_that_cannot_be_stored_is_refused(
    refused: Callable[..., Any], sessions: AsyncSessions, token: SessionToken, kind: str
) -> None:
    value = VALUES[kind]
    session = await sessions.store.open(token).__aenter__()
    session["good"] = 1
    session["bad"] = value
    calls: list[Callable[[], Any]] = [
        session.save,
        lambda: session.transact(lambda values: values.update(bad=value)),
        lambda: sessions.store.create({"bad": value}),
        lambda: sessions.store.save(token, SessionPatch(sets={"bad": value})),
    ]
    for call in calls[:1] + calls[2:]:
        assert await refused(call) == "session['bad']"
    with pytest.raises(ArgumentError):
        await calls[1]()


@pytest.mark.parametrize("kind", VALUES)
async def test_a_refused_save_loses_nothing(
    sessions: AsyncSessions, token: SessionToken, traces: Traces, kind: str
) -> None:
    async with sessions.store.open(token) as session:
        session["good"] = [1]
        session["bad"] = VALUES[kind]
        session["a"] = "new"
        session.rotate()
        with pytest.raises(ArgumentError):
            await session.save()

        assert session.token == token
        assert session["bad"] is VALUES[kind]
        session["bad"] = "fixed"

    assert traces.values(token.handle) == {"a": b'"new"', "good": b"[1]", "bad": b'"fixed"'}
    assert traces.counted(token.handle) == (2, 1)


async def test_a_value_that_becomes_one_that_cannot_be_stored_is_refused_and_can_be_mended(
    sessions: AsyncSessions, traces: Traces
) -> None:
    token = await sessions.store.create({"list": [1]})
    async with sessions.store.open(token) as session:
        session["list"].append({2})
        with pytest.raises(ArgumentError):
            await session.save()
        session["list"][1] = 2

    assert traces.values(token.handle) == {"list": b"[1,2]"}


async def test_a_first_save_that_was_refused_begins_nothing(sessions: AsyncSessions, traces: Traces) -> None:
    async with sessions.store.open() as session:
        session["bad"] = {1}
        session.bind("ann")
        with pytest.raises(ArgumentError):
            await session.save()
        assert traces.handles() == traces.listed("ann") == set()
        session["bad"] = 1

    assert session.token is not None
    assert traces.handles() == traces.listed("ann") == {session.token.handle}


async def test_an_end_is_not_sent_beside_what_is_refused(
    sessions: AsyncSessions, token: SessionToken, traces: Traces
) -> None:
    async with sessions.store.open(token) as session:
        session.destroy()
        session["bad"] = {1}
        with pytest.raises(ArgumentError):
            await session.save()
        assert traces.handles() == {token.handle}
        del session["bad"]

    assert traces.handles() == set()


async def test_too_many_values_are_refused_and_nothing_is_lost(
    addr: str, prefix: str, stores: AsyncSessionStores, traces: Traces
) -> None:
    sessions = stores.open(addr, prefix, max_keys=3)
    token = await sessions.store.create({"a": 1, "b": 2})
    async with sessions.store.open(token) as session:
        session.update(c=3, d=4)
        with pytest.raises(ArgumentError, match="REDIS_SESSION_MAX_KEYS"):
            await session.save()
        del session["a"]
    with pytest.raises(ArgumentError, match="REDIS_SESSION_MAX_KEYS"):
        await sessions.store.create(dict.fromkeys("abcd"))

    assert traces.values(token.handle) == {"b": b"2", "c": b"3", "d": b"4"}


async def test_too_many_bytes_are_refused_and_nothing_is_lost(
    addr: str, prefix: str, stores: AsyncSessionStores, traces: Traces
) -> None:
    sessions = stores.open(addr, prefix, max_bytes=100, max_value_bytes=64)
    token = await sessions.store.create({"a": "x" * 50})
    async with sessions.store.open(token) as session:
        session["b"] = "y" * 50
        with pytest.raises(ArgumentError, match="REDIS_SESSION_MAX_BYTES"):
            await session.save()
        session["a"] = "x"
    with pytest.raises(ArgumentError, match="REDIS_SESSION_MAX_BYTES"):
        await sessions.store.create({"a": "x" * 50, "b": "y" * 50})

    assert traces.values(token.handle) == {"a": b'"x"', "b": b'"' + b"y" * 50 + b'"'}


@pytest.mark.parametrize("limit", ["max_value_bytes", "max_keys", "max_bytes"])
async def test_a_session_from_before_a_limit_was_lowered_is_still_of_use(
    addr: str, prefix: str, stores: AsyncSessionStores, traces: Traces, limit: str
) -> None:
    token = await stores.open(addr, prefix).store.create({"list": ["x" * 100], "b": 2, "c": 3})
    low: dict[str, Any] = {"max_value_bytes": {"max_value_bytes": 64}, "max_keys": {"max_keys": 2}}
    lowered: dict[str, Any] = low.get(limit, {"max_bytes": 64, "max_value_bytes": 64})
    sessions = stores.open(addr, prefix, **lowered)

    async with sessions.store.open(token) as session:
        assert dict(session) == {"list": ["x" * 100], "b": 2, "c": 3}
        if limit == "max_value_bytes":
            session["b"] = 3
        session.rotate()

    assert session.token != token
    assert traces.values(token.handle)["b"] == (b"3" if limit == "max_value_bytes" else b"2")


async def test_a_user_that_can_be_none_is_refused(
    refused: Callable[..., Any], sessions: AsyncSessions, token: SessionToken
) -> None:
    session = await sessions.store.open(token).__aenter__()

    async def bind(user: Any) -> None:
        session.bind(user)

    for each in ("", "u" * 257, "é" * 129, "\ud800", None, 5, b"ann", True):
        user: Any = each
        calls: list[Callable[[], Any]] = [
            lambda: bind(user),  # noqa: B023  # it is called at once
            lambda: sessions.store.sessions_of(user),  # noqa: B023  # likewise
            lambda: sessions.store.drain(user),  # noqa: B023  # likewise
            lambda: sessions.store.revoke_all(user),  # noqa: B023  # likewise
        ]
        for call in calls:
            assert await refused(call) == "user"
        with pytest.raises(ArgumentError, match="user"):
            await sessions.store.bind(token, user)


@pytest.mark.parametrize("name", ["address", "agent"])
async def test_an_address_and_an_agent_are_text(
    refused: Callable[..., Any], sessions: AsyncSessions, token: SessionToken, name: str
) -> None:
    session = await sessions.store.open(token).__aenter__()

    async def bind(value: Any) -> None:
        session.bind("ann", **{name: value})

    for value in (5, b"::1", ["::1"]):
        assert await refused(lambda: bind(value)) == name  # noqa: B023  # it is called at once
    assert session.user is None


async def test_what_clients_say_of_themselves_is_kept_as_far_as_it_can_be(
    sessions: AsyncSessions, token: SessionToken
) -> None:
    token = await sessions.store.bind(token, "ann", address="\ud800" * 100, agent="é\r\n\0" * 1000)

    [info] = await sessions.store.sessions_of("ann")
    assert info.address == "?" * 64
    assert info.agent == ("é\r\n\0" * 1000).encode()[:256].decode(errors="ignore")


@pytest.mark.parametrize("spoilt", ["no-user", "other"])
async def test_another_user_is_refused_until_the_session_is_ended(
    sessions: AsyncSessions, token: SessionToken, traces: Traces, spoilt: str
) -> None:
    token = await sessions.store.bind(token, "ann")
    async with sessions.store.open(token) as session:
        assert session.user == "ann"
        with pytest.raises(ArgumentError, match="user"):
            session.bind(spoilt)
    with pytest.raises(ArgumentError, match="user"):
        await sessions.store.bind(token, spoilt)

    assert traces.listed(spoilt) == set()
    assert await sessions.store.load(token) is not None


async def test_without_an_index_its_methods_are_refused_by_the_name_of_the_setting(
    addr: str, prefix: str, stores: AsyncSessionStores
) -> None:
    sessions = stores.open(addr, prefix)
    session = await sessions.store.open().__aenter__()
    with pytest.raises(ConfigError, match="REDIS_SESSION_PER_USER_MAX"):
        session.bind("ann")
    calls: list[Callable[[], Any]] = [
        lambda: sessions.store.sessions_of("ann"),
        lambda: sessions.store.drain("ann"),
        lambda: sessions.store.revoke_all("ann"),
    ]
    for call in calls:
        with pytest.raises(ConfigError, match="REDIS_SESSION_PER_USER_MAX"):
            await call()


SPANS: Final[list[Any]] = [0, -1, nan, inf, True, "5", timedelta(0), 10**30, timedelta(seconds=-1)]


async def test_a_grace_that_can_be_none_is_refused(
    refused: Callable[..., Any], sessions: AsyncSessions, token: SessionToken
) -> None:
    session = await sessions.store.open(token).__aenter__()

    async def rotate(grace: Any) -> None:
        session.rotate(grace=grace)

    for grace in SPANS:
        assert await refused(lambda: rotate(grace)) == "grace"  # noqa: B023  # it is called at once
        assert (
            await refused(lambda: sessions.store.save(token, PATCH, rotate=True, grace=grace))  # noqa: B023  # likewise
            == "grace"
        )
    assert await refused(lambda: sessions.store.save(token, PATCH, grace=5)) == "grace"
    await session.save()
    assert session.token == token


async def test_a_version_that_can_be_none_is_refused(
    refused: Callable[..., Any], sessions: AsyncSessions, token: SessionToken
) -> None:
    for each in (True, "1", 1.0, b"1", [1]):
        wrong: Any = each
        assert await refused(lambda: sessions.store.save(token, PATCH, expect=wrong)) == "expect"  # noqa: B023  # called at once


async def test_attempts_that_can_be_none_are_refused(
    refused: Callable[..., Any], sessions: AsyncSessions, token: SessionToken
) -> None:
    session = await sessions.store.open(token).__aenter__()

    for each in (0, -1, True, 1.5, "3", None):
        wrong: Any = each
        assert await refused(lambda: session.transact(dict, attempts=wrong)) == "attempts"  # noqa: B023  # called at once


async def test_a_change_that_has_to_be_awaited_is_refused(
    sessions: AsyncSessions, token: SessionToken, traces: Traces
) -> None:
    session = await sessions.store.open(token).__aenter__()

    def change(values: Any) -> Any:
        values["a"] = "new"
        return Promise()

    with pytest.raises(ArgumentError, match="change"):
        await session.transact(change)

    assert traces.values(token.handle) == {"a": b'"old"'}


async def test_a_transaction_needs_a_session_that_has_begun(
    sessions: AsyncSessions, watch: ServerWatch
) -> None:
    session = await sessions.store.open().__aenter__()
    watch.commands()

    with pytest.raises(ArgumentError, match="session"):
        await session.transact(dict)

    assert watch.commands() == []


PATCHES: Final[list[Any]] = [
    None,
    {"a": 1},
    SessionPatch(sets=[("a", 1)]),  # type: ignore[arg-type]  # it is to be refused
    SessionPatch(sets="a"),  # type: ignore[arg-type]  # likewise
    SessionPatch(deletes="ab"),
    SessionPatch(deletes=b"ab"),  # type: ignore[arg-type]  # likewise
    SessionPatch(takes="ab"),
    SessionPatch(deletes=5),  # type: ignore[arg-type]  # likewise
    SessionPatch(takes=iter("ab")),  # type: ignore[arg-type]  # likewise
    SessionPatch(sets={"a": 1}, deletes=["a"]),
    SessionPatch(sets={"a": 1}, takes=["a"]),
    SessionPatch(deletes=["a"], takes=["a"]),
    SessionPatch(deletes=["a", "a"]),
    SessionPatch(takes=["a", "a"]),
]


@pytest.mark.parametrize("number", range(len(PATCHES)))
async def test_a_patch_that_can_be_none_is_refused(
    refused: Callable[..., Any], sessions: AsyncSessions, token: SessionToken, number: int
) -> None:
    assert await refused(lambda: sessions.store.save(token, PATCHES[number])) in ("patch", "data")


@pytest.mark.parametrize("data", [None, 5, "ab", [("a", 1)], {"a"}])
async def test_data_that_is_no_mapping_is_refused(
    refused: Callable[..., Any], sessions: AsyncSessions, data: Any
) -> None:
    assert await refused(lambda: sessions.store.create(data)) == "data"


async def test_no_error_repeats_what_was_refused(sessions: AsyncSessions, token: SessionToken) -> None:
    session = await sessions.store.open(token).__aenter__()
    session["bad"] = {"s3cret"}
    with pytest.raises(ArgumentError) as caught:
        await session.save()

    assert str(caught.value).startswith("session['bad'] holds a set: store what JSON can hold")
