"""Waiting before a strict save is tried again."""

from __future__ import annotations

import asyncio
import time

from modkit_redis.client.guard import backoff


def pause(failures: int) -> None:
    """Wait for a random time below 10 ms, 20 ms, … 1 s."""
    time.sleep(backoff(failures))


async def async_pause(failures: int) -> None:
    """Wait for a random time below 10 ms, 20 ms, … 1 s."""
    await asyncio.sleep(backoff(failures))
