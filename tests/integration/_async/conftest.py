"""Clients and stores that are closed in the end, and what stores send."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisBundle, AsyncRedisModule
from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.contract import CacheEvents
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.cache_keys import Counter, async_idle
from tests.crews import AsyncSource
from tests.limiters import AsyncLimiters
from tests.sessions import AsyncSessions, Looker, NewSessions


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., redis.asyncio.Redis]]:
    """Return the client of a new module for an address and other settings; closed in the end."""
    modules: list[AsyncRedisModule] = []

    def connect(addr: str, **settings: object) -> redis.asyncio.Redis:
        modules.append(AsyncRedisModule(config={"addr": addr, **settings}))
        return modules[-1].client()

    yield connect
    for module in modules:
        await module.shutdown_resources()


@pytest.fixture
async def new_store(addr: str, prefix: str) -> AsyncIterator[Callable[..., AsyncRedisCacheStore]]:
    """Return the store of a new bundle, which knows of others no more than one in another process would."""
    bundles: list[AsyncRedisBundle] = []
    there = addr

    def new_store(
        *, addr: str = there, events: CacheEvents | None = None, key_prefix: str = prefix, **settings: object
    ) -> AsyncRedisCacheStore:
        config = {
            "addr": addr,
            "key_prefix": key_prefix,
            "client_name": prefix,
            "cache": {"default_ttl": "60s", **settings},
        }
        bundles.append(AsyncRedisBundle(config=config, cache_events=events))
        store: AsyncRedisCacheStore = bundles[-1].cache.store()
        return store

    yield new_store
    for bundle in bundles:
        await async_idle(bundle.cache.store())  # I16, whatever the test was about
        await bundle.shutdown_resources()


@pytest.fixture
def kind() -> str:
    """Which session store ``new_sessions`` makes; ``not_of_a_naive_store`` overrides it."""
    return "modkit"


@pytest.fixture
async def new_sessions(addr: str, prefix: str, kind: str) -> AsyncIterator[NewSessions]:
    """Return a session store of its own, as it would be in another process; closed in the end."""
    sessions = AsyncSessions(addr, prefix, kind)
    yield sessions.new
    await sessions.aclose()


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
def warm(own_server: EmbeddedServer, new_store: Callable[..., AsyncRedisCacheStore]) -> Callable[..., Any]:
    """Return a new store on that server, connected, and with its scripts known there."""

    async def warm(**settings: object) -> AsyncRedisCacheStore:
        store, source = new_store(addr=own_server.addr, **settings), AsyncSource("loaded")
        await store.get_or_set("warm", source.load)
        await store.touch("warm")
        await store.set("warm", 1, only_if="present")
        await store.get_many(["warm"])  # learns that entries are kept for longer than their TTL
        return store

    return warm


@pytest.fixture
async def limiters() -> AsyncIterator[AsyncLimiters]:
    """Open rate limiters; closed in the end."""
    limiters = AsyncLimiters()
    yield limiters
    await limiters.aclose()
