"""What a session's values are written as, what is refused, and what is read."""

from __future__ import annotations

import sys
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from math import inf, nan
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from modkit_redis.contract import ArgumentError, SessionToken
from modkit_redis.session.codec import UndecodableError, decode, encode, is_mutable

MANY: Final = 2**20
SOME_ID: Final = UUID("12345678-1234-5678-1234-567812345678")
STORABLE: Final = "store what JSON can hold, bytes, tuple, datetime, UUID or Decimal, or an id"


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


class Moment(datetime):
    pass


def refusal(value: object, longest: int = MANY) -> str:
    with pytest.raises(ArgumentError) as refused:
        encode(value, "cart", longest)
    assert refused.value.argument == "session['cart']"
    assert (refused.value.__context__, refused.value.__cause__) == (None, None)
    return str(refused.value)


def nested(depth: int, innermost: object, wrap: Any = lambda inside: [inside]) -> object:
    for _ in range(depth):
        innermost = wrap(innermost)
    return innermost


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, b"null"),
        (True, b"true"),
        (1, b"1"),
        (-0.0, b"-0.0"),
        (1.0, b"1.0"),
        ("ü\x00\u2028", '"ü\\u0000\u2028"'.encode()),
        ([1, "a"], b'[1,"a"]'),
        ({"a": 1, "$b": 2}, b'{"a":1,"$b":2}'),
        ({}, b"{}"),
        ((1, (2,)), b'{"$t":[1,{"$t":[2]}]}'),
        ({"$": 1}, b'{"$":["$",1]}'),
        ({"$t": [1]}, b'{"$":["$t",[1]]}'),
        ({"$x": {"$y": ()}}, b'{"$":["$x",{"$":["$y",{"$t":[]}]}]}'),
        (b"\x00\xff", b'{"$b":"AP8="}'),
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), b'{"$d":"2026-01-02T03:04:05.000006+00:00"}'),
        (datetime(2026, 1, 2), b'{"$d":"2026-01-02T00:00:00"}'),  # noqa: DTZ001  # a naive one
        (SOME_ID, b'{"$u":"12345678123456781234567812345678"}'),
        (Decimal("1.10"), b'{"$n":"1.10"}'),
    ],
)
def test_a_value_is_written_as_one_would_write_it_and_read_again(value: object, written: bytes) -> None:
    assert encode(value, "cart", MANY) == written

    back = decode(written)

    assert (repr(back), type(back)) == (repr(value), type(value))


def test_a_time_of_a_named_zone_comes_back_with_its_offset() -> None:
    summer = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Paris"))

    back = decode(encode(summer, "cart", MANY))

    assert back == summer
    assert back.tzinfo == timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (object(), "an object"),
        ({1}, "a set"),
        (frozenset(), "a frozenset"),
        (date(2026, 1, 1), "a date"),
        (timedelta(1), "a timedelta"),
        (bytearray(b"x"), "a bytearray"),
        (1j, "a complex"),
        (Colour.RED, "a Colour"),
        (Level.LOW, "a Level"),
        (Text("x"), "a Text"),
        (SessionToken("x"), "a SessionToken"),
        (OrderedDict(), "an OrderedDict"),
        (Moment(2026, 1, 1), "a Moment"),
        (ArgumentError("a", "b"), "an ArgumentError"),
        (int, "a type"),
        ([{"a": (object(),)}], "an object"),
    ],
)
def test_what_would_not_come_back_the_same_is_refused_by_the_name_of_its_class(
    value: object, holds: str
) -> None:
    assert refusal(value) == f"session['cart'] holds {holds}: {STORABLE}"
    assert refusal([value]) == f"session['cart'] holds {holds}: {STORABLE}"


HUGE: Final = "holds an integer of more than 4300 digits"
NOT_FINITE: Final = "holds a float that is not finite"
NO_TEXT: Final = "holds a dict with keys that are no text: write str(key)"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (inf, NOT_FINITE),
        (-inf, NOT_FINITE),
        (nan, NOT_FINITE),
        (Decimal("NaN"), "holds a Decimal that is not finite"),
        (Decimal("-Infinity"), "holds a Decimal that is not finite"),
        (Decimal("sNaN"), "holds a Decimal that is not finite"),
        pytest.param(10**4300, HUGE, id="huge"),
        pytest.param(-(10**4300), HUGE, id="-huge"),
        ({1: "a"}, NO_TEXT),
        ({None: 1}, NO_TEXT),
        ({b"a": 1}, NO_TEXT),
        ({"a": 1, True: 2}, NO_TEXT),
        ({Text("a"): 1}, NO_TEXT),
        ("\ud800", "holds text that UTF-8 cannot encode"),
        ({"\ud800": 1}, "holds text that UTF-8 cannot encode"),
    ],
)
def test_what_json_cannot_carry_is_refused(value: object, reason: str) -> None:
    assert refusal(value) == f"session['cart'] {reason}"
    assert refusal([value]) == f"session['cart'] {reason}"


