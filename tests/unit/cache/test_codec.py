"""What the codec takes, what it makes of it, and what it refuses."""

from __future__ import annotations

import gc
import json
import os
import pickle
import random
import subprocess
import sys
import tracemalloc
import weakref
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from importlib.util import find_spec
from math import inf, nan
from typing import Literal, TypedDict
from uuid import UUID

import pytest

from modkit_redis.cache.codec import JSON, MSGPACK, RAW, Codec, Encoded, UndecodableError
from modkit_redis.contract.errors import ArgumentError, ModkitRedisError

NONE, ZLIB = 0, 1
MANY = 2**20

needs_msgspec = pytest.mark.skipif(find_spec("msgspec") is None, reason="needs the extra msgspec")
WRITTEN = ("json", pytest.param("msgpack", marks=needs_msgspec))
either = pytest.mark.parametrize("written", WRITTEN)


class Text(str):
    __slots__ = ()


class Blob(bytes):
    __slots__ = ()


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


@dataclass
class User:
    name: str
    age: int = 0


@dataclass
class Admin(User):
    rights: int = 0


@dataclass
class Measured:
    name: str
    value: float | None = field(default=None, compare=False)


@dataclass(eq=False)
class Plain:
    name: str
    tags: list[int] = field(default_factory=list)


@dataclass
class Pair:
    one: Plain
    amount: Decimal


@dataclass
class Moody:
    name: str

    def __post_init__(self) -> None:
        if self.name == "secret":
            raise KeyError(self.name)


class Row(TypedDict):
    id: int
    colour: Colour


def codec(written: str = "json", compress_above: int | None = None, max_bytes: int = MANY) -> Codec:
    return Codec(written, compress_above, max_bytes)


def read(reader: Codec, encoded: Encoded, type: object = None) -> object:
    return reader.decode(encoded.codec, encoded.compressor, encoded.payload, type)


def there_and_back(written: str, value: object, type: object = None) -> object:
    return read(codec(written), codec(written).encode(value, type), type)


def refusal(written: str, value: object, type: object = None) -> str:
    with pytest.raises(ArgumentError) as refused:
        codec(written).encode(value, type)
    assert (refused.value.__context__, refused.value.__cause__) == (None, None)
    return str(refused.value)


def undecodable(
    codec_: int, payload: bytes, *, compressor: int = NONE, type: object = None, max_bytes: int = MANY
) -> str:
    with pytest.raises(UndecodableError) as refused:
        codec(max_bytes=max_bytes).decode(codec_, compressor, payload, type)
    assert (refused.value.__context__, refused.value.__cause__) == (None, None)
    return refused.value.reason


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def in_itself_a_list() -> object:
    value: list[object] = []
    value.append(value)
    return value


def in_itself_a_dict() -> object:
    value: dict[str, object] = {}
    value["self"] = [value]
    return value


PLAIN: tuple[object, ...] = (
    *(None, True, False, 0, 1, -5, 2**63 - 1, -(2**63), 2**64 - 1, 2**64, -(2**63) - 1, 10**30, 10**4299),
    *(0.0, -0.0, 0.1, 1.0, 1e308, 5e-324, -1.7976931348623157e308),
    *("", "123", "null", "Größe 𝄞 \x00 \u2028 \"'\\", b"", b"\xff\x00", b'"text"'),
    *([], {}, [[]], {"": {}}, [None, True, 1, 1.0, "1", [], {}], {"a": [{"b": -0.0}], "ä": 10**30}),
)


@either
@pytest.mark.parametrize("value", PLAIN, ids=lambda it: repr(it)[:30])
def test_a_plain_value_comes_back_with_its_types(written: str, value: object) -> None:
    back = there_and_back(written, value)

    assert repr(back) == repr(value)  # tells 1 from 1.0 from True, and 0.0 from -0.0, at any depth


@either
def test_values_deep_inside_one_another_come_back(written: str) -> None:
    assert there_and_back(written, nested(200)) == nested(200)


