# Generated from ../_async/conftest.py by .ci/unasync.py; do not edit.
"""Clients that are closed in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis

from modkit_redis import RedisModule


@pytest.fixture
def connect() -> Iterator[Callable[..., redis.Redis]]:
    """Return the client of a new module for an address and other settings; closed in the end."""
    modules: list[RedisModule] = []

    def connect(addr: str, **settings: object) -> redis.Redis:
        modules.append(RedisModule(config={"addr": addr, **settings}))
        return modules[-1].client()

    yield connect
    for module in modules:
        module.shutdown_resources()
