"""A shutdown that is cancelled half-way leaves no connection behind that a second one does not close."""

from __future__ import annotations

import asyncio
import warnings

import pytest
import redis

from modkit_redis import AsyncRedisModule
from tests.support import connections_named, wait_until


@pytest.mark.parametrize("steps", range(6))
async def test_a_shutdown_after_a_cancelled_one_has_closed_every_connection(
    addr: str, prefix: str, admin: redis.Redis, steps: int
) -> None:
    module = AsyncRedisModule(config={"addr": addr, "client_name": prefix})
    await asyncio.gather(*(module.client().ping() for _ in range(3)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # cancelled before its first step, it closes nothing
        first = asyncio.ensure_future(module.shutdown_resources())
        for _ in range(steps):
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        del first
    await module.shutdown_resources()

    wait_until(lambda: connections_named(admin, prefix) == 0, "no connection is left")
