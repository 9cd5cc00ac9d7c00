"""What a session costs in Redis: 129 bytes of values in at most 400, by the server's own count."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import redis

from modkit_redis import AsyncRedisBundle
from modkit_redis.contract import AsyncSessionStore, SessionPatch
from modkit_redis.testing import EmbeddedServer
from tests.support import stock_client

MOST: Final = 400
DATA: Final[dict[str, Any]] = {
    "user_id": 184467,
    "csrf": "pO3cJ0mWq7Zt5yXvB1nKdE9hRsGuLf",
    "cart": [{"sku": "A-1042", "n": 2}, {"sku": "B-77", "n": 1}],
    "seen": 1767225600,
}
BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture(scope="module")
def plain_server() -> Iterator[EmbeddedServer]:
    """A server without other keys, so that none needs a prefix: its bytes would count."""
    with EmbeddedServer() as embedded:
        yield embedded


@pytest.fixture
async def store(plain_server: EmbeddedServer) -> AsyncIterator[AsyncSessionStore]:
    session = {"idle_ttl": "30m", "absolute_ttl": "12h", "per_user_max": 5}
    bundle = AsyncRedisBundle(config={"addr": plain_server.addr, "session": session})
    yield bundle.session.store()
    await bundle.shutdown_resources()


@pytest.fixture
def eyes(plain_server: EmbeddedServer) -> Iterator[redis.Redis]:
    """A second connection, to a server that holds nothing."""
    with stock_client(plain_server.addr) as client:
        client.flushdb()
        yield client


def weight(eyes: redis.Redis, handle: str) -> int:
    """Return the bytes of a session; of one that is no listpack, so many that no test takes them."""
    key = f"session:{handle}"
    if _has_listpacks(eyes) and eyes.object("ENCODING", key) != b"listpack":
        return 10**6
    return eyes.memory_usage(key, samples=0) or 10**6


def _has_listpacks(eyes: redis.Redis) -> bool:
    return not str(eyes.info("server")["redis_version"]).startswith("6.")


def test_the_values_are_129_bytes_as_compact_json() -> None:
    assert len(json.dumps(DATA, separators=(",", ":"))) == 129


async def test_a_session_of_129_bytes_costs_at_most_400(store: AsyncSessionStore, eyes: redis.Redis) -> None:
    token = await store.create(DATA)

    assert weight(eyes, token.handle) <= MOST
    assert eyes.dbsize() == 1


async def test_saves_leave_it_as_small(store: AsyncSessionStore, eyes: redis.Redis) -> None:
    token = await store.create(DATA)
    for number in range(20):
        await store.save(token, SessionPatch(sets={"seen": DATA["seen"] + number, f"k{number}": 1}))
        await store.save(token, SessionPatch(deletes=[f"k{number}"]))

    assert weight(eyes, token.handle) <= MOST


async def test_rotations_leave_it_that_small(store: AsyncSessionStore, eyes: redis.Redis) -> None:
    token = await store.create(DATA)
    for _ in range(3):
        token = (await store.save(token, SessionPatch(), rotate=True)).token

    assert weight(eyes, token.handle) <= MOST
    assert eyes.dbsize() == 1


async def test_a_sign_in_leaves_it_that_small(store: AsyncSessionStore, eyes: redis.Redis) -> None:
    token = await store.bind(await store.create(DATA), "184467")

    assert weight(eyes, token.handle) <= MOST


async def test_a_sign_in_with_a_browser_leaves_it_a_listpack(
    store: AsyncSessionStore, eyes: redis.Redis
) -> None:
    token = await store.create(DATA)
    token = await store.bind(token, "184467", address="203.0.113.7", agent=BROWSER)

    assert weight(eyes, token.handle) <= MOST + len(BROWSER) * 2
