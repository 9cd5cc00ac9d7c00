"""Trap 26 for mistakes, which stay redis-py's own errors: in a pipeline they repeat no argument either."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.contract import ModkitRedisError
from tests.leaks import said_by

transaction_or_not = pytest.mark.parametrize("transaction", [False, True], ids=["pipeline", "transaction"])


@pytest.fixture
async def client(addr: str) -> AsyncIterator[redis.asyncio.Redis]:
    module = AsyncRedisModule(config={"addr": addr})
    yield module.client()
    await module.shutdown_resources()


async def failure(client: redis.asyncio.Redis, *command: str, transaction: bool) -> BaseException:
    async with client.pipeline(transaction=transaction) as pipeline:
        _ = pipeline.echo("first")
        _ = pipeline.execute_command(*command)
        with pytest.raises(redis.ResponseError) as caught:
            await pipeline.execute()
    return caught.value


@transaction_or_not
async def test_trap_26_a_value_of_the_wrong_type_in_a_pipeline(
    client: redis.asyncio.Redis, prefix: str, transaction: bool
) -> None:
    await client.set(f"{prefix}:s3cret-key", "text", ex=60)

    error = await failure(client, "LPUSH", f"{prefix}:s3cret-key", "s3cret", transaction=transaction)

    assert not isinstance(error, ModkitRedisError)
    assert str(error).startswith("WRONGTYPE")
    assert [text for text in said_by(error) if "s3cret" in text] == []


@transaction_or_not
async def test_trap_26_a_command_that_is_incomplete_in_a_pipeline(
    client: redis.asyncio.Redis, transaction: bool
) -> None:
    error = await failure(client, "SET", "s3cret-key", transaction=transaction)

    assert not isinstance(error, ModkitRedisError)
    assert str(error).startswith("wrong number of arguments")
    assert [text for text in said_by(error) if "s3cret" in text] == []


@transaction_or_not
async def test_trap_26_errors_that_are_returned_repeat_nothing(
    client: redis.asyncio.Redis, prefix: str, transaction: bool
) -> None:
    await client.set(f"{prefix}:s3cret-key", "text", ex=60)

    async with client.pipeline(transaction=transaction) as pipeline:
        _ = pipeline.lpush(f"{prefix}:s3cret-key", "s3cret")
        [error] = await pipeline.execute(raise_on_error=False)

    assert isinstance(error, redis.ResponseError)
    assert [text for text in said_by(error) if "s3cret" in text] == []
