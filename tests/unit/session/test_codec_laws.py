"""Laws of how a session's values are written, over values and bytes that nobody thought of."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modkit_redis.contract import ArgumentError
from modkit_redis.session.codec import UndecodableError, decode, encode, is_mutable

MANY = 2**20

offsets = st.integers(-86_000, 86_000).map(lambda seconds: timezone(timedelta(seconds=seconds)))
moments = (
    st.datetimes() | st.datetimes(timezones=st.just(UTC) | offsets)
    # `==` does not see it, and it is lost
).map(lambda moment: moment.replace(fold=0))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | moments
    | st.uuids()
    | st.decimals(allow_nan=False, allow_infinity=False)
)
keys = st.text(max_size=5) | st.sampled_from(["$", "$t", "$b", "$d", "$u", "$n", "$$", "$t ", "a$"])


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    one = st.dictionaries(keys, inner, min_size=1, max_size=1)  # what is told from a tag
    return (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | one
        | st.dictionaries(keys, inner, max_size=4)
    )


values = st.recursive(scalars, containers, max_leaves=15)
anything = st.recursive(
    scalars
    | st.floats()
    | st.decimals()
    | st.text(st.characters())
    | st.datetimes(timezones=st.timezones())
    | st.sampled_from([1j, int, ..., date.max, bytearray(b"x")]),
    lambda inner: (
        containers(inner)
        | st.dictionaries(scalars, inner, max_size=3)
        | st.sets(st.integers(), max_size=3)
        | st.frozensets(st.text(), max_size=3)
    ),
    max_leaves=15,
)
letters = st.sampled_from(
    [b'{"$', b't":', b'u":', b'n":', b'd":', b'b":', b'":', b"[", b"]", b"}", b'"', b"1", b",", b"e999"]
)
openings = st.lists(letters, max_size=8).map(b"".join)


def alike(one: object, other: object) -> bool:
    """Whether they are equal and of the same types, at any depth, and zeros have the same sign."""
    return repr(one) == repr(other)


def encoded_unless_refused(value: object) -> bytes | None:
    try:
        return encode(value, "k", MANY)
    except ArgumentError as error:
        refused = error
    assert (refused.argument, refused.__context__) == ("session['k']", None)
    return None


@given(values)
def test_a_value_comes_back_with_its_types(value: object) -> None:
    assert alike(decode(encode(value, "k", MANY)), value)


@given(anything)
def test_whatever_is_not_refused_comes_back_the_same(value: object) -> None:
    encoded = encoded_unless_refused(value)

    # A zone's name is not kept, but the offset is.
    assert encoded is None or encode(decode(encoded), "k", MANY) == encoded


@given(values)
def test_what_comes_back_is_written_as_before(value: object) -> None:
    """Else a value that was only looked at would count as changed."""
    encoded = encode(value, "k", MANY)

    assert encode(decode(encoded), "k", MANY) == encoded


@given(values, values)
def test_different_values_are_written_differently(one: object, other: object) -> None:
    """Else a change would go unnoticed."""
    same = encode(one, "k", MANY) == encode(other, "k", MANY)

    assert same == alike(one, other)


@given(st.lists(scalars, min_size=1))
def test_writing_keeps_no_part_of_a_value(inner: list[object]) -> None:
    value: dict[str, Any] = {"a": inner, "b": ({"c": inner},)}
    before = deepcopy(value)
    encoded = encode(value, "k", MANY)
    assert alike(value, before)

    inner.pop()

    assert alike(decode(encoded), before)


@given(values)
def test_a_value_that_is_read_twice_is_two_values(value: object) -> None:
    encoded = encode(value, "k", MANY)

    one, other = decode(encoded), decode(encoded)

    assert one is not other or not is_mutable(one) or one == ()


@given(values, st.integers(1, 60))
def test_the_limit_is_on_the_bytes_that_are_written(value: object, longest: int) -> None:
    length = len(encode(value, "k", MANY))

    if length <= longest:
        assert len(encode(value, "k", longest)) == length
    else:
        with pytest.raises(ArgumentError, match="REDIS_SESSION_MAX_VALUE_BYTES"):
            encode(value, "k", longest)


@given(openings, st.binary())
@example(b'{"$u":5}', b"")
@example(b'{"$":{"a":1}}', b"")
def test_any_bytes_are_a_value_or_undecodable(opening: bytes, rest: bytes) -> None:
    try:
        decode(opening + rest)
    except UndecodableError as error:
        refused = error
    else:
        return
    assert refused.__context__ is None


@given(values, st.data())
def test_a_damaged_value_is_a_value_or_undecodable(value: object, data: st.DataObject) -> None:
    damaged = bytearray(encode(value, "k", MANY) + b" ")
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))

    try:
        decode(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    except UndecodableError as error:
        refused = error
    else:
        return
    assert refused.__context__ is None
