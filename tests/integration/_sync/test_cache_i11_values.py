# Generated from ../_async/test_cache_i11_values.py by .ci/unasync.py; do not edit.
"""I11: what is not ours is a counted miss. I12, I13, I15: what is comes back equal, to each a copy."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from modkit_redis.cache._core import lease_bytes, value_header
from modkit_redis.cache.codec import Codec
from modkit_redis.contract import MISS, CommandRefusedError
from tests.crews import Job, Source, Told, pass_time, until

NewStore = Callable[..., RedisCacheStore]
Make = Callable[[redis.Redis, str], object]

ENCODED: Final = Codec("json", None, 1 << 20).encode("stored")
WHOLE: Final = value_header(ENCODED, 0) + ENCODED.payload
VALUES: Final[list[object]] = [
    *(
        -5,
        0,
        1,
        10**30,
        -(2**63),
        2**64,
        True,
        False,
        None,
        "",
        b"",
        "123",
        b"123",
        "\0",
        "ü",
        "null",
        b"null",
    ),
    *(
        0.0,
        -0.0,
        1.5,
        1e300,
        5e-324,
        [],
        {},
        [[]],
        {"": []},
        {"a": [1, "1", None, True, 1.0]},
        b"\xc0",
        "\xc0",
    ),
]
both_codecs = pytest.mark.parametrize("codec", ["json", "msgpack"])


@both_codecs
@pytest.mark.parametrize("compress_above", [None, 64])
@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
def test_i12_every_value_comes_back_exactly(
    new_store: NewStore, codec: str, compress_above: int | None, generations: bool
) -> None:
    settings = {} if compress_above is None else {"compress_above": compress_above}
    here, there = (new_store(codec=codec, generations=generations, **settings) for _ in range(2))
    values = [*VALUES, "x" * 10_000, b"x" * 10_000, [0] * 5_000]

    for number, value in enumerate(values):
        here.set(f"set {number}", value)
        assert same(here.get_or_set(f"loaded {number}", Source(value).load), value)
    here.set_many({f"many {number}": value for number, value in enumerate(values)})

    for number, value in enumerate(values):
        keys = [f"{how} {number}" for how in ("set", "loaded", "many")]
        got = [*[there.get(key) for key in keys], *there.get_many(keys)]
        assert all(same(each, value) for each in got), repr(value)[:50]


def same(one: object, other: object) -> bool:
    """Tell whether two values are equal, and their types and signs too."""
    return one == other and type(one) is type(other) and repr(one) == repr(other)


def test_i12_either_codec_reads_what_the_other_wrote(new_store: NewStore) -> None:
    stores = [new_store(codec=codec) for codec in ("json", "msgpack")]

    for one, other in (stores, stores[::-1]):
        for value in VALUES:
            one.set("k", value)
            assert same(other.get("k"), value)


def test_i13_nobody_sees_what_another_does_to_a_value(new_store: NewStore) -> None:
    told, original = Told(), {"list": [1], "dict": {"a": 1}}
    store, source = new_store(events=told), Source(original, held=1)
    jobs = [Job(lambda: store.get_or_set("k", source.load)) for _ in range(3)]
    source.begun[0].wait()
    until(lambda: told.times("miss") == 3, "all wait")
    pass_time()
    source.gates[0].open()
    got: list[Any] = [job.result() for job in jobs]
    assert source.loads == 1

    got += [original, store.get("k"), store.get_or_set("k", source.load)]
    for each in got:
        assert each == {"list": [1], "dict": {"a": 1}}
        each["list"].append(2)
        each["dict"].clear()

    assert store.get("k") == {"list": [1], "dict": {"a": 1}}
    mine = [1]
    store.set("mine", mine)
    mine.append(2)
    assert store.get("mine") == [1]


def test_i15_a_key_may_be_asked_for_more_than_once(new_store: NewStore) -> None:
    told = Told()
    store = new_store(events=told)
    store.set_many({"a": [1], "b": 2})

    found: list[Any] = list(store.get_many(["b", "a", "none", "a", "b", "none", "a"]))

    assert found == [2, [1], MISS, [1], 2, MISS, [1]]
    found[1].append(2)
    assert found[3] == found[6] == [1]
    assert (told.times("hit"), told.times("miss")) == (5, 2)
    assert store.delete("a", "a", "none", "b", "a") == 2
    assert store.get_many([]) == []
    assert store.delete() == 0


def broken(chance: random.Random) -> bytes:
    """Return bytes that are no value: random ones, or a value in which something is wrong."""
    match chance.randrange(4):
        case 0:
            return chance.randbytes(chance.randrange(80))
        case 1:
            return WHOLE[: chance.randrange(len(WHOLE))]
        case 2:
            return WHOLE[: chance.randrange(40, len(WHOLE))] + chance.randbytes(8)
        case _:
            at = chance.randrange(8)  # magic, format, kind, codec and compressor
            return WHOLE[:at] + chance.randbytes(1) + WHOLE[at + 1 :]


def test_i11_whatever_bytes_are_there_reading_never_fails(
    new_store: NewStore, admin: redis.Redis, prefix: str, chance: random.Random
) -> None:
    told, name = Told(), f"{prefix}:cache:k"
    stores = [new_store(events=told), new_store(events=told, generations=True)]
    for number in range(150):
        store, raw = stores[number % 2], broken(chance)
        if raw[3:4] == b"L":
            continue  # a lease: somebody loads
        admin.set(name, raw, px=60_000)
        told.clear()

        got = store.get("k")
        many = store.get_many(["k", "k"])
        assert many == [got, got]
        assert got in (MISS, "stored", b'"stored"')  # the last, if the byte of the codec says so
        assert told.times("hit") + told.times("miss") == 3
        assert store.get_or_set("k", Source("new").load) == ("new" if got is MISS else got)
        assert store.get("k") == ("new" if got is MISS else got)


def asking(store: RedisCacheStore, source: Source) -> Job[object]:
    return Job(lambda: store.get_or_set("k", source.load))


@pytest.mark.parametrize("pttl", [None, 7_200_000], ids=["for ever", "for hours"])
def test_i11_a_lease_that_would_never_end_is_none(
    new_store: NewStore, admin: redis.Redis, prefix: str, pttl: int | None
) -> None:
    admin.set(f"{prefix}:cache:k", lease_bytes(b"somebody"), px=pttl)

    assert asking(new_store(), Source("new")).result() == "new"


def test_i11_a_lease_in_a_value_that_would_never_end_is_none(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    admin.set(f"{prefix}:cache:k", WHOLE[:8] + b"somebody" + b"\x7f" * 8 + WHOLE[24:], px=60_000)
    store = new_store(early_refresh=True)
    assert store.get("k") == "stored"
    admin.set(
        f"{prefix}:cache:k", WHOLE[:8] + b"somebody" + b"\x7f" * 8 + WHOLE[24:32] + b"\xff" * 8, px=60_000
    )

    assert asking(store, Source("new")).result() == "new"


MAKE: Final[dict[str, Make]] = {
    "hash": lambda admin, name: admin.hset(name, "field", 1),
    "list": lambda admin, name: admin.rpush(name, 1),
    "set": lambda admin, name: admin.sadd(name, 1),
    "stream": lambda admin, name: admin.xadd(name, {"field": 1}),
}


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
@pytest.mark.parametrize("kind", MAKE)
def test_i11_another_type_of_value_is_a_counted_miss_replaced_by_set_and_an_error_to_get_or_set(
    new_store: NewStore, admin: redis.Redis, prefix: str, kind: str, generations: bool
) -> None:
    told, source = Told(), Source("new")
    store = new_store(events=told, generations=generations)
    MAKE[kind](admin, f"{prefix}:cache:k")

    assert store.get("k", "nothing") == "nothing"
    assert (told.times("undecodable"), told.times("miss")) == (1, 1)
    assert store.ttl("k") is MISS
    assert store.touch("k") is False
    assert store.set("k", 1, only_if="present") is False
    with pytest.raises(CommandRefusedError) as caught:
        store.get_or_set("k", source.load)
    assert (caught.value.reason, source.loads) == ("wrong-type", 0)

    assert store.set("k", "set")
    assert store.get("k") == "set"
    store.delete("k")
    MAKE[kind](admin, f"{prefix}:cache:k")
    assert store.set("k", "set", only_if="absent")
    assert store.get("k") == "set"
