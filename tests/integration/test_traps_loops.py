"""Traps of clients for asyncio and more than one event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.contract import StoreUnavailableError
from tests.support import connections_named, wait_until


def test_trap_34_another_event_loop_gets_a_typed_error(addr: str, prefix: str) -> None:
    module = AsyncRedisModule(config={"addr": addr, "client_name": prefix})
    client = module.client()

    async def ways() -> list[Awaitable[object]]:
        pipeline = client.pipeline()
        _ = pipeline.get("a")
        executor = AsyncRedisExecutor(client)
        subscription = client.pubsub()
        return [client.get("a"), pipeline.execute(), executor.execute("PING"), subscription.subscribe("a")]

    async def use() -> list[object]:
        return await asyncio.gather(*await ways(), return_exceptions=True)

    with asyncio.Runner() as first, asyncio.Runner() as second:
        assert first.run(client.execute_command("PING"))

        errors = second.run(use())

        for error in errors:
            assert isinstance(error, StoreUnavailableError) and error.reason == "event-loop"
            assert isinstance(error, redis.ConnectionError)
            assert "belongs to another event loop" in str(error)
        assert first.run(client.execute_command("PING"))  # where it belongs it still works
        first.run(_shut_down(module))


@pytest.mark.parametrize("first_loop", ["running", "stopped", "closed"])
def test_trap_47_closing_from_another_event_loop_closes_the_sockets(
    addr: str, prefix: str, admin: redis.Redis, first_loop: str
) -> None:
    module = AsyncRedisModule(config={"addr": addr, "client_name": prefix})
    client = module.client()
    first = asyncio.Runner()
    loop = first.get_loop()
    first.run(_twice(client))
    assert connections_named(admin, prefix) == 2
    thread = threading.Thread(target=loop.run_forever)
    if first_loop == "running":
        thread.start()
        wait_until(loop.is_running, "it runs")
    elif first_loop == "closed":
        first.close()

    asyncio.run(_shut_down(module))

    wait_until(lambda: connections_named(admin, prefix) == 0, "the connections are gone")
    with pytest.raises(StoreUnavailableError, match="closed"):
        asyncio.run(client.execute_command("PING"))
    assert asyncio.run(module.client().execute_command("PING"))  # a new one, for the next loop
    asyncio.run(_shut_down(module))
    if first_loop == "running":
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
    first.close()


async def _twice(client: redis.asyncio.Redis) -> None:
    await asyncio.gather(client.execute_command("PING"), client.execute_command("PING"))


async def _shut_down(module: AsyncRedisModule) -> None:
    await module.shutdown_resources()
