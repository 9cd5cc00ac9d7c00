"""Traps of waiting: whatever the peer does not do, each wait has the bound that its setting names."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.contract import BuildError, StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.faults.black_hole import black_hole
from tests.faults.freezer import frozen
from tests.faults.mute import mute_peer, mute_unix_peer
from tests.faults.parsers import PARSERS, use_parser
from tests.faults.proxy import Proxy
from tests.faults.scripted import ScriptedPeer, to_all
from tests.timing import lasting

Connect = Callable[..., redis.asyncio.Redis]
TOO_MUCH = b"x" * (32 << 20)  # for all buffers between two peers


async def set_by_command(client: redis.asyncio.Redis) -> object:
    return await client.set("k", TOO_MUCH)


async def set_by_executor(client: redis.asyncio.Redis) -> object:
    return await AsyncRedisExecutor(client).execute("SET", "k", TOO_MUCH)


async def set_by_pipeline(client: redis.asyncio.Redis) -> object:
    pipeline = client.pipeline()
    _ = pipeline.set("k", TOO_MUCH)
    return await pipeline.execute()


@pytest.mark.parametrize(
    ("way", "write", "read"),
    [(way, 0.15, 60) for way in (set_by_command, set_by_pipeline, set_by_executor)]
    + [(set_by_command, 0.35, 0.1)],
)
async def test_trap_09_a_peer_that_never_reads_is_a_write_timeout_after_that_time(
    connect: Connect, way: Callable[..., Any], write: float, read: float
) -> None:
    with ScriptedPeer(to_all(b"+OK\r\n"), deaf_after=1) as peer:
        client = connect(peer.addr, write_timeout=f"{write}s", read_timeout=f"{read}s")

        with lasting(write), pytest.raises(StoreUnavailableError) as caught:
            await way(client)

    assert caught.value.reason == "write-timeout"
    assert isinstance(caught.value, redis.TimeoutError)


@pytest.mark.parametrize(("write", "read"), [(0.15, 60), (0.35, 0.1)])
async def test_trap_09_a_frozen_server_is_a_write_timeout_and_carries_nothing_out_when_it_wakes(
    connect: Connect, private_server: EmbeddedServer, write: float, read: float
) -> None:
    client = connect(private_server.addr, write_timeout=f"{write}s", read_timeout=f"{read}s")
    await client.ping()

    with frozen(private_server.pid), lasting(write), pytest.raises(StoreUnavailableError) as caught:
        await client.set("k", TOO_MUCH)

    assert caught.value.reason == "write-timeout"
    admin = connect(private_server.addr)
    while len(await admin.client_list()) > 1:  # it ends: the buffers that the kernel has are sent
        pass
    assert not await admin.exists("k")


async def test_trap_09_after_a_write_timeout_nothing_more_is_sent_over_that_connection(
    connect: Connect, private_server: EmbeddedServer
) -> None:
    async with connect(private_server.addr, write_timeout="150ms").client() as single:
        await single.ping()

        with frozen(private_server.pid), pytest.raises(StoreUnavailableError, match="write-timeout"):
            await single.set("k", TOO_MUCH)

        assert await single.get("k") is None


async def test_trap_10_a_start_up_ping_to_a_mute_peer_fails_within_its_timeout() -> None:
    with mute_peer() as address:
        module = AsyncRedisModule(config={"addr": address, "ping_timeout": "200ms", "retries": 100})

        with lasting(0.2), pytest.raises(BuildError, match="ping failed"):
            await module.init_resources()

    await module.shutdown_resources()


async def test_trap_10_the_first_command_to_a_mute_peer_fails_within_dial_and_read(connect: Connect) -> None:
    with mute_peer() as address:
        client = connect(address, dial_timeout="200ms", read_timeout="200ms", password="secret", retries=50)

        with lasting(0.2), pytest.raises(StoreUnavailableError) as caught:
            await client.ping()

    assert caught.value.reason == "read-timeout"


async def test_trap_10_each_reply_of_the_handshake_has_its_own_read_timeout(
    connect: Connect, proxy: Proxy
) -> None:
    proxy.delay = 0.15
    client = connect(proxy.addr, read_timeout="300ms", db=3)

    with lasting(0.45):  # CLIENT SETNAME, SELECT, PING
        assert await client.ping()


async def test_trap_11_a_closed_port_fails_at_once(closed_port: str) -> None:
    module = AsyncRedisModule(config={"addr": closed_port, "ping_timeout": "30s"})

    with lasting(0), pytest.raises(BuildError, match=r"\(refused\)"):
        await module.init_resources()

    await module.shutdown_resources()


async def test_trap_11_a_start_up_ping_into_a_black_hole_fails_within_its_timeout() -> None:
    with black_hole() as address:
        module = AsyncRedisModule(config={"addr": address, "ping_timeout": "200ms", "dial_timeout": "30s"})

        with lasting(0.2), pytest.raises(BuildError, match="ping failed"):
            await module.init_resources()

    await module.shutdown_resources()


async def test_trap_11_a_command_into_a_black_hole_fails_within_the_dial_timeout(connect: Connect) -> None:
    with black_hole() as address:
        client = connect(address, dial_timeout="200ms", read_timeout="30s")

        with lasting(0.2), pytest.raises(StoreUnavailableError) as caught:
            await client.ping()

    assert caught.value.reason == "dial-timeout"


async def test_trap_11_a_deadline_holds_for_all_addresses_together(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as address:
        port = int(address.rpartition(":")[2])
        found = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found] * 50)
        executor = AsyncRedisExecutor(connect(f"many.test:{port}"))

        with lasting(0.3), pytest.raises(StoreUnavailableError) as caught:
            await executor.execute("PING", deadline=0.3)

    assert caught.value.reason == "deadline"


@pytest.mark.parametrize("place", ["refused", "black hole"])
async def test_trap_11_a_deadline_holds_however_often_it_is_tried_again(
    connect: Connect, closed_port: str, place: str
) -> None:
    with black_hole() as hole:
        client = connect(closed_port if place == "refused" else hole, retries=100, dial_timeout="50ms")

        with lasting(0.3), pytest.raises(StoreUnavailableError) as caught:
            await AsyncRedisExecutor(client).execute("PING", deadline=0.3)

    assert caught.value.reason == "deadline"


async def test_trap_13_a_unix_socket_without_room_fails_within_the_dial_timeout(
    connect: Connect, tmp_path: Path
) -> None:
    with mute_unix_peer(tmp_path / "full", full=True) as address:
        client = connect(address, dial_timeout="200ms", read_timeout="30s")

        with lasting(0), pytest.raises(StoreUnavailableError):
            await client.ping()


async def test_trap_13_a_mute_unix_socket_fails_within_the_read_timeout(
    connect: Connect, tmp_path: Path
) -> None:
    with mute_unix_peer(tmp_path / "mute") as address:
        client = connect(address, dial_timeout="30s", read_timeout="200ms")

        with lasting(0.2), pytest.raises(StoreUnavailableError) as caught:
            await client.ping()

    assert caught.value.reason == "read-timeout"


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("moment", ["handshake", "reply"])
async def test_trap_14_a_dripping_peer_holds_nobody_longer_than_the_read_timeout(
    connect: Connect, proxy: Proxy, prefix: str, parser: str, moment: str
) -> None:
    client = use_parser(connect(proxy.addr, read_timeout="200ms"), parser)
    if moment == "reply":
        await client.set(prefix, b"x" * 1000)
    proxy.pace = 0.05 if moment == "handshake" else 0.01

    with lasting(0.2), pytest.raises(StoreUnavailableError) as caught:
        await client.get(prefix)

    assert caught.value.reason == "read-timeout"
    proxy.pace = 0
    assert await client.get(prefix) == (None if moment == "handshake" else b"x" * 1000)


async def test_trap_14_a_deadline_bounds_a_dripping_peer(connect: Connect, proxy: Proxy, prefix: str) -> None:
    executor = AsyncRedisExecutor(connect(proxy.addr, read_timeout="30s"))
    await executor.execute("SET", prefix, b"x" * 1000)
    proxy.pace = 0.01

    with lasting(0.2), pytest.raises(StoreUnavailableError) as caught:
        await executor.execute("GET", prefix, deadline=0.2)

    assert caught.value.reason == "deadline"
