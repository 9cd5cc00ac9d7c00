# Generated from ../_async/test_session_memory.py by .ci/unasync.py; do not edit.
"""What a session costs in Redis: 129 bytes of values in at most 400, by the server's own count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
import redis

from modkit_redis import RedisBundle
from modkit_redis.contract import SessionPatch, SessionStore
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
def store(plain_server: EmbeddedServer) -> Iterator[SessionStore]:
    session = {"idle_ttl": "30m", "absolute_ttl": "12h", "per_user_max": 5}
    bundle = RedisBundle(config={"addr": plain_server.addr, "session": session})
    yield bundle.session.store()
    bundle.shutdown_resources()


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


def test_a_session_of_129_bytes_costs_at_most_400(store: SessionStore, eyes: redis.Redis) -> None:
    token = store.create(DATA)

    assert weight(eyes, token.handle) <= MOST
    assert eyes.dbsize() == 1


def test_saves_leave_it_as_small(store: SessionStore, eyes: redis.Redis) -> None:
    token = store.create(DATA)
    for number in range(20):
        store.save(token, SessionPatch(sets={"seen": DATA["seen"] + number, f"k{number}": 1}))
        store.save(token, SessionPatch(deletes=[f"k{number}"]))

    assert weight(eyes, token.handle) <= MOST


def test_rotations_leave_it_that_small(store: SessionStore, eyes: redis.Redis) -> None:
    token = store.create(DATA)
    for _ in range(3):
        token = (store.save(token, SessionPatch(), rotate=True)).token

    assert weight(eyes, token.handle) <= MOST
    assert eyes.dbsize() == 1


def test_a_sign_in_leaves_it_that_small(store: SessionStore, eyes: redis.Redis) -> None:
    token = store.bind(store.create(DATA), "184467")

    assert weight(eyes, token.handle) <= MOST


def test_a_sign_in_with_a_browser_leaves_it_a_listpack(store: SessionStore, eyes: redis.Redis) -> None:
    token = store.create(DATA)
    token = store.bind(token, "184467", address="203.0.113.7", agent=BROWSER)

    assert weight(eyes, token.handle) <= MOST + len(BROWSER) * 2
