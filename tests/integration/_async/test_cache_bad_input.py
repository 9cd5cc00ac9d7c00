"""What cannot be used is refused by name before anything is sent, and what was there stays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf, nan
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import MISS, NO_EXPIRY, ArgumentError
from modkit_redis.testing import ServerWatch
from tests.caching import AsyncCache, AsyncCaches

KEYS: Final[list[object]] = [
    *("", None, b"key", 5, True, ["key"], MISS),
    *("k" * 1025, "é" * 513, "%" * 342, "\ud800", "key\udfff"),
]
NO_SPANS: Final[list[object]] = [
    *(-1, -0.001, timedelta(seconds=-1), nan, inf, -inf, True, False, "5", "5s", b"5", Decimal(5)),
    *(10**30, 1e300, timedelta.max, datetime(2030, 1, 1), MISS, [5]),  # noqa: DTZ001  # it is no instant, but what is refused  # it is refused anyway
]
NO_TTLS: Final[list[object]] = [*NO_SPANS, 0, 0.0, timedelta(0)]
VALUES: Final[list[object]] = [
    *(
        object(),
        {1: "a"},
        {None: 1},
        {1, 2},
        (1, 2),
        [(1,)],
        1j,
        nan,
        -inf,
        [inf],
        [b"inside"],
        {"a": b"inside"},
    ),
    *("\ud800", {"\udfff": 1}, 10**5000, print, MISS, NO_EXPIRY, bytearray(b"x"), memoryview(b"x")),
    *(timedelta(1), datetime(2030, 1, 1), Decimal(1), "x" * 2000, b"x" * 2000, ["x" * 500] * 4),  # noqa: DTZ001  # it is no instant, but what is refused
]
TYPES: Final[list[object]] = ["str", 5, object(), print, ..., {"a": 1}]

Call = Callable[[AsyncCache], Any]


async def load() -> str:
    raise AssertionError("nothing is to be loaded")


@pytest.fixture
async def caches() -> AsyncIterator[AsyncCaches]:
    caches = AsyncCaches()
    yield caches
    await caches.aclose()


@pytest.fixture
async def cache(addr: str, prefix: str, caches: AsyncCaches) -> AsyncCache:
    """A store with one entry, ``key``, and connected."""
    cache = caches.open(addr, prefix, {"client_name": prefix}, max_bytes=1000)
    await cache.store.set("key", "old")
    return cache


@pytest.fixture
def watch(addr: str, prefix: str) -> Iterator[ServerWatch]:
    with ServerWatch(addr, client_name=prefix) as watch:
        yield watch


@pytest.fixture
def refused(cache: AsyncCache, watch: ServerWatch, admin: redis.Redis, prefix: str) -> Callable[..., Any]:
    """Return how to check that a call is refused and does nothing; that gives the argument's name."""

    async def refused(call: Call, store: AsyncCache = cache) -> str:
        name = f"{prefix}:cache:key"
        before = admin.get(name)
        watch.commands()

        with pytest.raises(ArgumentError) as caught:
            await call(store)

        assert watch.commands() == []
        assert before is not None
        assert admin.get(name) == before
        assert not store.seen
        assert isinstance(caught.value, ValueError)
        assert caught.value.__context__ is None or not isinstance(caught.value.__context__, redis.RedisError)
        return caught.value.argument

    return refused


KEYED: Final[dict[str, Callable[[Any], Call]]] = {
    "get": lambda key: lambda cache: cache.store.get(key),
    "set": lambda key: lambda cache: cache.store.set(key, 1),
    "set absent": lambda key: lambda cache: cache.store.set(key, 1, only_if="absent"),
    "delete": lambda key: lambda cache: cache.store.delete("key", key),
    "get_many": lambda key: lambda cache: cache.store.get_many(["key", key]),
    "get_or_set": lambda key: lambda cache: cache.store.get_or_set(key, load),
    "ttl": lambda key: lambda cache: cache.store.ttl(key),
    "touch": lambda key: lambda cache: cache.store.touch(key),
}


@pytest.mark.parametrize("name", KEYED)
async def test_a_key_that_can_be_none_is_refused(refused: Callable[..., Any], name: str) -> None:
    for key in KEYS:
        assert await refused(KEYED[name](key)) in ("key", "key part")


async def test_a_key_among_many_that_can_be_none_is_refused(refused: Callable[..., Any]) -> None:
    for key in KEYS:
        if not isinstance(key, list):
            assert await refused(many_set(key)) in ("key", "key part")


