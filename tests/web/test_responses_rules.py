"""Laws of response caching, and the arguments that it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from modkit_redis import RedisBundle
from modkit_redis.contract import ArgumentError
from modkit_redis.web.asgi import ResponseCacheMiddleware
from modkit_redis.web.caching.answering import is_unmodified, reason_not_to_use
from modkit_redis.web.caching.asked import Asked, digest, key_of, selected
from modkit_redis.web.caching.fields import LONGEST_SECONDS, Directives, moment, names, seconds
from modkit_redis.web.caching.rules import Rules
from modkit_redis.web.caching.stored import StoredResponse
from modkit_redis.web.caching.storing import lifetime, made

NAMES = st.sampled_from(
    [b"cache-control", b"vary", b"expires", b"age", b"date", b"etag", b"connection", b"x"]
)
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=30)), max_size=6)
SHORT = st.text("ab/?=&.:\x00\u00e9", max_size=4)
SCOPES = st.fixed_dictionaries(
    {
        "scheme": st.sampled_from(["http", "https"]),
        "root_path": SHORT,
        "path": SHORT,
        "raw_path": st.one_of(st.none(), SHORT.map(str.encode)),
        "query_string": SHORT.map(str.encode),
        "host": SHORT.map(str.encode),
        "accept": st.one_of(st.none(), SHORT.map(str.encode)),
        "owner": st.one_of(st.none(), SHORT),
    }
)


def key(scope: dict[str, Any]) -> str:
    """Return the key of a request with these parts."""
    fields = [(b"host", scope["host"])]
    if scope["accept"] is not None:
        fields.append((b"accept", scope["accept"]))
    return key_of(scope, Asked.by(fields, scope["owner"]), ("accept",))


@given(SCOPES, SCOPES)
def test_requests_that_differ_in_a_part_have_different_keys(one: Any, other: Any) -> None:
    raw = [{**each, "raw_path": each["raw_path"] or b""} for each in (one, other)]

    assert (key(one) == key(other)) == (raw[0] == raw[1])


PARTS = st.lists(st.text("ab", max_size=2).map(str.encode), max_size=3)


@given(PARTS, PARTS)
@example([b"ab", b"c"], [b"a", b"bc"])
@example([b"", b"a"], [b"a", b""])
def test_where_a_part_ends_makes_a_difference(one: list[bytes], other: list[bytes]) -> None:
    assert (digest(one) == digest(other)) == (one == other)


@given(SCOPES, st.sampled_from(["path", "root_path", "owner"]), SHORT)
def test_another_part_is_another_key(scope: Any, part: str, value: str) -> None:
    assume(scope[part] != value)

    assert key(scope) != key({**scope, part: value})


def test_nobody_is_not_somebody_without_a_name_and_a_missing_field_is_not_an_empty_one() -> None:
    nobody, unnamed = Asked.by([]), Asked.by([], "")

    assert key_of({"path": "/"}, nobody, ()) != key_of({"path": "/"}, unnamed, ())
    assert selected([], ["x"]) != selected([(b"x", b"")], ["x"])
    assert selected([(b"x", b"1"), (b"x", b"2")], ["x"]) == selected([(b"X", b"1, 2")], ["x"])


@given(st.binary(max_size=60))
@example(b'private="x, no-store')
@example(b"max-age=" + b"9" * 5000)
def test_whatever_stands_in_a_field_nothing_raises(raw: bytes) -> None:
    fields = [(b"cache-control", raw), (b"if-none-match", raw), (b"expires", raw), (b"vary", raw)]
    found = Directives(fields)

    assert all(0 <= (found.seconds(each) or 0) <= LONGEST_SECONDS for each in ("max-age", "s-maxage"))
    moment(raw)
    is_unmodified([(b"etag", raw), (b"last-modified", raw)], [*fields, (b"if-modified-since", raw)])
    Asked.by(fields)
    assert all(each == each.strip().lower() != "" for each in names(fields, b"vary"))


@given(
    st.sampled_from(["no-store", "private", "No-Cache"]),
    st.binary(max_size=20).filter(lambda raw: b'"' not in raw),
)
def test_a_directive_is_seen_whatever_stands_before_it(directive: str, before: bytes) -> None:
    found = Directives([(b"cache-control", before + b", " + directive.encode())])

    assert directive.lower() in found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("10", 10),
        ("9" * 5000, LONGEST_SECONDS),
        ("-1", 0),
        ("1.5", 0),
        ("\u0663", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_seconds_that_are_none_are_zero(text: str | None, number: int) -> None:
    assert seconds(text) == number


@given(st.integers(100, 599), FIELDS, st.binary(max_size=50), FIELDS)
def test_what_is_stored_comes_back_equal(status: int, fields: Any, body: bytes, asked: Any) -> None:
    stored = made(status, fields, body, Asked.by(asked), ("x",), 9.5)

    assert StoredResponse.loads(stored.dumps()) == stored
    assert stored.is_for(Asked.by(asked))
    assert repr(stored).find("body") == -1


@given(st.binary(max_size=80) | st.integers() | st.none() | st.text())
@example(b"RC\x01\x00\x00\x00\x02{}")
@example(b"RC\x01\x00\x00\x00\x02[]body")
@example(b"RC\x01\xff\xff\xff\xff")
@example(b"RC\x01\x00\x00\x00\x041e99")
def test_other_bytes_are_no_response(raw: object) -> None:
    assert StoredResponse.loads(raw) is None


@given(FIELDS, FIELDS, st.integers(1, 100))
@example([(b"cache-control", b"max-age=90")], [], 60)
@example([(b"expires", b"Thu, 01 Jan 2037 00:00:00 GMT")], [], 60)
def test_nothing_lives_longer_than_the_cache_allows(fields: Any, asked: Any, ttl: int) -> None:
    span = lifetime(200, fields, Asked.by(asked), (), ttl)

    assert span is None or 0 < span <= ttl


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing."""


