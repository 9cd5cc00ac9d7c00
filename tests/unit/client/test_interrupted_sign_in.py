"""Trap 25, where a call is interrupted while it signs in: the frames it leaves hold no password."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final, NoReturn

import pytest

from modkit_redis.client.config import RedisSettings
from modkit_redis.client.lifecycle import open_async_client, open_client
from tests.faults.scripted import ScriptedPeer
from tests.leaks import leaks
from tests.support import wait_until

SECRET: Final = "s3cret-pa55word"


@pytest.fixture
def mute() -> Iterator[ScriptedPeer]:
    """A peer that never answers who signs in."""
    with ScriptedPeer(lambda _: b"") as peer:
        yield peer


def settings(peer: ScriptedPeer) -> RedisSettings:
    return RedisSettings(addr=peer.addr, password=SECRET)


async def test_trap_25_a_cancelled_call_shows_no_password(mute: ScriptedPeer) -> None:
    async with open_async_client(settings(mute)) as client:
        call = asyncio.ensure_future(client.ping())
        await asyncio.to_thread(wait_until, lambda: bool(mute.commands), "it signs in")
        call.cancel()

        with pytest.raises(asyncio.CancelledError) as cancelled:
            await call

    assert leaks("s3cret", cancelled.value) == []


async def test_trap_25_a_callers_own_timeout_shows_no_password(mute: ScriptedPeer) -> None:
    async with open_async_client(settings(mute)) as client:
        with pytest.raises(TimeoutError) as late:
            async with asyncio.timeout(0.2):
                await client.ping()

    assert mute.commands == [[b"AUTH", SECRET.encode()]]
    assert leaks("s3cret", late.value) == []


def test_trap_25_an_interrupted_call_shows_no_password(mute: ScriptedPeer) -> None:
    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        wait_until(lambda: bool(mute.commands), "it signs in")
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with open_client(settings(mute)) as client:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt) as interrupted:
                client.ping()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert leaks("s3cret", interrupted.value) == []
