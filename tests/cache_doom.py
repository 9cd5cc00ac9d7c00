"""Processes that take a lease and are killed before they give it back."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from modkit_redis import AsyncRedisBundle, RedisBundle
from tests.support import stock_client


class Doomed:
    """Processes that load the key ``k`` for ever, as soon as they may."""

    def __init__(self, admin: redis.Redis, prefix: str, processes: list[Any]) -> None:
        self._admin, self._processes = admin, processes
        self._begun = f"{prefix}:x:begun"

    def wait(self) -> int:
        """Wait until the next one loads, and return its process id."""
        found: Any = self._admin.blpop([self._begun], timeout=20)
        assert found, "no process has begun to load"
        return int(found[1])

    def kill(self, pid: int) -> None:
        """Kill one of them, as a crash would."""
        os.kill(pid, signal.SIGKILL)
        [process] = [each for each in self._processes if each.pid == pid]
        process.join(10)


@contextmanager
def doomed(
    admin: redis.Redis, addr: str, prefix: str, world: str, count: int = 1, **cache: object
) -> Iterator[Doomed]:
    """Start so many processes; those that were not killed in the end are."""
    spawn = multiprocessing.get_context("spawn")
    config = {"addr": addr, "key_prefix": prefix, "cache": {"default_ttl": "60s", **cache}}
    processes = [spawn.Process(target=_load_for_ever, args=(world, config)) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield Doomed(admin, prefix, processes)
    finally:
        for process in processes:
            process.kill()
            process.join(10)
            process.close()


def _load_for_ever(world: str, config: dict[str, Any]) -> None:
    def begin() -> None:
        with stock_client(config["addr"]) as admin:
            admin.rpush(f"{config['key_prefix']}:x:begun", os.getpid())

    def load() -> object:
        begin()
        while True:
            time.sleep(0.05)

    async def async_load() -> None:
        begin()
        await asyncio.Event().wait()

    async def ask() -> None:
        bundle = AsyncRedisBundle(config=config)
        await bundle.cache.store().get_or_set("k", async_load, stale_for=0)

    if world == "async":
        asyncio.run(ask())
    else:
        RedisBundle(config=config).cache.store().get_or_set("k", load, stale_for=0)
