# Generated from ../_async/test_cache_i14_clear.py by .ci/unasync.py; do not edit.
"""I14: clear() removes or hides every entry of its store, and touches nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from modkit_redis.contract import MISS
from modkit_redis.testing import EmbeddedServer
from tests.crews import Source
from tests.support import stock_client

NewStore = Callable[..., RedisCacheStore]
KEYS = [
    "plain",
    "*",
    "?",
    "[a-z]",
    "\\",
    "a:b",
    "a*b",
    "%",
    "{tag}",
    "generation",
    "generation:now",
    "ü",
    "\n",
]
generations_or_not = pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])


def neighbours(prefix: str) -> list[str]:
    """Return keys that are not of the cache below *prefix*, however near they are."""
    below = f"{prefix}:" if prefix else ""
    return [
        *(
            f"{below}{name}"
            for name in ("session:a", "ratelimit:a", "cache", "cach", "cachex:a", "x:cache:a")
        ),
        *(f"{below}{name}" for name in ("Cache:a", "cache.a", "acache:a", "session:cache:a")),
        *(f"{prefix}{name}" for name in ("x:cache:a", "-cache:a", "2")),
        *(["cache:a", "a:cache:a", f"{prefix[:-1]}:cache:a", f"x{prefix}:cache:a"] if prefix else []),
    ]


@generations_or_not
@pytest.mark.parametrize("below", ["", ":shop", ":a:b", ":a-b_c.d"])
def test_i14_clear_touches_nothing_outside(
    new_store: NewStore, private_server: EmbeddedServer, prefix: str, below: str, generations: bool
) -> None:
    check(new_store, private_server, f"{prefix}{below}", generations)


@generations_or_not
def test_i14_clear_without_a_prefix_touches_nothing_outside(
    new_store: NewStore, private_server: EmbeddedServer, generations: bool
) -> None:
    check(new_store, private_server, "", generations)


def check(new_store: NewStore, server: EmbeddedServer, prefix: str, generations: bool) -> None:
    """Fill a server of its own with keys of the cache and with others, clear the cache, see what is left."""
    store = new_store(addr=server.addr, key_prefix=prefix, generations=generations)
    with stock_client(server.addr) as admin:
        for name in neighbours(prefix):
            admin.set(name, name)
        store.set_many(dict.fromkeys(KEYS, 1))
        store.get_or_set("loaded", Source("old").load)
        before = set(admin.scan_iter())
        theirs = {name.encode() for name in neighbours(prefix)}
        assert len(before - theirs) == len(KEYS) + 1 + generations

        store.clear()

        assert store.get_many([*KEYS, "loaded"]) == [MISS] * (len(KEYS) + 1)
        assert store.get_or_set("loaded", Source("new").load) == "new"
        store.delete("loaded")
        after = set(admin.scan_iter())
        assert theirs <= after
        assert all(admin.get(name) == name for name in theirs)
        if not generations:
            assert after == theirs


@generations_or_not
def test_i14_a_store_below_another_prefix_keeps_its_entries(
    new_store: NewStore, prefix: str, generations: bool
) -> None:
    prefixes = [prefix, f"{prefix}:a", f"{prefix}a", f"{prefix}:a:b"]
    stores = [new_store(key_prefix=each, generations=generations) for each in prefixes]
    for number, cleared in enumerate(stores):
        for store in stores:
            store.set("k", "stored")

        cleared.clear()

        found = [store.get("k") for store in stores]
        assert found == [MISS if other == number else "stored" for other in range(len(stores))]


@generations_or_not
def test_i14_clear_removes_many_entries_and_may_be_repeated(
    new_store: NewStore, admin: redis.Redis, prefix: str, generations: bool
) -> None:
    here, there = (new_store(generations=generations) for _ in range(2))
    keys = [f"k{number}" for number in range(2500)]
    for _ in range(2):
        here.set_many(dict.fromkeys(keys, 1))
        assert there.get_many(keys) == [1] * len(keys)

        there.clear()
        there.clear()

        assert here.get_many(keys) == [MISS] * len(keys)
        assert generations or not list(admin.scan_iter(f"{prefix}*"))


def test_i14_when_the_generation_is_lost_everything_misses_and_nothing_comes_back(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    here, there = (new_store(generations=True) for _ in range(2))
    here.set_many({"a": "old", "b": "old"})
    name = f"{prefix}:cache:generation:now"

    admin.delete(name)
    lost = [
        there.get("a"),
        *here.get_many(["a", "b"]),
        there.ttl("a"),
        there.touch("a"),
    ]
    there.set("a", "new")

    assert lost == [MISS, MISS, MISS, MISS, False]
    assert here.get_many(["a", "b"]) == ["new", MISS]
    assert here.get_or_set("b", Source("new").load) == "new"
    admin.set(name, "of another length")
    assert here.get_many(["a", "b"]) == [MISS, MISS]
    assert here.get_or_set("b", Source("newer").load) == "newer"
    assert admin.strlen(name) == 8


def test_i14_stores_with_and_without_generations_do_not_read_each_others_entries(
    new_store: NewStore,
) -> None:
    plain, generational = new_store(), new_store(generations=True)

    plain.set("k", "plain")
    assert generational.get("k") is MISS
    assert generational.get_or_set("k", Source("new").load) == "new"
    assert plain.get("k") is MISS
    assert plain.get_or_set("k", Source("newer").load) == "newer"
    assert generational.get("k") is MISS


@generations_or_not
def test_i14_what_was_cleared_counts_as_absent(new_store: NewStore, generations: bool) -> None:
    store = new_store(generations=generations)
    store.set_many({"a": "old", "b": "old"})

    store.clear()

    assert (store.touch("a"), store.ttl("a")) == (False, MISS)
    assert not store.set("a", "new", only_if="present")
    assert store.set("b", "new", only_if="absent")
    assert store.get_many(["a", "b"]) == [MISS, "new"]
    assert not store.set("b", "newer", only_if="absent")
    assert store.set("b", "newest", only_if="present")
    assert store.touch("b")
    assert store.get("b") == "newest"