def many_set(key: Any) -> Call:
    return lambda cache: cache.store.set_many({"key": "new", key: "new"})


@pytest.mark.parametrize(
    "key", ["k" * 1024, "é" * 512, "%" * 341, "a:b", "{x}", "*", " ", "\0", "\n", "generation"]
)
async def test_any_other_text_is_a_key_of_its_own(cache: AsyncCache, key: str) -> None:
    assert await cache.store.get(key) is MISS
    assert await cache.store.set(key, "value")

    assert await cache.store.get_many([key, "key"]) == ["value", "old"]
    assert await cache.store.delete(key) == 1


LIVING: Final[dict[str, Callable[[Any], Call]]] = {
    "set": lambda ttl: lambda cache: cache.store.set("key", "new", ttl=ttl),
    "set absent": lambda ttl: lambda cache: cache.store.set("key", "new", ttl=ttl, only_if="absent"),
    "set_many": lambda ttl: lambda cache: cache.store.set_many({"key": "new"}, ttl=ttl),
    "touch": lambda ttl: lambda cache: cache.store.touch("key", ttl=ttl),
    "get_or_set": lambda ttl: lambda cache: cache.store.get_or_set("key", load, ttl=ttl),
}


@pytest.mark.parametrize("name", LIVING)
async def test_a_ttl_that_would_delete_or_never_end_is_refused(
    refused: Callable[..., Any], name: str
) -> None:
    for ttl in NO_TTLS:
        assert await refused(LIVING[name](ttl)) == "ttl"


@pytest.mark.parametrize("argument", ["stale_for", "stale_if_error", "negative_ttl"])
async def test_a_span_that_is_none_is_refused(refused: Callable[..., Any], argument: str) -> None:
    for span in [*(NO_TTLS if argument == "negative_ttl" else NO_SPANS), NO_EXPIRY]:
        assert await refused(spanning(argument, span)) == argument


def spanning(argument: str, span: object) -> Call:
    given: dict[str, Any] = {argument: span}
    return lambda cache: cache.store.get_or_set("key", load, **given)


@pytest.mark.parametrize("zero", [0, 0.0, timedelta(0)])
async def test_no_grace_at_all_is_a_span(cache: AsyncCache, zero: Any) -> None:
    assert await cache.store.get_or_set("key", load, stale_for=zero, stale_if_error=zero) == "old"


@pytest.mark.parametrize("early", [0, 1, "true", "no", 0.5])
async def test_an_early_refresh_is_true_or_false(refused: Callable[..., Any], early: Any) -> None:
    assert (
        await refused(lambda cache: cache.store.get_or_set("key", load, early_refresh=early))
        == "early_refresh"
    )


@pytest.mark.parametrize("name", LIVING)
async def test_with_generations_nothing_lives_for_ever(
    addr: str, prefix: str, caches: AsyncCaches, refused: Callable[..., Any], name: str
) -> None:
    cache = caches.open(addr, prefix, {"client_name": prefix}, generations=True)

    assert await refused(LIVING[name](NO_EXPIRY), cache) == "ttl"


DAYS_49: Final = timedelta(milliseconds=2**32 - 1)
MS: Final = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        ("stale_for", {"ttl": DAYS_49, "stale_for": MS}),
        ("stale_for", {"ttl": MS, "stale_for": DAYS_49}),
        ("stale_for", {"stale_for": timedelta(days=60)}),
        ("stale_if_error", {"ttl": DAYS_49, "stale_if_error": MS}),
        ("stale_if_error", {"stale_for": MS, "stale_if_error": DAYS_49}),
        ("stale_for", {"ttl": MS, "negative_ttl": DAYS_49, "stale_for": MS}),
    ],
)
async def test_with_a_grace_nothing_is_kept_for_longer_than_49_days(
    refused: Callable[..., Any], argument: str, given: Any
) -> None:
    assert await refused(lambda cache: cache.store.get_or_set("key", load, **given)) == argument


async def test_of_a_store_with_a_grace_no_ttl_is_longer_than_49_days(
    addr: str, prefix: str, caches: AsyncCaches, refused: Callable[..., Any]
) -> None:
    cache = caches.open(addr, prefix, {"client_name": prefix}, stale_for="1d")

    for name in ("set", "set_many", "touch", "get_or_set"):
        assert await refused(LIVING[name](timedelta(days=49)), cache) == "stale_for"


