"""Trap 24, where only asyncio can go: a client used from another event loop says so."""

from __future__ import annotations

import asyncio

import pytest
import redis

from modkit_redis import AsyncRedisModule
from modkit_redis.client.errors import EventLoopError


def test_trap_24_another_event_loop_says_so(addr: str) -> None:
    module = AsyncRedisModule(config={"addr": addr})

    async def ping() -> None:
        await module.client().ping()

    async def read_elsewhere() -> None:
        with pytest.raises(EventLoopError) as caught:
            await module.client().get("s3cret-key")
        await module.shutdown_resources()

        assert (caught.value.reason, isinstance(caught.value, redis.ConnectionError)) == ("event-loop", True)
        assert "s3cret" not in f"{caught.value} {caught.value!r} {caught.value.args} {vars(caught.value)}"

    asyncio.run(ping())
    asyncio.run(read_elsewhere())
