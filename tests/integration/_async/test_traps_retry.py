"""Traps of repetition: a command whose reply is lost was sent once, and stays so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
from redis.asyncio.client import Pipeline
from redis.backoff import NoBackoff

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor, Script
from modkit_redis.contract import BuildError, ConfigError, StoreUnavailableError
from tests.faults.proxy import FOREVER, Proxy

Connect = Callable[..., redis.asyncio.Redis]
Way = Callable[..., Any]
COUNT: Final = Script("count", "return redis.call('INCR', KEYS[1])")


async def by_command(client: redis.asyncio.Redis, key: str) -> object:
    return await client.incr(key)


async def by_transaction(client: redis.asyncio.Redis, key: str) -> object:
    pipeline = client.pipeline()
    _ = pipeline.incr(key)
    return await pipeline.execute()


async def by_pipeline(client: redis.asyncio.Redis, key: str) -> object:
    pipeline = client.pipeline(transaction=False)
    _ = pipeline.incr(key)
    return await pipeline.execute()


async def by_watched_transaction(client: redis.asyncio.Redis, key: str) -> object:
    async with client.pipeline() as pipeline:
        await pipeline.watch("other")
        pipeline.multi()
        _ = pipeline.incr(key)
        return await pipeline.execute()


async def by_transaction_helper(client: redis.asyncio.Redis, key: str) -> object:
    def add(pipeline: Pipeline) -> None:
        pipeline.multi()
        _ = pipeline.incr(key)

    return await client.transaction(add, "other")  # it repeats itself after a WatchError


async def by_eval(client: redis.asyncio.Redis, key: str) -> object:
    return await client.eval(COUNT.source, 1, key)


async def by_executor(client: redis.asyncio.Redis, key: str) -> object:
    return await AsyncRedisExecutor(client).execute("INCR", key)


async def by_executor_among_many(client: redis.asyncio.Redis, key: str) -> object:
    return await AsyncRedisExecutor(client).execute_many([("GET", key), ("INCR", key), ("GET", key)])


async def by_script(client: redis.asyncio.Redis, key: str) -> object:
    return await AsyncRedisExecutor(client).run(COUNT, [key])


async def by_single_connection(client: redis.asyncio.Redis, key: str) -> object:
    async with client.client() as single:
        return await single.incr(key)


WAYS: Final[list[Way]] = [
    by_command,
    by_transaction,
    by_pipeline,
    by_watched_transaction,
    by_transaction_helper,
    by_eval,
    by_executor,
    by_executor_among_many,
    by_script,
    by_single_connection,
]
TRANSACTIONS: Final = (by_transaction, by_watched_transaction, by_transaction_helper)
every_way: Final = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@pytest.mark.parametrize(
    ("way", "retries"), [(way, 3) for way in WAYS] + [(way, 0) for way in (by_command, by_script)]
)
async def test_trap_18_a_command_whose_reply_is_lost_counts_once(
    connect: Connect, proxy: Proxy, admin: redis.Redis, prefix: str, way: Way, retries: int
) -> None:
    client = connect(proxy.addr, read_timeout="100ms", retries=retries)
    admin.script_load(COUNT.source)
    proxy.swallow(prefix.encode())

    with pytest.raises(StoreUnavailableError) as caught:
        await way(client, prefix)

    assert caught.value.reason == "read-timeout"
    assert admin.get(prefix) == b"1"
    assert proxy.accepted == 1


@every_way
@pytest.mark.parametrize("retries", [0, 3])
async def test_trap_19_a_command_that_was_executed_before_a_reset_counts_once(
    connect: Connect, proxy: Proxy, admin: redis.Redis, prefix: str, way: Way, retries: int
) -> None:
    client = connect(proxy.addr, retries=retries)
    admin.script_load(COUNT.source)
    executed = b"EXEC\r\n" if way in TRANSACTIONS else prefix.encode()
    proxy.reset_reply(executed)

    with pytest.raises(StoreUnavailableError) as caught:
        await way(client, prefix)

    assert caught.value.reason == "reset"
    assert admin.get(prefix) == b"1"
    assert await client.incr(prefix) == 2
    assert proxy.accepted == 2


@pytest.mark.parametrize("retries", [0, 3])
async def test_trap_19_a_script_unknown_to_the_server_counts_once_although_the_second_reply_is_lost(
    connect: Connect, proxy: Proxy, admin: redis.Redis, prefix: str, retries: int
) -> None:
    script = Script("unknown", f"return redis.call('INCR', KEYS[1]) -- {prefix}")
    proxy.reset_reply(b"EVAL\r\n")

    with pytest.raises(StoreUnavailableError):
        await AsyncRedisExecutor(connect(proxy.addr, retries=retries)).run(script, [prefix])

    assert admin.get(prefix) == b"1"


@pytest.mark.parametrize("side", ["request", "reply"])
@pytest.mark.parametrize("way", [by_command, by_transaction, by_executor_among_many])
async def test_trap_19_a_connection_reset_at_any_byte_counts_once_at_most(
    connect: Connect, proxy: Proxy, admin: redis.Redis, prefix: str, way: Way, side: str
) -> None:
    client = connect(proxy.addr)
    for at in range(0, 60, 7):
        key = f"{prefix}:{at}"
        with suppress(StoreUnavailableError):  # the cut before may have been beyond the end
            await client.ping()
        (proxy.cut_request if side == "request" else proxy.cut_reply)(at)

        try:
            await way(client, key)
            reported = 1
        except StoreUnavailableError:
            reported = 0

        counted = int(admin.get(key) or 0)
        assert reported <= counted <= 1, at


@pytest.mark.parametrize("retries", [0, 5])
async def test_trap_20_a_wrong_password_logs_in_once(
    connect: Connect, proxy: Proxy, admin: redis.Redis, prefix: str, retries: int
) -> None:
    admin.acl_setuser(prefix, enabled=True, passwords=["+secret"], commands=["+@all"])
    try:
        client = connect(proxy.addr, username=prefix, password="wrong", retries=retries)

        with pytest.raises(StoreUnavailableError) as caught:
            await client.get(prefix)
    finally:
        admin.acl_deluser(prefix)

    assert caught.value.reason == "auth"
    assert isinstance(caught.value, redis.AuthenticationError)
    assert proxy.commands == ["AUTH"]
    assert proxy.accepted == 1


async def test_trap_20_a_start_up_ping_with_a_wrong_password_logs_in_once(proxy: Proxy, prefix: str) -> None:
    module = AsyncRedisModule(
        config={"addr": proxy.addr, "username": prefix, "password": "x", "retries": 5, "ping_timeout": "5s"}
    )

    with pytest.raises(BuildError, match=r"\(auth\)"):
        await module.init_resources()

    assert proxy.commands == ["AUTH"]
    await module.shutdown_resources()


@pytest.mark.parametrize("way", [by_command, by_pipeline, by_watched_transaction, by_script])
async def test_trap_21_a_black_hole_in_the_middle_of_a_command_is_not_dialled_again(
    connect: Connect, proxy: Proxy, prefix: str, way: Way
) -> None:
    client = connect(proxy.addr, read_timeout="100ms", dial_timeout="100ms", retries=3)
    await client.ping()
    proxy.swallow(times=FOREVER)

    with pytest.raises(StoreUnavailableError):
        await way(client, prefix)

    assert proxy.accepted == 1


async def test_trap_21_a_watch_that_cannot_be_ended_costs_no_connection(
    connect: Connect, proxy: Proxy, prefix: str
) -> None:
    client = connect(proxy.addr, read_timeout="100ms", pool_size=1)
    pipeline = client.pipeline()
    await pipeline.watch(prefix)
    proxy.swallow(times=FOREVER)

    with pytest.raises(StoreUnavailableError):
        await pipeline.reset()

    assert proxy.accepted == 1
    proxy.forgive()
    assert await client.ping()
    assert proxy.accepted == 2


async def test_trap_22_there_is_no_way_to_pass_a_retry_object() -> None:
    retry = redis.asyncio.retry.Retry(NoBackoff(), 3)
    module = AsyncRedisModule(config={"addr": "localhost:6379", "retry": retry})

    with pytest.raises(ConfigError, match=r"redis\.retry"):
        await module.init_resources()


async def test_trap_22_the_retry_object_is_of_this_world_and_repeats_nothing(connect: Connect) -> None:
    pool = connect("localhost:6379", retries=3).connection_pool

    retry = pool.connection_kwargs["retry"]

    assert type(retry) is redis.asyncio.retry.Retry
    assert retry.get_retries() == 0
