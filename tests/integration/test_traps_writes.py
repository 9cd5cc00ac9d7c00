"""Trap 28 where a write is interrupted: what is left of it is not sent before the next command."""

from __future__ import annotations

import asyncio

import pytest

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.testing import EmbeddedServer
from tests.faults.freezer import frozen
from tests.faults.signals import Struck, struck_after

TOO_MUCH = b"x" * (32 << 20)  # for all buffers between two peers


def test_trap_28_a_signal_during_a_write_ends_the_connection(private_server: EmbeddedServer) -> None:
    module = RedisModule(config={"addr": private_server.addr})
    with module.client().client() as single:
        single.ping()

        with frozen(private_server.pid), pytest.raises(Struck), struck_after(0.1):
            single.set("k", TOO_MUCH)

        assert single.get("k") is None
    module.shutdown_resources()


async def test_trap_28_a_cancelled_write_ends_the_connection(private_server: EmbeddedServer) -> None:
    module = AsyncRedisModule(config={"addr": private_server.addr})

    async with module.client().client() as single:
        await single.ping()
        with frozen(private_server.pid):
            task = asyncio.ensure_future(single.set("k", TOO_MUCH))
            await asyncio.sleep(0.05)

            task.cancel()

            with pytest.raises(asyncio.CancelledError):
                await task
        assert await single.get("k") is None
    await module.shutdown_resources()