async def test_just_49_days_are_kept_and_without_a_grace_any_time(cache: AsyncCache) -> None:
    async def load_new() -> str:
        return "new"

    assert await cache.store.get_or_set("a", load_new, ttl=DAYS_49 - MS, stale_for=MS) == "new"
    assert await cache.store.get_or_set("b", load_new, ttl=timedelta(days=36500)) == "new"

    left = [await cache.store.ttl(key) for key in ("a", "b")]
    assert [
        DAYS_49 - MS - each < timedelta(minutes=1) for each in left[:1] if isinstance(each, timedelta)
    ] == [True]
    assert left[1] > timedelta(days=36499)  # type: ignore[operator]  # it is neither MISS nor NO_EXPIRY


@pytest.mark.parametrize(
    "only_if", ["nx", "ABSENT", "", True, False, 0, ["absent"], {"absent": 1}, b"absent"]
)
async def test_a_condition_that_is_none_is_refused(refused: Callable[..., Any], only_if: Any) -> None:
    assert await refused(lambda cache: cache.store.set("key", "new", only_if=only_if)) == "only_if"


async def test_a_value_that_would_not_come_back_is_refused(refused: Callable[..., Any]) -> None:
    for value in VALUES:
        for call in setting(value):
            assert await refused(call) == "value"


def setting(value: Any) -> list[Call]:
    return [
        lambda cache: cache.store.set("key", value),
        lambda cache: cache.store.set("key", value, only_if="present"),
        lambda cache: cache.store.set_many({"key": "new", "other": value}),
    ]


async def test_a_loaded_value_that_would_not_come_back_is_refused_and_frees_its_key(
    cache: AsyncCache, admin: redis.Redis, prefix: str
) -> None:
    for value in VALUES:

        async def load_it(value: object = value) -> object:
            return value

        with pytest.raises(ArgumentError) as caught:
            await cache.store.get_or_set("new", load_it)

        assert caught.value.argument == "value"
        assert admin.exists(f"{prefix}:cache:new") == 0


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: type(kind).__name__)
async def test_a_type_that_nothing_can_be_read_as_is_refused(refused: Callable[..., Any], kind: Any) -> None:
    calls: list[Call] = [
        lambda cache: cache.store.get("key", type=kind),
        lambda cache: cache.store.get_many(["key"], type=kind),
        lambda cache: cache.store.set("key", "new", type=kind),
        lambda cache: cache.store.set_many({"key": "new"}, type=kind),
        lambda cache: cache.store.get_or_set("key", load, type=kind),
    ]
    for call in calls:
        assert await refused(call) == "type"


@pytest.mark.parametrize("keys", ["key", "", 5, None, b"key", load])
async def test_what_is_no_sequence_of_keys_is_refused(refused: Callable[..., Any], keys: Any) -> None:
    assert await refused(lambda cache: cache.store.get_many(keys)) in ("keys", "key part")


@pytest.mark.parametrize("values", [[("key", "new")], "key", None, {"key"}, 5])
async def test_what_is_no_mapping_of_values_is_refused(refused: Callable[..., Any], values: Any) -> None:
    assert await refused(lambda cache: cache.store.set_many(values)) == "values"


@pytest.mark.parametrize("loader", [None, 5, "load", {}, b""])
async def test_what_cannot_be_called_is_no_loader(refused: Callable[..., Any], loader: Any) -> None:
    assert await refused(lambda cache: cache.store.get_or_set("key", loader)) == "loader"


async def test_nothing_to_do_sends_nothing(cache: AsyncCache, watch: ServerWatch) -> None:
    watch.commands()

    assert await cache.store.get_many([]) == []
    assert await cache.store.delete() == 0
    await cache.store.set_many({})

    assert watch.commands() == []


async def test_keys_may_be_anything_that_can_be_gone_through(cache: AsyncCache) -> None:
    for keys in (("key", "none"), {"key": 1, "none": 2}, iter(["key", "none"])):
        assert await cache.store.get_many(keys) == ["old", MISS]  # type: ignore[arg-type]  # it works all the same


async def test_what_a_loader_without_its_arguments_raises_reaches_the_caller(
    cache: AsyncCache, admin: redis.Redis, prefix: str
) -> None:
    def wants_more(_: object) -> Any:
        raise AssertionError

    for loader in (wants_more, dict.fromkeys):
        with pytest.raises(TypeError):
            await cache.store.get_or_set("new", loader)  # type: ignore[arg-type]  # as it is

        assert admin.exists(f"{prefix}:cache:new") == 0
