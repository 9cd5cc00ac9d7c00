# Generated from ../_async/test_traps_pools.py by .ci/unasync.py; do not edit.
"""Traps of reused connections: nobody gets another's reply, nor a connection that is dead."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from modkit_redis.client import RedisExecutor
from modkit_redis.contract import StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.faults.parsers import PARSERS, use_parser
from tests.faults.proxy import Proxy

Connect = Callable[..., redis.Redis]
MOVING = b">4\r\n$6\r\nMOVING\r\n:1\r\n:30\r\n$14\r\n127.0.0.1:6380\r\n"
every_parser = pytest.mark.parametrize("parser", PARSERS)


@every_parser
def test_trap_27_a_second_reply_in_the_same_packet_reaches_nobody(
    connect: Connect, proxy: Proxy, prefix: str, parser: str
) -> None:
    client = use_parser(connect(proxy.addr, pool_size=1), parser)
    proxy.add(after=b"$5\r\nwrong\r\n", containing=b"GET\r\n")

    assert client.get(prefix) is None
    assert client.get(prefix) is None
    assert proxy.accepted == 2


@every_parser
def test_trap_27_an_unasked_reply_on_an_idle_connection_reaches_nobody(
    connect: Connect, proxy: Proxy, prefix: str, parser: str
) -> None:
    client = use_parser(connect(proxy.addr, pool_size=1), parser)
    executor = RedisExecutor(client)

    for _ in range(10):
        client.ping()
        proxy.push(b"$5\r\nwrong\r\n")
        assert client.get(prefix) is None
        proxy.push(b"$5\r\nwrong\r\n")
        assert executor.execute("GET", prefix) is None


@every_parser
@pytest.mark.parametrize("delay", [0.0, 0.03])
def test_trap_27_a_reply_still_on_its_way_at_release_reaches_nobody(
    connect: Connect, proxy: Proxy, prefix: str, parser: str, delay: float
) -> None:
    client = use_parser(connect(proxy.addr, pool_size=1), parser)
    proxy.delay = delay
    pool = client.connection_pool

    connection = pool.get_connection()
    connection.send_command("ECHO", "another's")
    pool.release(connection)
    assert client.get(prefix) is None
    connection = pool.get_connection()
    connection.send_packed_command(connection.pack_commands([("ECHO", "a"), ("ECHO", "b")]))
    assert connection.read_response() == b"a"
    pool.release(connection)
    assert client.get(prefix) is None


@every_parser
def test_trap_27_a_late_reply_reaches_nobody(
    connect: Connect, proxy: Proxy, prefix: str, parser: str
) -> None:
    client = use_parser(connect(proxy.addr, pool_size=1, read_timeout="100ms"), parser)
    client.set(prefix, "mine")
    proxy.delay = 0.15

    with pytest.raises(StoreUnavailableError):
        client.echo("another's")
    proxy.delay = 0

    assert [client.get(prefix) for _ in range(10)] == [b"mine"] * 10
    assert proxy.accepted == 2  # the one that was lost, and the one after it


@every_parser
def test_trap_27_a_late_reply_does_not_reach_its_own_connection_either(
    connect: Connect, proxy: Proxy, prefix: str, parser: str
) -> None:
    client = use_parser(connect(proxy.addr, read_timeout="100ms"), parser)
    with client.client() as single, client.pipeline() as pipeline:
        pipeline.watch("none")
        proxy.delay = 0.15
        for each in single, pipeline:
            with pytest.raises(StoreUnavailableError):
                each.echo("another's")
        proxy.delay = 0

        assert single.get(prefix) is None
        pipeline.watch("none")
        assert pipeline.get(prefix) is None


@every_parser
def test_trap_27_replies_that_were_read_cost_no_connection(
    connect: Connect, proxy: Proxy, prefix: str, parser: str
) -> None:
    client = use_parser(connect(proxy.addr, pool_size=1, db=1), parser)

    for _ in range(3):
        client.ping()
        RedisExecutor(client).execute_many([("PING",), ("PING",)])
        with pytest.raises(redis.ResponseError):
            client.execute_command("NO-SUCH-COMMAND")
        for transaction in True, False:
            pipeline = client.pipeline(transaction)
            _ = pipeline.get(prefix)
            assert pipeline.execute() == [None]
            _ = pipeline.get(prefix)
            _ = pipeline.execute_command("NO-SUCH-COMMAND")
            with pytest.raises(redis.ResponseError):
                pipeline.execute()
        with client.pipeline() as pipeline:
            pipeline.watch(prefix)
            pipeline.get(prefix)
        with client.client() as single:
            single.ping()

    assert proxy.accepted == 1


@pytest.mark.parametrize("way", ["close_all", "reset_all"])
@every_parser
def test_trap_29_after_the_server_closed_idle_connections_the_next_command_succeeds(
    connect: Connect, proxy: Proxy, prefix: str, parser: str, way: str
) -> None:
    client = use_parser(connect(proxy.addr), parser)
    executor = RedisExecutor(client)

    for _ in range(10):
        client.ping()
        getattr(proxy, way)()
        assert client.get(prefix) is None
        getattr(proxy, way)()
        assert executor.execute("GET", prefix) is None
        getattr(proxy, way)()
        pipeline = client.pipeline()
        _ = pipeline.get(prefix)
        assert pipeline.execute() == [None]


def test_trap_29_after_the_server_was_restarted_the_next_command_succeeds(
    connect: Connect, private_server: EmbeddedServer
) -> None:
    client = connect(private_server.addr)
    client.ping()
    private_server.kill()
    private_server.start(int(private_server.addr.rpartition(":")[2]))

    assert client.ping()


def test_trap_30_a_full_pool_is_a_typed_error_after_its_timeout(connect: Connect, addr: str) -> None:
    client = connect(addr, pool_size=2, pool_timeout="200ms")
    pool = client.connection_pool
    held = [pool.get_connection(), pool.get_connection()]
    started = time.monotonic()

    with pytest.raises(StoreUnavailableError) as caught:
        client.ping()

    assert 0.18 < time.monotonic() - started < 1
    assert caught.value.reason == "pool-timeout"
    assert isinstance(caught.value, redis.ConnectionError)
    for each in held:
        pool.release(each)
    assert client.ping()


@pytest.mark.parametrize("moment", ["idle", "before a reply", "after a reply"])
@every_parser
def test_trap_17_a_moving_push_changes_neither_host_nor_timeouts(
    connect: Connect, proxy: Proxy, prefix: str, parser: str, moment: str
) -> None:
    client = use_parser(connect(proxy.addr, pool_size=1), parser)
    pool = client.connection_pool
    connection = pool.get_connection()
    before = _where(connection)
    told = dict(pool.connection_kwargs)
    pool.release(connection)
    if moment == "idle":
        proxy.push(MOVING)
    elif moment == "before a reply":
        proxy.add(before=MOVING, containing=b"GET\r\n")
    else:
        proxy.add(after=MOVING, containing=b"GET\r\n")

    if (parser, moment) == ("python", "before a reply"):  # it knows no pushes in RESP2
        with pytest.raises(StoreUnavailableError, match="protocol"):
            client.get(prefix)
    else:
        assert client.get(prefix) is None

    assert client.get(prefix) is None
    connection = pool.get_connection()
    assert _where(connection) == before
    assert pool.connection_kwargs == told
    pool.release(connection)


def _where(connection: Any) -> tuple[object, ...]:
    timeouts = connection.socket_timeout, connection.socket_connect_timeout
    return connection.host, connection.port, *timeouts, connection.protocol
