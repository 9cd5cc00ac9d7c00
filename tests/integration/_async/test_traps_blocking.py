"""Trap 16 where a reply is lost; test_traps_threads.py and test_traps_tasks.py hold where it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis
import redis.asyncio

from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.contract import StoreUnavailableError
from tests.blocking import Command, blocking_commands
from tests.faults.proxy import Proxy
from tests.timing import lasting

Connect = Callable[..., redis.asyncio.Redis]
SHORT = blocking_commands("none", 0.1)
ONE_OF_EACH_KIND = ("BLPOP", "BLMPOP", "WAIT", "XREAD")


@pytest.mark.parametrize("command", [each for each in SHORT.values() if each[0] in ONE_OF_EACH_KIND])
async def test_trap_16_a_lost_reply_to_a_blocking_command_is_waited_for_so_long_and_the_read_timeout(
    connect: Connect, proxy: Proxy, command: Command
) -> None:
    client = connect(proxy.addr, read_timeout="150ms")
    await client.ping()
    proxy.swallow(str(command[0]).encode(), times=2)

    with lasting(0.25), pytest.raises(StoreUnavailableError, match="read-timeout"):
        await client.execute_command(*command)
    if command[0] == "BLPOP":
        with lasting(0.25), pytest.raises(StoreUnavailableError, match="read-timeout"):
            await AsyncRedisExecutor(client).execute(*command)


async def test_trap_16_a_blocking_command_keeps_its_bound_on_a_connection_that_was_lost(
    connect: Connect, proxy: Proxy, prefix: str
) -> None:
    async with connect(proxy.addr, read_timeout="150ms").client() as single:
        await single.ping()
        await single.connection_pool.disconnect()

        with lasting(0.4):
            assert await single.blpop([prefix], timeout=0.4) is None
