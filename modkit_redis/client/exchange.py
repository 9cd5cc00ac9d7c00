"""One exchange with Redis over one pooled connection: commands out, replies in, nothing repeated.

It goes past the client's own ``execute_command``, so that a client which an application brought or put
in as an override neither repeats a command nor decodes a reply.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import redis
import redis.asyncio
from redis import exceptions

from modkit_redis.client.connections import GuardedConnection
from modkit_redis.client.errors import FAILURES, TimeoutUnavailableError, raise_ours, without_traces
from modkit_redis.client.executor import Command
from modkit_redis.client.pools import AsyncPool, Pool
from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.values import Duration, milliseconds


def pool_of(client: redis.Redis) -> redis.ConnectionPool:
    """Return the pool of *client*.

    Raises:
        ArgumentError: If it is no ``redis.Redis``, or one without a pool of connections.
    """
    if not isinstance(client, redis.Redis) or client.connection is not None:
        raise ArgumentError("client", f"must be a redis.Redis with a pool, not {type(client).__name__}")
    return client.connection_pool


def async_pool_of(client: redis.asyncio.Redis) -> redis.asyncio.ConnectionPool:
    """Return the pool of *client*.

    Raises:
        ArgumentError: If it is no ``redis.asyncio.Redis``, or one without a pool of connections.
    """
    if not isinstance(client, redis.asyncio.Redis) or client.single_connection_client:
        raise ArgumentError(
            "client", f"must be a redis.asyncio.Redis with a pool, not {type(client).__name__}"
        )
    return client.connection_pool


def moment(deadline: Duration | None) -> float | None:
    """Return when *deadline* is over, on the monotonic clock.

    Raises:
        ArgumentError: If it is zero or negative.
    """
    return None if deadline is None else time.monotonic() + milliseconds(deadline, "deadline") / 1000


def exchange(
    pool: redis.ConnectionPool, commands: Sequence[Command], operation: str, until: float | None
) -> list[Any]:
    """Send *commands* and return their replies; a refusal is returned, not raised.

    Raises:
        StoreUnavailableError: If a reply does not come in time.
    """
    try:
        connection: Any = pool.acquire(until) if isinstance(pool, Pool) else pool.get_connection()
        try:
            if len(commands) == 1:
                connection.send_command(*commands[0])
            else:
                connection.send_packed_command(connection.pack_commands(commands))
            return [_reply(connection, until) for _ in commands]
        except BaseException:
            connection.disconnect()  # a reply may still be on its way
            raise
        finally:
            pool.release(connection)
    except FAILURES as error:
        raise_ours(error, operation)


def _reply(connection: Any, until: float | None) -> Any:
    bound: dict[str, Any] = (
        {} if until is None or isinstance(connection, GuardedConnection) else {"timeout": _left(until)}
    )
    try:
        return connection.read_response(disable_decoding=True, **bound)
    except exceptions.ResponseError as refusal:
        return refusal


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.000_001)


async def async_exchange(
    pool: redis.asyncio.ConnectionPool, commands: Sequence[Command], operation: str, until: float | None
) -> list[Any]:
    """Send *commands* and return their replies; a refusal is returned, not raised.

    Raises:
        StoreUnavailableError: If a reply does not come in time.
    """
    try:
        connect: Callable[[], Awaitable[Any]] = pool.get_connection
        if until is None:
            return await _async_exchange(pool, connect, commands)
        if isinstance(pool, AsyncPool):
            await pool.take_slot(until)
            connect = pool.connect_in_slot
        try:
            async with asyncio.timeout(_left(until)):
                return await _async_exchange(pool, connect, commands)
        except TimeoutError as late:
            without_traces(late)
        raise TimeoutUnavailableError(operation, "deadline")
    except FAILURES as error:
        raise_ours(error, operation)


async def _async_exchange(
    pool: redis.asyncio.ConnectionPool,
    connect: Callable[[], Awaitable[Any]],
    commands: Sequence[Command],
) -> list[Any]:
    connection = await connect()
    try:
        if len(commands) == 1:
            await connection.send_command(*commands[0])
        else:
            await connection.send_packed_command(connection.pack_commands(commands))
        return [await _async_reply(connection) for _ in commands]
    except BaseException:
        await connection.disconnect(nowait=True)  # a reply may still be on its way
        raise
    finally:
        await pool.release(connection)


async def _async_reply(connection: Any) -> Any:
    try:
        return await connection.read_response(disable_decoding=True)
    except exceptions.ResponseError as refusal:
        return refusal