@either
def test_what_is_read_is_a_copy(written: str) -> None:
    encoded = codec(written).encode({"a": [1]})

    first = read(codec(written), encoded)

    assert isinstance(first, dict)
    first["a"].append(2)
    assert read(codec(written), encoded) == {"a": [1]}


@either
def test_bytes_are_stored_as_they_are(written: str) -> None:
    assert codec(written).encode(b"\x00{") == Encoded(RAW, NONE, b"\x00{")


def test_json_is_compact_and_readable() -> None:
    assert codec().encode({"ä": [1, None]}) == Encoded(JSON, NONE, '{"ä":[1,null]}'.encode())


@needs_msgspec
def test_either_codec_reads_what_the_other_wrote() -> None:
    assert read(codec("json"), codec("msgpack").encode(["a"])) == ["a"]
    assert read(codec("msgpack"), codec("json").encode(["a"])) == ["a"]


@needs_msgspec
def test_bytes_inside_another_value_need_messagepack() -> None:
    value = {"a": [b"", b"\xff"]}

    assert there_and_back("msgpack", value) == value
    assert "holds bytes, which JSON cannot express inside another value" in refusal("json", value)


@needs_msgspec
@pytest.mark.parametrize("wide", [2**64, -(2**63) - 1])
def test_an_integer_of_more_than_64_bits_is_written_as_json(wide: int) -> None:
    encoded = codec("msgpack").encode([{"a": wide}])

    assert encoded.codec == JSON
    assert read(codec("msgpack"), encoded) == [{"a": wide}]
    assert codec("msgpack").encode([2**64 - 1, -(2**63)]).codec == MSGPACK


@needs_msgspec
def test_bytes_beside_an_integer_of_more_than_64_bits_are_refused() -> None:
    assert "keep integers to 64 bits" in refusal("msgpack", [b"", 2**64])


REFUSED: dict[str, object] = {
    "a tuple": (1, 2),
    "a set": {1},
    "a frozenset": frozenset({1}),
    "an OrderedDict": OrderedDict(a=1),
    "a defaultdict": defaultdict(int, a=1),
    "a Text": Text("secret"),
    "a Blob": Blob(b"secret"),
    "a Level": Level.LOW,
    "a Colour": Colour.RED,
    "a User": User("secret"),
    "a datetime": datetime(2020, 1, 1, tzinfo=UTC),
    "a date": date(2020, 1, 1),
    "a Decimal": Decimal(1),
    "a UUID": UUID(int=1),
    "a complex": 1j,
    "a bytearray": bytearray(b"secret"),
    "a range": range(3),
    "an object": object(),
    "a type": int,
    "a function": refusal,
}


@either
@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("around", [lambda it: it, lambda it: [1, [it]], lambda it: {"a": {"b": it}}])
def test_what_would_come_back_as_something_else_is_refused_by_its_class(
    written: str, what: str, around: Callable[[object], object]
) -> None:
    text = refusal(written, around(REFUSED[what]))

    assert text.startswith(f"value holds {what}, which ")
    assert "type=" in text and "secret" not in text


def test_the_refusal_says_what_to_do() -> None:
    assert refusal("json", [(1,)]) == (
        "value holds a tuple, which comes back as a list: store a list, "
        "or name its type with type= (needs the extra msgspec)"
    )
    assert refusal("json", User("secret")) == (
        "value holds a User, which JSON alone cannot express: "
        "name its type with type= (needs the extra msgspec)"
    )


@either
@pytest.mark.parametrize("key", [1, None, True, 1.0, b"a", ("a",), Text("secret"), Level.LOW], ids=repr)
def test_a_key_that_is_no_text_is_refused(written: str, key: object) -> None:
    text = refusal(written, [{"a": 1, key: 2}])

    assert "holds a dict with keys that are no text" in text and "secret" not in text


@either
@pytest.mark.parametrize("number", [nan, inf, -inf])
def test_a_float_that_is_not_finite_is_refused(written: str, number: float) -> None:
    assert refusal(written, {"a": [number]}) == "value holds a float that is not finite"