def test_the_longest_integer_that_python_reads_is_stored() -> None:
    number = 10**4299

    assert decode(encode(number, "cart", MANY)) == number


TOO_DEEP: Final = (
    "session['cart'] is nested too deeply: more than 100 values inside one another, or inside itself"
)


@pytest.mark.parametrize(
    "wrap",
    [lambda inside: [inside], lambda inside: (inside,), lambda inside: {"$": inside}],
    ids=["list", "tuple", "tagged dict"],
)
def test_values_inside_one_another_have_a_limit(wrap: Any) -> None:
    deepest = nested(100, 1, wrap)

    assert decode(encode(deepest, "cart", MANY)) == deepest
    assert refusal(wrap(deepest)) == TOO_DEEP


def test_a_value_inside_itself_is_refused() -> None:
    inside: list[object] = []
    inside.append(inside)

    assert refusal(inside) == TOO_DEEP


@pytest.mark.parametrize("value", ["x" * 98, b"x" * 67, [1] * 50, {"k": "x" * 92}])
def test_a_value_may_have_as_many_bytes_as_the_limit_says_and_no_more(value: object) -> None:
    length = len(encode(value, "cart", MANY))

    assert len(encode(value, "cart", length)) == length
    assert refusal(value, length - 1) == (
        f"session['cart'] is more than the {length - 1} bytes that REDIS_SESSION_MAX_VALUE_BYTES allows"
    )


def test_a_part_that_is_in_a_value_countless_times_is_refused_before_it_is_written_out() -> None:
    bomb: object = "x"
    for _ in range(60):
        bomb = [bomb, bomb]  # 2 ** 60 texts

    assert refusal(bomb) == (
        f"session['cart'] is more than the {MANY} bytes that REDIS_SESSION_MAX_VALUE_BYTES allows"
    )


def test_a_refusal_names_the_key_and_never_the_content() -> None:
    with pytest.raises(ArgumentError) as refused:
        encode({"hunter2": {"hunter2"}}, "ca'rt", MANY)

    assert str(refused.value) == f"""session["ca'rt"] holds a set: {STORABLE}"""


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b" ",
        b"x",
        b"nul",
        b"[1",
        b"1 2",
        b"'a'",
        b"\xff",
        b"\x01",
        b"\xef\xbb\xbf1",
        b"NaN",
        b"Infinity",
        b"[-Infinity]",
        pytest.param(b"[" * 100_000, id="lists"),
        pytest.param(b'{"a":' * 100_000, id="dicts"),
        pytest.param(b"9" * 5000, id="huge"),
        b'{"$b":"!"}',
        b'{"$b":"YQ"}',
        b'{"$b":"\xc3\xa9"}',
        b'{"$b":5}',
        b'{"$b":null}',
        b'{"$d":"yesterday"}',
        b'{"$d":5}',
        b'{"$u":"1234"}',
        b'{"$u":5}',
        b'{"$u":[1]}',
        b'{"$u":null}',
        b'{"$n":"one"}',
        b'{"$n":{}}',
        b'{"$t":5}',
        b'{"$t":null}',
        b'{"$":[]}',
        b'{"$":["$a"]}',
        b'{"$":["$a",1,2]}',
        b'{"$":[1,2]}',
        b'{"$":5}',
        b'{"$unknown":1}',
        b'[{"$x":1}]',
    ],
)
def test_bytes_that_are_no_value_are_told_from_one(written: bytes) -> None:
    with pytest.raises(UndecodableError) as refused:
        decode(written)

    assert (refused.value.__context__, refused.value.__cause__) == (None, None)
    assert str(refused.value) == ""


@pytest.mark.parametrize("value", [[], {}, (), ([],)])
def test_containers_can_be_changed_without_being_assigned(value: object) -> None:
    assert is_mutable(value)


@pytest.mark.parametrize("value", [None, True, 1, 1.0, "x", b"x", SOME_ID, Decimal(1), datetime.now(UTC)])
def test_single_values_cannot(value: object) -> None:
    assert not is_mutable(value)


def test_a_value_that_is_nested_deeply_is_read_where_the_stack_is_deep_already() -> None:
    written = encode(nested(100, 1, lambda inside: (inside,)), "cart", MANY)

    def below(frames: int) -> object:
        return below(frames - 1) if frames else decode(written)

    assert below(sys.getrecursionlimit() // 3)
