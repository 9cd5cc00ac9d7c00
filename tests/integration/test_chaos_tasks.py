"""Random faults under a mixed load by tasks; test_chaos_threads.py does the same with threads."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor, Script
from modkit_redis.contract import StoreUnavailableError
from tests.chaos import Account, check_pool, harm, heal
from tests.faults.proxy import Proxy

COUNT: Final = Script("count", "return {redis.call('HINCRBY', KEYS[1], ARGV[1], 1), ARGV[1]}")
Way = Callable[[redis.asyncio.Redis, str, str], Awaitable[object]]


async def by_command(client: redis.asyncio.Redis, key: str, name: str) -> object:
    return [await client.hincrby(key, name, 1), name.encode()]


async def by_executor(client: redis.asyncio.Redis, key: str, name: str) -> object:
    executor = AsyncRedisExecutor(client)
    return await executor.execute_many([("HINCRBY", key, name, 1), ("ECHO", name)], deadline=5)


async def by_script(client: redis.asyncio.Redis, key: str, name: str) -> object:
    return await AsyncRedisExecutor(client).run(COUNT, [key], [name])


async def by_pipeline(client: redis.asyncio.Redis, key: str, name: str) -> object:
    pipeline = client.pipeline(transaction=False)
    _ = pipeline.hincrby(key, name, 1)
    _ = pipeline.echo(name)
    return await pipeline.execute()


async def by_watched_transaction(client: redis.asyncio.Redis, key: str, name: str) -> object:
    async with client.pipeline() as pipeline:
        await pipeline.watch("none")
        pipeline.multi()
        _ = pipeline.hincrby(key, name, 1)
        _ = pipeline.echo(name)
        return await pipeline.execute()


WAYS: Final[list[Way]] = [by_command, by_executor, by_script, by_pipeline, by_watched_transaction]


@pytest.fixture
async def client(proxy: Proxy, prefix: str) -> AsyncIterator[redis.asyncio.Redis]:
    module = AsyncRedisModule(
        config={"addr": proxy.addr, "client_name": prefix, "pool_size": 4, "pool_timeout": "30s"}
    )
    yield module.client()
    await module.shutdown_resources()


@pytest.mark.parametrize("times", [100, pytest.param(1000, marks=pytest.mark.slow)])
async def test_random_resets_give_no_wrong_reply_and_count_nothing_twice(
    client: redis.asyncio.Redis,
    proxy: Proxy,
    prefix: str,
    admin: redis.Redis,
    chance: random.Random,
    times: int,
) -> None:
    account = Account(prefix)

    async def work() -> None:
        while proxy.resets < times:
            name = account.open()
            try:
                account.settle(name, await chance.choice(WAYS)(client, prefix, name))
            except StoreUnavailableError as error:
                account.fail(name, error)

    workers = [asyncio.create_task(work()) for _ in range(8)]
    while proxy.resets < times and not any(worker.done() for worker in workers):
        harm(proxy, chance)
        await asyncio.sleep(chance.random() * 0.003)
    heal(proxy)
    await asyncio.gather(*workers)

    account.check(admin)
    assert account.counted
    check_pool(client.connection_pool, admin, prefix)


@pytest.mark.parametrize("times", [200, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("delay", [0, 0.001])
async def test_trap_32_random_cancellations_give_no_wrong_reply_count_nothing_twice_and_keep_the_pool_whole(
    client: redis.asyncio.Redis,
    proxy: Proxy,
    prefix: str,
    admin: redis.Redis,
    chance: random.Random,
    times: int,
    delay: float,
) -> None:
    proxy.delay = delay
    account, cancelled = Account(prefix), 0

    async def work() -> None:
        for _ in range(5):
            name = account.open()
            account.failed[name] = "reset"  # until it is settled
            account.settle(name, await chance.choice(WAYS)(client, prefix, name))

    while cancelled < times:
        tasks = [asyncio.create_task(work()) for _ in range(8)]
        await asyncio.sleep(chance.random() * (0.002 + delay))
        for task in tasks:
            if chance.random() < 0.5:
                task.cancel()
        await asyncio.wait(tasks)
        cancelled += sum(task.cancelled() for task in tasks)
        assert all(task.cancelled() or task.exception() is None for task in tasks)

    await asyncio.sleep(delay)
    account.check(admin)
    assert account.counted
    check_pool(client.connection_pool, admin, prefix)