@either
@pytest.mark.parametrize("value", ["\ud800", ["a\udfff"], {"\udc80": 1}], ids=ascii)
def test_a_lone_surrogate_is_refused(written: str, value: object) -> None:
    assert "lone surrogate" in refusal(written, value)


@either
@pytest.mark.parametrize("number", [10**4300, -(10**4300), 1 << 20_000], ids=int.bit_length)
def test_an_integer_that_python_would_not_read_again_is_refused(written: str, number: int) -> None:
    assert refusal(written, [number]) == "value holds an integer of more than 4300 digits"


@either
@pytest.mark.parametrize(
    "value",
    [nested(201), nested(100_000), in_itself_a_list(), in_itself_a_dict()],
    ids=["201", "100000", "list", "dict"],
)
@pytest.mark.parametrize("type", [None, pytest.param(object, marks=needs_msgspec)])
def test_too_deep_a_value_is_refused(written: str, value: object, type: object) -> None:
    assert "is nested too deeply" in refusal(written, value, type)


@either
def test_a_value_that_encodes_to_more_than_allowed_is_refused(written: str) -> None:
    at_most = codec(written, max_bytes=102)

    assert len(at_most.encode("x" * 100).payload) == 102
    with pytest.raises(ArgumentError) as refused:
        at_most.encode("x" * 101)
    assert str(refused.value) == (
        "value is 103 bytes when encoded, more than REDIS_CACHE_MAX_BYTES allows (102)"
    )


@pytest.mark.parametrize("compress_above", [None, 0])
def test_the_bound_is_on_what_is_encoded_before_compression(compress_above: int | None) -> None:
    with pytest.raises(ArgumentError, match="is 101 bytes when encoded"):
        codec("json", compress_above, 100).encode(b"x" * 101)


def doubled(times: int) -> object:
    value: object = 1
    for _ in range(times):
        value = [value, value]
    return value


@either
@pytest.mark.parametrize("value", [doubled(150), ["x" * 10_000] * 10_000], ids=["doubled", "repeated"])
def test_a_value_that_would_never_end_is_refused_without_being_written(written: str, value: object) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ArgumentError) as refused:
            codec(written, max_bytes=50_000).encode(value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert str(refused.value) == "value is more than REDIS_CACHE_MAX_BYTES allows (50000) when encoded"
    assert peak < 50_000


def test_long_payloads_are_compressed_and_short_ones_are_not() -> None:
    squeezing = codec("json", 100)

    assert squeezing.encode(b"x" * 100) == Encoded(RAW, NONE, b"x" * 100)
    encoded = squeezing.encode(b"x" * 101)
    assert (encoded.codec, encoded.compressor) == (RAW, ZLIB)
    assert len(encoded.payload) < 20
    assert read(codec(), encoded) == b"x" * 101


def test_compression_may_begin_with_the_first_byte() -> None:
    assert codec("json", 0).encode(b"x" * 20).compressor == ZLIB


def test_what_does_not_become_smaller_is_left_as_it_is() -> None:
    noise = random.Random(1).randbytes(1000)

    assert codec("json", 100).encode(noise) == Encoded(RAW, NONE, noise)


def test_the_representation_of_an_encoded_value_does_not_show_it() -> None:
    assert repr(codec().encode("secret")) == "Encoded(codec=1, compressor=0)"


def test_the_error_survives_pickling() -> None:
    error = UndecodableError("codec")

    copy = pickle.loads(pickle.dumps(error))

    assert isinstance(error, ModkitRedisError)
    assert (type(copy), copy.reason, str(copy)) == (UndecodableError, "codec", "codec")


BAD_JSON = [
    *(
        b"",
        b" ",
        b"nul",
        b"[1",
        b"1 2",
        b"1\n",
        b" 1",
        b"'a'",
        b'"\xff"',
        b"\xef\xbb\xbf1",
        b'"\n"',
        b"{1:2}",
    ),
    *(b"NaN", b"[Infinity]", b'{"a":-Infinity}', b"1" * 5000, b"[" * 100_000, b'"\xed\xa0\x80"'),
]


@pytest.mark.parametrize("payload", BAD_JSON, ids=lambda it: repr(it[:20]))
def test_bytes_that_are_no_json_are_undecodable(payload: bytes) -> None:
    assert undecodable(JSON, payload) == "malformed"


@needs_msgspec
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\x01\x02",
        b"\x92\x01",
        b"\xa1\xff",
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xd4\x05\x00",
    ],
    ids=lambda it: repr(it[:20]),
)
def test_bytes_that_are_no_messagepack_are_undecodable(payload: bytes) -> None:
    assert undecodable(MSGPACK, payload) == "malformed"


