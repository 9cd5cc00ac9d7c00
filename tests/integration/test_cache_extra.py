"""A codec that needs an extra which is not installed: an error at first use that says how to get it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from modkit_redis.cache import typed
from modkit_redis.contract import ArgumentError, ConfigError
from tests.capability import World, application, exactly, in_both_worlds, settled

MISSING = "is msgpack, which needs the extra msgspec: pip install 'modkit-redis[msgspec]'"


@pytest.fixture(autouse=True)
def no_msgspec(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    typed.msgspec.cache_clear()
    yield
    typed.msgspec.cache_clear()


@in_both_worlds
async def test_msgpack_without_msgspec_is_an_error_at_first_use(
    world: World, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_ADDR", closed_port)
    monkeypatch.setenv("REDIS_CACHE_DEFAULT_TTL", "1m")
    monkeypatch.setenv("REDIS_CACHE_CODEC", "msgpack")
    app = application(world.bundle)

    with pytest.raises(ConfigError, match=exactly(f"REDIS_CACHE_CODEC {MISSING}")):
        app.redis.cache.store()

    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_type_without_msgspec_is_an_error_before_anything_is_sent(
    world: World, closed_port: str
) -> None:
    config = {"addr": closed_port, "cache": {"default_ttl": "1m"}}
    app = application(world.bundle, config=config)
    store: Any = app.redis.cache.store()

    with pytest.raises(ArgumentError, match=r"^type needs the extra msgspec: pip install"):
        await settled(store.get("key", type=int))

    await settled(app.shutdown_resources())


@in_both_worlds
async def test_json_needs_no_msgspec(world: World, addr: str, prefix: str) -> None:
    config = {"addr": addr, "key_prefix": prefix, "cache": {"default_ttl": "1m"}}
    app = application(world.bundle, config=config)
    store: Any = app.redis.cache.store()

    await settled(store.set("key", {"a": [1, b"".decode()]}))

    assert await settled(store.get("key")) == {"a": [1, ""]}
    await settled(app.shutdown_resources())
