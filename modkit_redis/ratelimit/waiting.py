"""Waiting until something may be allowed; both worlds side by side."""

from __future__ import annotations

import asyncio
import time


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


async def async_sleep(seconds: float) -> None:
    """Wait."""
    await asyncio.sleep(seconds)
