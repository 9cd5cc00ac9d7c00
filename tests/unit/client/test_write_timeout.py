"""A write timeout bounds the whole command, and after it nothing more is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from modkit_redis.client.config import RedisSettings
from modkit_redis.client.lifecycle import open_async_client, open_client
from tests.certificates import Certificates
from tests.faults.scripted import ScriptedPeer, to_all
from tests.faults.tls import server_context

BIG = b"x" * 32 * 2**20

whatever_peer = pytest.mark.parametrize(
    ("tls", "sips"),
    [
        pytest.param(tls, sips, id=f"{'slow' if sips else 'deaf'}-{'tls' if tls else 'tcp'}")
        for tls in (False, True)
        for sips in (False, True)
    ],
)


def peer_of(certificates: Certificates, *, tls: bool, sips: bool) -> ScriptedPeer:
    context = server_context(certificates.server) if tls else None
    return ScriptedPeer(to_all(b""), tls=context, deaf_after=1, sips=sips)


def settings(addr: str, certificates: Certificates, *, tls: bool) -> RedisSettings:
    trusted = {"tls": True, "tls_ca_file": certificates.ca} if tls else {}
    return RedisSettings.from_mapping({"addr": addr, "write_timeout": "200ms", **trusted})


@contextmanager
def lasting(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert seconds * 0.9 < time.monotonic() - started < seconds * 10


@whatever_peer
def test_trap_09_nothing_is_sent_after_a_write_timeout(
    certificates: Certificates, tls: bool, sips: bool
) -> None:
    with (
        peer_of(certificates, tls=tls, sips=sips) as peer,
        open_client(settings(peer.addr, certificates, tls=tls)) as client,
    ):
        with lasting(0.2), pytest.raises(redis.TimeoutError, match="write-timeout"):
            client.set("key", BIG)

        assert peer.rest() < len(BIG)


@whatever_peer
async def test_trap_09_nothing_is_sent_after_a_write_timeout_for_asyncio(
    certificates: Certificates, tls: bool, sips: bool
) -> None:
    with peer_of(certificates, tls=tls, sips=sips) as peer:
        async with open_async_client(settings(peer.addr, certificates, tls=tls)) as client:
            with lasting(0.2), pytest.raises(redis.TimeoutError, match="write-timeout"):
                await client.set("key", BIG)

            assert await asyncio.to_thread(peer.rest) < len(BIG)