def store() -> Any:
    """Return nothing that is asked for."""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ttl": 0}, "ttl must be positive"),
        ({"ttl": True}, "ttl must be a timedelta or seconds"),
        ({"ttl": float("nan")}, "ttl must be finite"),
        (
            {"store": None},
            "store must be a cache store for asyncio, or a provider of one",
        ),
        ({"app": None}, "app must be an ASGI application"),
        ({"applies": "/a"}, "applies must be a function of method and path, or None"),
        ({"private": True}, "private must be a function of the scope, or None"),
        ({"group": None}, "group must be text, or a function of the scope"),
        ({"vary": "accept"}, "vary must be several names"),
        ({"vary": ("*",)}, "vary must hold names of request fields"),
        ({"vary": ("a b",)}, "vary must hold names of request fields"),
        ({"vary": (b"accept",)}, "vary must hold names of request fields"),
        ({"vary": 7}, "vary must be several names"),
        ({"max_bytes": 0}, "max_bytes must be a whole number"),
        ({"max_bytes": True}, "max_bytes must be a whole number"),
        ({"max_bytes": 2**30}, "max_bytes must be a whole number"),
    ],
    ids=str,
)
def test_an_argument_that_cannot_be_used_is_refused_at_once(wrong: dict[str, Any], said: str) -> None:
    arguments: Any = {"app": app, "store": store, "ttl": 60, **wrong}

    with pytest.raises(ArgumentError, match=said):
        ResponseCacheMiddleware(**arguments)


def test_a_store_of_the_other_world_is_refused(addr: str, prefix: str) -> None:
    bundle = RedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": {"default_ttl": "1m"}})
    threaded: Any = bundle.cache.store()

    with pytest.raises(ArgumentError, match="store must be a cache store for asyncio"):
        ResponseCacheMiddleware(app, store=threaded, ttl=60)

    bundle.shutdown_resources()


def test_names_of_fields_are_taken_once_whatever_their_case() -> None:
    assert Rules(1, None, ["Accept", "accept", "X"], 1).vary == ("accept", "x")


@pytest.mark.parametrize(
    ("wish", "later", "why"),
    [
        ("", 9, ""),
        ("", 10, "fwd=stale"),
        ("", -99, ""),
        ("max-age=12", 9, "fwd=request"),
        ("max-age=12", 7, ""),
        ("min-fresh=3", 7, ""),
        ("min-fresh=4", 7, "fwd=request"),
        ("no-cache", 1, "fwd=request"),
    ],
)
def test_how_old_a_response_is_decides_whether_it_is_used(wish: str, later: int, why: str) -> None:
    stored = made(200, [(b"age", b"5")], b"", Asked.by([]), (), 10)
    asked = Asked.by([(b"cache-control", wish.encode())])

    assert reason_not_to_use(stored, asked, stored.stored + later) == why
    assert stored.age_at(stored.stored + later) == 5 + max(0, later)