@pytest.mark.parametrize("type", [None, bytes, pytest.param(int, marks=needs_msgspec)])
@pytest.mark.parametrize("unknown", [0, 4, 255, -1])
def test_another_codec_is_undecodable(unknown: int, type: object) -> None:
    assert undecodable(unknown, b"1", type=type) == "codec"


@pytest.mark.parametrize("unknown", [2, 255, -1])
def test_another_compressor_is_undecodable(unknown: int) -> None:
    assert undecodable(RAW, zlib.compress(b"x"), compressor=unknown) == "packing"


SQUEEZED = zlib.compress(b"1" * 1000)


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"1", SQUEEZED[:-1], SQUEEZED[:-4], SQUEEZED[:5], SQUEEZED + b"\x00", SQUEEZED + SQUEEZED),
        SQUEEZED[:-1] + bytes([SQUEEZED[-1] ^ 1]),
    ],
)
def test_damaged_compression_is_undecodable(payload: bytes) -> None:
    assert undecodable(RAW, payload, compressor=ZLIB) == "packing"


@pytest.mark.parametrize("compressor", [NONE, ZLIB])
@pytest.mark.parametrize("kind", [JSON, RAW])
def test_what_is_longer_than_allowed_is_undecodable(compressor: int, kind: int) -> None:
    def stored(length: int) -> bytes:
        return zlib.compress(b"1" * length) if compressor else b"1" * length

    assert codec(max_bytes=100).decode(kind, compressor, stored(100))
    assert undecodable(kind, stored(101), compressor=compressor, max_bytes=100) == "packing"


def test_a_bomb_is_refused_at_the_bound() -> None:
    layer = zlib.compressobj(9)
    bomb = b"".join(layer.compress(bytes(2**20)) for _ in range(64)) + layer.flush()

    tracemalloc.start()
    try:
        reason = undecodable(RAW, bomb, compressor=ZLIB, max_bytes=MANY)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert reason == "packing"
    assert peak < 4 * MANY


MOMENT = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)

TYPED: tuple[tuple[object, object], ...] = (
    (User("Ada", 36), User),
    ([User("Ada")], list[User]),
    (None, User | None),
    (Row(id=1, colour=Colour.RED), Row),
    (MOMENT, datetime),
    (date(2024, 2, 29), date),
    (Decimal("1.10"), Decimal),
    (UUID(int=7), UUID),
    (Level.LOW, Level),
    ((1, "a"), tuple[int, str]),
    ({1, 2}, set[int]),
    ({1: "a", -5: "b"}, dict[int, str]),
    ({"a": (1, b"\xff")}, dict[str, tuple[int, bytes]]),
    (-0.0, float),
    (10**30, int),
    (b"\xff", bytes),
    (b"\xff", bytes | None),
    (Measured("a", 1.5), Measured),
)


@needs_msgspec
@either
@pytest.mark.parametrize(("value", "type_"), TYPED)
def test_a_value_of_a_named_type_comes_back_as_that_type(written: str, value: object, type_: object) -> None:
    back = there_and_back(written, value, type_)

    assert (back, type(back), repr(back)) == (value, type(value), repr(value))


