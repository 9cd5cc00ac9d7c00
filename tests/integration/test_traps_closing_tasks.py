"""Trap 37: a client that is closed while tasks use it; test_traps_closing_threads.py is about threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.contract import StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.faults.black_hole import black_hole
from tests.faults.freezer import frozen
from tests.faults.parsers import PARSERS, use_parser
from tests.support import connections_named, stock_client, wait_until
from tests.timing import lasting, until


async def shut_down(module: AsyncRedisModule) -> None:
    await module.shutdown_resources()


async def close(module: AsyncRedisModule) -> None:
    await module.client().aclose()


CLOSERS: Final[dict[str, Callable[[AsyncRedisModule], Awaitable[None]]]] = {
    "shutdown_resources()": shut_down,
    "its own aclose()": close,
}
every_closer = pytest.mark.parametrize("by", CLOSERS)


async def pop(client: redis.asyncio.Redis) -> object:
    return await client.blpop(["none"], 0)


async def pop_in_pipeline(client: redis.asyncio.Redis) -> object:
    pipeline = client.pipeline(transaction=False)
    _ = pipeline.blpop(["none"], 0)
    return await pipeline.execute()


async def pop_by_executor(client: redis.asyncio.Redis) -> object:
    return await AsyncRedisExecutor(client).execute("BLPOP", "none", 0, deadline=60)


async def listen(client: redis.asyncio.Redis) -> object:
    async with client.pubsub() as subscription:
        await subscription.subscribe("news")
        while True:
            await subscription.get_message(timeout=None)


async def assert_closed(call: asyncio.Task[object], by: str) -> None:
    await asyncio.wait([call], timeout=5)
    error = call.exception()
    assert isinstance(error, StoreUnavailableError), error
    assert (error.reason, getattr(error, "closed_by", None)) == ("closed", by)


@every_closer
@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("wait", [pop, pop_in_pipeline, pop_by_executor, listen])
async def test_trap_37_a_command_in_flight_ends_and_no_connection_is_left(
    addr: str,
    prefix: str,
    admin: redis.Redis,
    by: str,
    wait: Callable[[redis.asyncio.Redis], Any],
    parser: str,
) -> None:
    module = AsyncRedisModule(config={"addr": addr, "client_name": prefix, "read_timeout": "1m"})
    client = use_parser(module.client(), parser)
    call = asyncio.create_task(wait(client))
    await until(lambda: is_waiting(admin, prefix), "it waits")

    with lasting(0):
        await CLOSERS[by](module)
        await assert_closed(call, by)

    wait_until(lambda: connections_named(admin, prefix) == 0, "the connection is gone")
    with pytest.raises(StoreUnavailableError, match="closed by"):
        await client.ping()
    assert connections_named(admin, prefix) == 0


def is_waiting(admin: redis.Redis, name: str) -> bool:
    mine = [each for each in admin.client_list() if each["name"] == name]
    return any("b" in each["flags"] or each["sub"] == "1" for each in mine)


@every_closer
async def test_trap_37_a_command_that_is_still_being_written_ends(
    private_server: EmbeddedServer, by: str
) -> None:
    module = AsyncRedisModule(config={"addr": private_server.addr, "read_timeout": "1m"})
    client = module.client()
    await client.ping()

    with frozen(private_server.pid):
        set_it = client.execute_command("SET", "k", b"x" * (32 << 20))
        call: asyncio.Task[object] = asyncio.create_task(set_it)
        await asyncio.sleep(0.05)

        with lasting(0):
            await CLOSERS[by](module)
            await assert_closed(call, by)

    with stock_client(private_server.addr) as admin:
        wait_until(lambda: len(admin.client_list()) == 1, "the connection is gone")
        assert not admin.exists("k")


@every_closer
async def test_trap_37_who_waits_for_a_connection_gets_none(
    addr: str, prefix: str, admin: redis.Redis, by: str
) -> None:
    module = AsyncRedisModule(
        config={"addr": addr, "pool_size": 1, "pool_timeout": "1m", "client_name": prefix}
    )
    client = module.client()
    first = asyncio.create_task(pop(client))
    await until(lambda: is_waiting(admin, prefix), "the first waits for Redis")
    second: asyncio.Task[object] = asyncio.create_task(client.execute_command("PING"))
    await asyncio.sleep(0)

    with lasting(0):
        await CLOSERS[by](module)
        await assert_closed(first, by)
        await assert_closed(second, by)

    wait_until(lambda: connections_named(admin, prefix) == 0, "the connection is gone")


@every_closer
async def test_trap_37_who_is_connecting_gets_no_connection(by: str) -> None:
    with black_hole() as address:
        module = AsyncRedisModule(config={"addr": address, "dial_timeout": "300ms", "retries": 100})
        call: asyncio.Task[object] = asyncio.create_task(module.client().execute_command("PING"))
        await asyncio.sleep(0.02)

        with lasting(0.2):
            await CLOSERS[by](module)
            await assert_closed(call, by)


async def test_trap_37_after_close_under_load_no_connection_is_left(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    for turn in range(10):
        module = AsyncRedisModule(config={"addr": addr, "client_name": f"{prefix}-{turn}", "pool_size": 4})
        client = module.client()

        async def work(client: redis.asyncio.Redis = client) -> object:
            while True:
                await client.ping()

        calls = [asyncio.create_task(work()) for _ in range(8)]
        await asyncio.sleep(0.01)
        await client.aclose()
        for call in calls:
            await assert_closed(call, "its own aclose()")

        wait_until(lambda name=f"{prefix}-{turn}": connections_named(admin, name) == 0, "none is left")  # type: ignore[misc]  # it is bound
