"""Clients that are closed in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule


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