@needs_msgspec
@either
@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("1", int),
        (1, bool),
        (User("secret", "36"), User),  # type: ignore[arg-type]  # that is the point
        (Admin("secret", 1, 2), User),
        (Row(id=1, colour="secret"), Row),  # type: ignore[typeddict-item]  # likewise
        ((1, "secret"), tuple[int]),
        ([(1, 2)], list[list[int]]),
        ({"secret": 1}, dict[int, int]),
        (object(), object),
        (Text("secret"), str),
        (bytearray(b"secret"), bytes),
        ("secret", bytes),
        (Moody("fine"), User),
        (Pair(Plain("secret"), "1.0"), Pair),  # type: ignore[arg-type]  # likewise
    ],
)
def test_a_value_that_is_not_of_the_named_type_is_refused(written: str, value: object, type_: object) -> None:
    text = refusal(written, value, type_)

    assert text == "value is not what type= says, or would not come back equal"


@needs_msgspec
@either
@pytest.mark.parametrize("type_", [str, User, bytes, list[int]])
def test_that_there_is_nothing_is_refused_with_what_to_do_about_it(written: str, type_: object) -> None:
    assert refusal(written, None, type_) == (
        "value is None, which type= does not allow: name `… | None`, or give get_or_set a negative_ttl="
    )


@needs_msgspec
@either
@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (Measured("not compared", nan), Measured),
        (Measured("not compared", -inf), Measured),
        ([nan], list[float | None]),
        ((1, inf), tuple[float, ...]),
        ({nan}, set[float]),
        ({(1, inf): {"a": 1}}, dict[tuple[float, ...], object]),
    ],
)
def test_a_float_that_is_not_finite_is_refused_wherever_it_is(
    written: str, value: object, type_: object
) -> None:
    assert refusal(written, value, type_) == "value holds a float that is not finite"


@needs_msgspec
def test_types_that_are_used_no_longer_are_let_go() -> None:
    @dataclass
    class Passing:
        name: str

    gone = weakref.ref(Passing)
    codec().encode(Passing("a"), Passing)

    for number in range(1000):
        codec().check(Literal[number])
    del Passing
    gc.collect()

    assert gone() is None


@needs_msgspec
@either
def test_a_class_without_equality_is_compared_by_its_fields(written: str) -> None:
    back = there_and_back(written, Pair(Plain("a", [1]), Decimal(1)), Pair)

    assert isinstance(back, Pair)
    assert (back.one.name, back.one.tags, back.amount) == ("a", [1], Decimal(1))
    assert "would not come back equal" in refusal(written, Plain("a", (1,)), Plain)  # type: ignore[arg-type]  # that is refused


@needs_msgspec
@either
def test_a_subclass_without_equality_is_refused(written: str) -> None:
    class Plainer(Plain):
        pass

    assert "would not come back equal" in refusal(written, Plainer("a"), Plain)


@needs_msgspec
@either
def test_the_limits_hold_for_a_named_type_too(written: str) -> None:
    assert "4300 digits" in refusal(written, 10**4300, int)
    assert "lone surrogate" in refusal(written, User("\ud800"), User)
    assert "when encoded" in refusal(written, ["x"] * MANY, list[str])
    with pytest.raises(ArgumentError, match="bytes when encoded, more than"):
        codec(written, None, 100).encode("x" * 100, str)


@needs_msgspec
def test_an_integer_of_more_than_64_bits_in_a_named_type_is_written_as_json() -> None:
    encoded = codec("msgpack").encode(User("Ada", 2**70), User)

    assert encoded.codec == JSON
    assert read(codec("msgpack"), encoded, User) == User("Ada", 2**70)


@needs_msgspec
def test_bytes_inside_a_named_type_are_base64_in_json() -> None:
    assert codec().encode([b"\xff"], list[bytes]).payload == b'["/w=="]'


