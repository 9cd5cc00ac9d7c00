"""After a write timeout nothing more is sent: neither world keeps a connection to a deaf peer."""

from __future__ import annotations

import asyncio

import pytest
import redis

from modkit_redis.client.config import RedisSettings
from modkit_redis.client.lifecycle import open_async_client, open_client
from tests.certificates import Certificates
from tests.faults.scripted import ScriptedPeer, to_all
from tests.faults.tls import server_context

BIG = b"x" * 32 * 2**20

both_wires = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


def deaf_peer(certificates: Certificates, *, tls: bool) -> ScriptedPeer:
    return ScriptedPeer(to_all(b""), tls=server_context(certificates.server) if tls else None, deaf_after=1)


def settings(addr: str, certificates: Certificates, *, tls: bool) -> RedisSettings:
    trusted = {"tls": True, "tls_ca_file": certificates.ca} if tls else {}
    return RedisSettings.from_mapping({"addr": addr, "write_timeout": "200ms", **trusted})


@both_wires
def test_trap_09_nothing_is_sent_after_a_write_timeout(certificates: Certificates, tls: bool) -> None:
    with (
        deaf_peer(certificates, tls=tls) as peer,
        open_client(settings(peer.addr, certificates, tls=tls)) as client,
    ):
        with pytest.raises(redis.TimeoutError, match="write-timeout"):
            client.set("key", BIG)

        assert peer.rest() < len(BIG)


@both_wires
async def test_trap_09_nothing_is_sent_after_a_write_timeout_for_asyncio(
    certificates: Certificates, tls: bool
) -> None:
    with deaf_peer(certificates, tls=tls) as peer:
        async with open_async_client(settings(peer.addr, certificates, tls=tls)) as client:
            with pytest.raises(redis.TimeoutError, match="write-timeout"):
                await client.set("key", BIG)

            assert await asyncio.to_thread(peer.rest) < len(BIG)
