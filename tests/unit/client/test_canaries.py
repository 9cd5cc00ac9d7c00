"""What is relied on of redis-py although it does not promise it: a new release that differs is seen here."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
import redis.asyncio.client
import redis.asyncio.connection
import redis.client
import redis.connection
from redis._parsers import _HiredisParser, _RESP2Parser

from tests.support import stock_client


@pytest.fixture
def connection(addr: str) -> Iterator[Any]:
    """A stock connection, as the pool of a stock client makes it."""
    with stock_client(addr) as client:
        connection = client.connection_pool.get_connection()
        yield connection
        client.connection_pool.release(connection)


@pytest.mark.parametrize(
    "kind", [redis.connection.AbstractConnection, redis.asyncio.connection.AbstractConnection]
)
def test_connecting_is_one_method_that_can_do_without_retries(kind: Any) -> None:
    parameters = list(inspect.signature(kind.connect_check_health).parameters)

    assert parameters == ["self", "check_health", "retry_socket_connect"]
    assert all(callable(getattr(kind, name)) for name in ("_connect", "_host_error", "read_response"))


def test_a_connection_keeps_its_socket_parser_packer_and_dial_timeout(connection: Any) -> None:
    assert isinstance(connection._sock, socket.socket)
    assert connection._command_packer.pack("PING") == [b"*1\r\n$4\r\nPING\r\n"]
    assert connection._socket_connect_timeout == connection.socket_connect_timeout
    assert connection._parser._sock is connection._sock


@pytest.mark.parametrize("parser", [_HiredisParser, _RESP2Parser])
def test_each_parser_says_whether_it_holds_unread_bytes(connection: Any, parser: Any) -> None:
    connection.disconnect()
    connection.set_parser(parser)
    connection.connect()

    reader = getattr(connection._parser, "_reader", None)
    unread = connection._parser._buffer.unread_bytes if reader is None else reader.has_data

    assert not unread()
    connection.send_command("PING")
    assert connection.read_response() in (b"PONG", True)
    assert not unread()


async def test_an_asyncio_connection_keeps_its_streams(addr: str) -> None:
    host, _, port = addr.rpartition(":")
    client = redis.asyncio.Redis(host=host, port=int(port), protocol=2)
    connection: Any = await client.connection_pool.get_connection()

    assert connection._writer.transport.get_extra_info("socket") is not None
    assert connection._reader is not None
    assert connection._connection_arguments() == {"host": host, "port": int(port)}
    await client.connection_pool.release(connection)
    await client.aclose()


@pytest.mark.parametrize("kind", [redis.ConnectionPool, redis.asyncio.ConnectionPool])
def test_a_pool_keeps_idle_and_used_connections_apart(kind: Any) -> None:
    pool = kind()

    assert list(pool._available_connections) == list(pool._in_use_connections) == []
    assert pool.connection_kwargs["himport_registry"] is pool.himport_registry
    assert callable(pool.reset)


def test_pools_have_the_methods_that_ours_replace_or_call() -> None:
    assert callable(redis.ConnectionPool._checkpid)
    assert callable(redis.asyncio.ConnectionPool.get_available_connection)


@pytest.mark.parametrize("kind", [redis.Redis, redis.asyncio.Redis])
def test_a_client_sends_and_parses_in_one_method(kind: Any) -> None:
    parameters = list(inspect.signature(kind._send_command_parse_response).parameters)

    assert parameters == ["self", "conn", "command_name", "args", "options"]
    assert kind.from_pool(kind().connection_pool).auto_close_connection_pool


@pytest.mark.parametrize("kind", [redis.client.Pipeline, redis.asyncio.client.Pipeline])
def test_a_pipeline_annotates_raises_and_gives_up_in_methods_of_its_own(kind: Any) -> None:
    names = ("annotate_exception", "raise_first_error", "_disconnect_raise_on_watching", "reset")

    assert [name for name in names if not callable(getattr(kind, name, None))] == []


def test_the_tls_handshake_is_a_method_of_its_own() -> None:
    parameters = list(inspect.signature(redis.connection.SSLConnection._wrap_socket_with_ssl).parameters)

    assert parameters == ["self", "sock"]


def test_stock_redis_py_still_retries_ten_times() -> None:
    retry = redis.Redis().get_retry()

    assert retry is not None
    assert retry.get_retries() == 10  # docs/concepts/client.md says so