@needs_msgspec
@either
@pytest.mark.parametrize("type_", ["User", 123, list["Nowhere"], bytes | str, {}])  # type: ignore[name-defined]  # noqa: F821  # it is nowhere
def test_a_type_that_msgspec_cannot_read_is_refused(written: str, type_: object) -> None:
    with pytest.raises(ArgumentError) as written_as:
        codec(written).encode(1, type_)
    with pytest.raises(ArgumentError) as read_as:
        codec(written).decode(JSON, NONE, b"1", type_)
    with pytest.raises(ArgumentError) as checked:
        codec(written).check(type_)

    assert {str(it.value) for it in (written_as, read_as, checked)} == {
        "type must be one that msgspec can read: a class such as a dataclass or a Struct, or `list[User]`"
    }


@needs_msgspec
@either
@pytest.mark.parametrize(
    ("stored", "type_"),
    [(1, str), ({"name": 1}, User), ([1], Row), ("eA==", bytes), (b"x", str), (b"x", object)],
)
def test_a_value_of_another_type_is_undecodable(written: str, stored: object, type_: object) -> None:
    encoded = codec(written).encode(stored)

    assert undecodable(encoded.codec, encoded.payload, type=type_) == "type"


@needs_msgspec
def test_what_a_class_raises_does_not_escape() -> None:
    class Unequal(User):
        def __eq__(self, other: object) -> bool:
            raise KeyError("secret")

        __hash__ = None  # type: ignore[assignment]  # as in any class with an equality of its own

    moody = Moody("fine")
    moody.name = "secret"

    assert "secret" not in refusal("json", moody, Moody)
    assert "secret" not in refusal("json", Unequal("a"), Unequal)
    assert undecodable(JSON, b'{"name":"secret"}', type=Moody) == "type"


@needs_msgspec
@pytest.mark.parametrize("payload", BAD_JSON, ids=lambda it: repr(it[:20]))
def test_bytes_that_are_no_json_are_undecodable_as_a_type(payload: bytes) -> None:
    assert undecodable(JSON, payload, type=User) == "type"


@needs_msgspec
def test_bytes_by_themselves_are_stored_as_they_are_under_their_type() -> None:
    assert codec().encode(b"x", bytes) == Encoded(RAW, NONE, b"x")
    assert codec().decode(RAW, NONE, b"x", bytes) == b"x"


WITHOUT_MSGSPEC = """
import json, sys
sys.modules["msgspec"] = None
from modkit_redis import CacheSettings
from modkit_redis.cache.codec import Codec, UndecodableError

def told(act, *arguments):
    try:
        return repr(act(*arguments))
    except Exception as error:
        return f"{type(error).__name__}: {error}"

codec = Codec("json", None, 1000)
print(json.dumps([
    told(CacheSettings.from_env, {"REDIS_CACHE_DEFAULT_TTL": "5m", "REDIS_CACHE_CODEC": "msgpack"}),
    told(CacheSettings.from_mapping, {"default_ttl": "5m", "codec": "msgpack"}),
    told(codec.encode, [1], list),
    told(codec.decode, 1, 0, b"[1]", list),
    told(codec.decode, 2, 0, b"\\x01"),
    told(codec.decode, 1, 0, b"[1]"),
    told(codec.encode, b"x", bytes),
    told(codec.decode, 3, 0, b"x", bytes),
    told(codec.check, list),
    told(codec.check, bytes),
    told(codec.check, None),
]))
"""


def test_without_msgspec_json_works_and_the_rest_says_what_is_missing() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_MSGSPEC],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )

    needs = "needs the extra msgspec: pip install 'modkit-redis[msgspec]'"
    assert json.loads(ran.stdout) == [
        f"ConfigError: REDIS_CACHE_CODEC is msgpack, which {needs}",
        f"ConfigError: redis.cache.codec is msgpack, which {needs}",
        f"ArgumentError: type {needs}",
        f"ArgumentError: type {needs}",
        "UndecodableError: codec",
        "[1]",
        "Encoded(codec=3, compressor=0)",
        "b'x'",
        f"ArgumentError: type {needs}",
        "None",
        "None",
    ]
