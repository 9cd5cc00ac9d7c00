"""How long something may take, with a margin for a machine that is busy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support import wait_until


@contextmanager
def lasting(seconds: float) -> Iterator[None]:
    """Check that the block takes *seconds*: no less, and no more than five times that, or two seconds."""
    started = time.monotonic()
    yield
    assert seconds * 0.9 < time.monotonic() - started < max(seconds * 5, 2)


def pass_time(seconds: float) -> None:
    """Let time pass where nothing else can be waited for."""
    over = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > over, "time passes")


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until *holds*, as ``wait_until()`` does, and let the event loop run."""
    over = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < over, f"not within 5 s: {what}"
        await asyncio.sleep(0.005)
