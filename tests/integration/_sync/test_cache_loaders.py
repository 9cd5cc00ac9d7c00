# Generated from ../_async/test_cache_loaders.py by .ci/unasync.py; do not edit.
"""What loaders may ask their own store for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from modkit_redis.contract import ArgumentError
from modkit_redis.testing import EmbeddedServer
from tests.cache_keys import idle, leases
from tests.crews import Gate, Job, Source, pass_time

NewStore = Callable[..., RedisCacheStore]


def test_a_loader_that_asks_for_its_own_key_is_told_so(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    store = new_store(lease="60s")

    def own() -> object:
        return store.get_or_set("k", own)

    def roundabout() -> object:
        return store.get_or_set("other", own)

    for loader in (own, roundabout):
        job = Job(lambda: store.get_or_set("k", loader))  # noqa: B023  # it is waited for in this round
        with pytest.raises(ArgumentError, match="loader must not ask for the key that it loads"):
            job.result()

    assert leases(admin, prefix) == []
    assert store.get_or_set("k", Source("new").load) == "new"


def test_no_old_value_hides_that_a_loader_asks_for_its_own_key(new_store: NewStore) -> None:
    store = new_store(stale_if_error="60s")
    store.set("k", "first", ttl=0.02)
    pass_time(0.03)

    def own() -> object:
        return store.get_or_set("k", own)

    job = Job(lambda: store.get_or_set("k", own))
    with pytest.raises(ArgumentError, match="loader must not ask for the key that it loads"):
        job.result()


def test_a_loader_may_ask_for_other_keys_and_look_at_its_own(new_store: NewStore) -> None:
    store, source = new_store(), Source("inner")

    def load() -> object:
        return [store.get("k", "nothing"), store.get_or_set("other", source.load)]

    assert store.get_or_set("k", load) == ["nothing", "inner"]
    assert store.get_or_set("other", load) == "inner"


def test_the_same_key_at_another_server_is_another_key(
    new_store: NewStore, own_server: EmbeddedServer
) -> None:
    here, there, source = new_store(), new_store(addr=own_server.addr), Source("inner")

    def load() -> object:
        return there.get_or_set("k", source.load)

    assert here.get_or_set("k", load) == "inner"
    assert source.loads == 1


def test_what_a_loader_leaves_behind_may_ask_for_its_key(new_store: NewStore) -> None:
    store, source, ended = new_store(), Source("new"), Gate()
    jobs: list[Job[object]] = []

    def later() -> object:
        ended.wait()
        return store.get_or_set("k", source.load)

    def load() -> str:
        jobs.append(Job(later))
        return "old"

    assert store.get_or_set("k", load) == "old"
    store.delete("k")
    ended.open()

    assert jobs[0].result() == "new"


def test_a_refresh_that_a_loader_caused_may_ask_for_the_key_of_that_loader(new_store: NewStore) -> None:
    store, begun = new_store(stale_for="60s"), Gate()
    store.set("b", "first", ttl=0.02)
    pass_time(0.03)

    def load_a() -> str:
        old = store.get_or_set("b", load_b)
        begun.wait()
        return f"{old} a"

    def load_b() -> str:
        begun.open()
        return f"{store.get_or_set('a', load_a)} b"

    assert store.get_or_set("a", load_a) == "first a"
    idle(store)
    assert store.get("b") == "first a b"


def test_the_loader_of_a_refresh_may_read_the_old_value(new_store: NewStore) -> None:
    store = new_store(stale_for="60s")
    store.set("k", [1], ttl=0.02)
    pass_time(0.03)

    def load() -> object:
        old = store.get_or_set("k", load)
        return [*old, 2] if isinstance(old, list) else old

    assert store.get_or_set("k", load) == [1]
    idle(store)
    assert store.get("k") == [1, 2]
