"""An embedded server answers, starts again, and is always stopped."""

from __future__ import annotations

import gc
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from modkit_redis.testing import EmbeddedServer, EmbeddedUnavailableError
from tests.support import stock_client, wait_until
from tests.unit.testing.processes import exists, listens

pytestmark = pytest.mark.once


def test_it_answers_where_it_says_it_does() -> None:
    with EmbeddedServer() as server, stock_client(server.addr) as client:
        assert server.addr == f"127.0.0.1:{server.port}"
        assert client.info("server")["process_id"] == server.pid


def test_two_at_once_are_two() -> None:
    with EmbeddedServer() as first, EmbeddedServer() as second, stock_client(second.addr) as client:
        assert client.info("server")["process_id"] == second.pid
        assert first.addr != second.addr


def test_it_is_stopped_when_the_body_raises(room: Path) -> None:
    server = EmbeddedServer()
    pids = []
    with suppress(ZeroDivisionError), server:
        pids.append(server.pid)
        raise ZeroDivisionError

    assert not exists(pids[0])
    assert not listens(server.addr)
    assert list(room.iterdir()) == []


def test_it_can_be_stopped_twice_and_without_a_start() -> None:
    server = EmbeddedServer()
    server.stop()
    server.start()

    server.stop()
    server.stop()

    assert not listens(server.addr)


def test_it_can_be_stopped_when_it_was_killed(room: Path) -> None:
    server = EmbeddedServer().start()
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not listens(server.addr), "the server is gone")

    server.stop()

    assert list(room.iterdir()) == []


def test_it_can_be_stopped_when_it_is_frozen() -> None:
    server = EmbeddedServer().start()
    pid = server.pid

    with server.frozen():
        server.stop()

    assert not exists(pid)


def test_it_is_stopped_when_nobody_holds_it_any_more() -> None:
    server = EmbeddedServer().start()
    pid = server.pid

    del server
    gc.collect()

    assert not exists(pid)


def test_a_frozen_server_takes_commands_and_answers_when_it_is_thawed(private_server: EmbeddedServer) -> None:
    with socket.create_connection(("127.0.0.1", private_server.port)) as connection:
        with private_server.frozen():
            connection.sendall(b"PING\r\n")
            connection.settimeout(0.03)
            with pytest.raises(TimeoutError):
                connection.recv(16)
        connection.settimeout(5)

        assert connection.recv(16) == b"+PONG\r\n"


def test_a_restart_gives_an_empty_server_at_the_same_address(private_server: EmbeddedServer) -> None:
    addr, pid = private_server.addr, private_server.pid
    with stock_client(addr) as client:
        client.set("key", "value")

        private_server.restart()

        assert client.dbsize() == 0
        assert (private_server.addr, private_server.pid != pid) == (addr, True)


def test_it_can_be_started_again_where_it_was_after_a_crash(private_server: EmbeddedServer) -> None:
    port = private_server.port
    with stock_client(private_server.addr) as client:
        client.ping()  # so that the port has connections to its name
        for _ in range(5):
            private_server.kill()
            assert not listens(f"127.0.0.1:{port}")
            private_server.start(port)

    assert listens(private_server.addr)


def test_starting_it_twice_is_an_error_and_leaves_it_running(private_server: EmbeddedServer) -> None:
    with pytest.raises(EmbeddedUnavailableError, match=f"is running already, at {private_server.addr}"):
        private_server.start()

    assert listens(private_server.addr)


def test_what_is_not_running_says_so() -> None:
    server = EmbeddedServer()
    for ask in (lambda: server.addr, lambda: server.pid, server.restart, server.frozen):
        with pytest.raises(EmbeddedUnavailableError, match=r"was not started|is not running"):
            ask()
