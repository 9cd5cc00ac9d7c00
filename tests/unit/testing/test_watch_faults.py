"""A watch that cannot look says why, soon, and leaves no connection."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from modkit_redis import RedisSettings
from modkit_redis.contract import ArgumentError, CommandRefusedError, StoreUnavailableError
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.support import connections_named, stock_client

pytestmark = pytest.mark.once


def test_a_server_with_a_password_is_watched_with_settings() -> None:
    with EmbeddedServer(requirepass="s3cret") as server:
        with pytest.raises(StoreUnavailableError, match="auth"):
            ServerWatch(server.addr)

        with ServerWatch(RedisSettings(addr=server.addr, password="s3cret")) as watch:
            assert (watch.commands(), watch.connections()) == ([], 0)


def test_a_user_who_may_not_watch_is_told_so_and_leaves_no_connection() -> None:
    with (
        EmbeddedServer(user="weak on >weak ~* +@all -monitor") as server,
        stock_client(server.addr) as client,
    ):
        with pytest.raises(CommandRefusedError, match=r"^MONITOR: refused by Redis \(noperm\)$"):
            ServerWatch(RedisSettings(addr=server.addr, username="weak", password="weak"))

        client.ping()
        assert connections_named(client, "modkit-redis-watch") == 0


def test_a_server_that_is_not_there_is_a_typed_error(closed_port: str) -> None:
    with pytest.raises(StoreUnavailableError, match="refused"):
        ServerWatch(closed_port)


def test_a_unix_socket_cannot_be_watched() -> None:
    with pytest.raises(ArgumentError, match=r"^server must be the TCP address"):
        ServerWatch(RedisSettings(addr="unix:/run/redis.sock"))


def test_a_server_that_died_is_a_typed_error_for_good(private_server: EmbeddedServer) -> None:
    with ServerWatch(private_server.addr) as watch:
        private_server.kill()

        for ask in (watch.commands, watch.round_trips, watch.connections, watch.commands):
            with pytest.raises(StoreUnavailableError):
                ask()


def test_a_server_that_started_again_is_another_one(private_server: EmbeddedServer) -> None:
    with ServerWatch(private_server.addr) as watch:
        private_server.restart()

        for ask, reason in (
            (watch.round_trips, "disconnected"),
            (watch.commands, "disconnected"),
            (watch.commands, "closed"),
            (watch.connections, "closed"),
        ):
            with pytest.raises(StoreUnavailableError, match=reason):
                ask()


def test_a_frozen_server_is_waited_for_no_longer_than_the_settings_say(
    private_server: EmbeddedServer,
) -> None:
    settings = RedisSettings(addr=private_server.addr, read_timeout=timedelta(milliseconds=40))
    with ServerWatch(settings) as watch, stock_client(private_server.addr) as client:
        with private_server.frozen():
            for ask in (watch.commands, watch.round_trips, watch.connections):
                began = time.monotonic()
                with pytest.raises(StoreUnavailableError, match="read-timeout"):
                    ask()
                assert time.monotonic() - began < 1

        client.get("key")
        assert watch.commands()[-1] == "GET key"
