"""Laws of the codec, over values and bytes that nobody thought of."""

from __future__ import annotations

import tracemalloc
import zlib
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from importlib.util import find_spec
from typing import Any, TypedDict
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modkit_redis.cache.codec import Codec, Encoded, UndecodableError
from modkit_redis.contract.errors import ArgumentError

MANY = 2**20
MSGSPEC = find_spec("msgspec") is not None

needs_msgspec = pytest.mark.skipif(not MSGSPEC, reason="needs the extra msgspec")
# Compressed from the first byte on, so that short values are too.
CODECS = [
    Codec(written, above, MANY)
    for written in (("json", "msgpack") if MSGSPEC else ("json",))
    for above in (None, 0)
]
codecs = st.sampled_from(CODECS)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**63 - 2, 2**64 + 2)
    | st.integers(-(2**63) - 2, -(2**63) + 2)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


def containers(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5)


plain = st.recursive(scalars, containers, max_leaves=20)
anything = st.recursive(
    scalars
    | st.binary()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([1j, UTC, int, ..., date.max]),
    lambda inner: (
        containers(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(scalars | st.binary(), inner, max_size=3)
        | st.sets(scalars, max_size=3)
    ),
    max_leaves=20,
)


def read(codec: Codec, encoded: Encoded, type: object = None) -> object:
    return codec.decode(encoded.codec, encoded.compressor, encoded.payload, type)


def alike(one: object, other: object) -> bool:
    """Whether they are equal and of the same types, at any depth, and zeros have the same sign."""
    return repr(one) == repr(other)


def encoded_unless_refused(codec: Codec, value: object, type: object = None) -> Encoded | None:
    try:
        return codec.encode(value, type)
    except ArgumentError as error:
        refused = error
    assert (refused.argument, refused.__context__) == ("value", None)
    return None


def decode_unless_undecodable(
    codec: Codec, kind: int, compressor: int, payload: bytes, type: object = None
) -> None:
    try:
        codec.decode(kind, compressor, payload, type)
    except UndecodableError as error:
        refused = error
    else:
        return
    assert refused.__context__ is None


@given(codecs, codecs, plain | st.binary())
def test_a_plain_value_comes_back_with_its_types(writer: Codec, reader: Codec, value: object) -> None:
    assert alike(read(reader, writer.encode(value)), value)


@given(codecs, anything)
def test_a_value_comes_back_with_its_types_or_is_refused(codec: Codec, value: object) -> None:
    encoded = encoded_unless_refused(codec, value)

    assert encoded is None or alike(read(codec, encoded), value)


@needs_msgspec
@given(codecs, anything)
def test_a_value_of_any_type_comes_back_equal_or_is_refused(codec: Codec, value: object) -> None:
    encoded = encoded_unless_refused(codec, value, object)

    assert encoded is None or read(codec, encoded, object) == value


@given(codecs, st.lists(scalars, min_size=1))
def test_a_change_after_encoding_changes_nothing(codec: Codec, inner: list[object]) -> None:
    value: dict[str, Any] = {"a": inner, "b": {"c": inner}}
    before = deepcopy(value)
    encoded = codec.encode(value)
    assert alike(value, before)

    value["b"]["d"] = inner.pop()

    assert alike(read(codec, encoded), before)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Order:
    id: UUID
    placed: datetime
    total: Decimal
    colour: Colour
    level: Level
    counts: dict[int, str]
    pair: tuple[int, str]
    lasts: timedelta | None = None
    follows: Order | None = None


class Row(TypedDict, total=False):
    id: UUID
    placed: datetime
    total: Decimal
    colour: Colour
    counts: dict[int, str]


first, last = datetime(1900, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001  # bounds have no time zone
moments = (
    st.datetimes(first, last) | st.datetimes(first, last, timezones=st.just(UTC))
    # `==` does not see it, and it is lost
).map(lambda moment: moment.replace(fold=0))
amounts = st.decimals(allow_nan=False, allow_infinity=False)
counts = st.dictionaries(st.integers(-(2**63), 2**64 - 1), st.text(), max_size=5)
fields: dict[str, st.SearchStrategy[Any]] = {
    "id": st.uuids(),
    "placed": moments,
    "total": amounts,
    "colour": st.sampled_from(Colour),
    "counts": counts,
}
more: dict[str, st.SearchStrategy[Any]] = {
    "level": st.sampled_from(Level),
    "pair": st.tuples(st.integers(), st.text()),
    "lasts": st.none() | st.timedeltas(timedelta(days=-1000), timedelta(days=1000)),
}
orders: st.SearchStrategy[Order] = st.deferred(
    lambda: st.builds(Order, **fields, **more, follows=st.none() | orders)
)
rows = st.fixed_dictionaries({}, optional=fields)


@needs_msgspec
@given(codecs, orders)
def test_a_dataclass_comes_back(codec: Codec, order: Order) -> None:
    back = read(codec, codec.encode(order, Order), Order)

    assert alike(back, order)


@needs_msgspec
@given(codecs, st.lists(rows, max_size=3))
def test_typed_dictionaries_come_back(codec: Codec, several: list[Row]) -> None:
    back = read(codec, codec.encode(several, list[Row]), list[Row])

    assert back == several


@needs_msgspec
@given(codecs, st.fixed_dictionaries(fields))
def test_a_struct_comes_back(codec: Codec, values: dict[str, Any]) -> None:
    back = read(codec, codec.encode(STRUCT(**values), STRUCT), STRUCT)

    assert back == STRUCT(**values)


@needs_msgspec
@given(codecs, st.datetimes(timezones=st.timezones()))
def test_a_moment_of_any_zone_comes_back_or_is_refused(codec: Codec, moment: datetime) -> None:
    encoded = encoded_unless_refused(codec, moment, datetime)

    assert encoded is None or read(codec, encoded, datetime) == moment


TYPES: list[object] = [None, bytes, *((int, list[str], Order, Row, object, str | None) if MSGSPEC else ())]
# Half of them with bytes that begin well.
openings = st.sampled_from(
    [b"", b'{"id":', b'["', b"-1e", b"\x81\xa2id", b"\xdd\x00\xff\xff\xff", b"\xc7\x0c\xff", b"\xd6\xff"]
)
payloads = st.builds(bytes.__add__, openings, st.binary()) | st.builds(zlib.compress, st.binary())


@given(
    codecs,
    st.integers(0, 4) | st.integers(),
    st.integers(0, 2) | st.integers(),
    payloads,
    st.sampled_from(TYPES),
)
@example(CODECS[0], 2, 0, b"\xc7\x0c\xff" + b"\xff" * 12, None)
@example(CODECS[0], 1, 0, b"[" * 100_000, None)
@example(CODECS[0], 2, 0, b"\x91" * 100_000, None)
def test_any_bytes_are_a_value_or_undecodable(
    codec: Codec, kind: int, compressor: int, payload: bytes, type: object
) -> None:
    decode_unless_undecodable(codec, kind, compressor, payload, type)


@given(codecs, plain | st.binary(), st.data())
def test_a_damaged_value_is_a_value_or_undecodable(codec: Codec, value: object, data: st.DataObject) -> None:
    encoded = codec.encode(value)
    damaged = bytearray(encoded.payload + b"\x00")
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))

    cut = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    decode_unless_undecodable(codec, encoded.codec, encoded.compressor, cut)


@given(st.integers(1, 12), st.integers(0, 2**16))
def test_no_more_than_is_allowed_is_ever_unpacked(times: int, max_bytes: int) -> None:
    bomb = zlib.compress(bytes(times * 2**18))

    tracemalloc.start()
    try:
        with pytest.raises(UndecodableError):
            Codec("json", None, max_bytes).decode(3, 1, bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 2**20


STRUCT: Any = None
if MSGSPEC:
    import msgspec

    STRUCT = msgspec.defstruct(
        "Struct",
        [
            ("id", UUID),
            ("placed", datetime),
            ("total", Decimal),
            ("colour", Colour),
            ("counts", dict[int, str]),
        ],
    )
