# Generated from ../_async/conftest.py by .ci/unasync.py; do not edit.
"""Clients and stores that are closed in the end, and what stores send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from modkit_redis import RedisBundle, RedisModule
from modkit_redis.cache import RedisCacheStore
from modkit_redis.contract import CacheEvents
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.cache_keys import Counter, idle
from tests.crews import Source
from tests.limiters import Limiters
from tests.sessions import Looker, NewSessions, Sessions


@pytest.fixture
def connect() -> Iterator[Callable[..., redis.Redis]]:
    """Return the client of a new module for an address and other settings; closed in the end."""
    modules: list[RedisModule] = []

    def connect(addr: str, **settings: object) -> redis.Redis:
        modules.append(RedisModule(config={"addr": addr, **settings}))
        return modules[-1].client()

    yield connect
    for module in modules:
        module.shutdown_resources()


@pytest.fixture
def new_store(addr: str, prefix: str) -> Iterator[Callable[..., RedisCacheStore]]:
    """Return the store of a new bundle, which knows of others no more than one in another process would."""
    bundles: list[RedisBundle] = []
    there = addr

    def new_store(
        *, addr: str = there, events: CacheEvents | None = None, key_prefix: str = prefix, **settings: object
    ) -> RedisCacheStore:
        config = {
            "addr": addr,
            "key_prefix": key_prefix,
            "client_name": prefix,
            "cache": {"default_ttl": "60s", **settings},
        }
        bundles.append(RedisBundle(config=config, cache_events=events))
        store: RedisCacheStore = bundles[-1].cache.store()
        return store

    yield new_store
    for bundle in bundles:
        idle(bundle.cache.store())  # I16, whatever the test was about
        bundle.shutdown_resources()


@pytest.fixture
def kind() -> str:
    """Which session store ``new_sessions`` makes; ``not_of_a_naive_store`` overrides it."""
    return "modkit"


@pytest.fixture
def new_sessions(addr: str, prefix: str, kind: str) -> Iterator[NewSessions]:
    """Return a session store of its own, as it would be in another process; closed in the end."""
    sessions = Sessions(addr, prefix, kind)
    yield sessions.new
    sessions.close()


@pytest.fixture
def look(admin: redis.Redis, prefix: str) -> Looker:
    """What sessions have left in Redis."""
    return Looker(admin, prefix)


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedServer]:
    """A server that nobody else uses meanwhile: its reads are counted."""
    with EmbeddedServer() as embedded:
        yield embedded


@pytest.fixture
def count(own_server: EmbeddedServer, prefix: str) -> Iterator[Counter]:
    """What the stores of this test send to that server."""
    with ServerWatch(own_server.addr, client_name=prefix) as watch:
        yield Counter(watch)


@pytest.fixture
def warm(own_server: EmbeddedServer, new_store: Callable[..., RedisCacheStore]) -> Callable[..., Any]:
    """Return a new store on that server, connected, and with its scripts known there."""

    def warm(**settings: object) -> RedisCacheStore:
        store, source = new_store(addr=own_server.addr, **settings), Source("loaded")
        store.get_or_set("warm", source.load)
        store.touch("warm")
        store.set("warm", 1, only_if="present")
        store.get_many(["warm"])  # learns that entries are kept for longer than their TTL
        return store

    return warm


@pytest.fixture
def limiters() -> Iterator[Limiters]:
    """Open rate limiters; closed in the end."""
    limiters = Limiters()
    yield limiters
    limiters.close()
