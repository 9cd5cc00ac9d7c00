"""How long something may take, with a margin for a machine that is busy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support import wait_until


@contextmanager
def lasting(seconds: float, at_most: float = 0) -> Iterator[None]:
    """Check that the block takes *seconds*: no less, and no more than five times that (or *at_most*)."""
    started = time.monotonic()
    yield
    assert seconds * 0.9 < time.monotonic() - started < max(seconds * 5, at_most, 1)


def pass_time(seconds: float) -> None:
    """Let time pass where nothing else can be waited for."""
    over = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > over, "time passes")
