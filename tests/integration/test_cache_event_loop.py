"""A store for asyncio belongs to one event loop; in another it raises, whatever an outage is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from modkit_redis.contract import StoreUnavailableError
from tests.caching import AsyncCaches


async def load() -> str:
    return "loaded"


@pytest.mark.parametrize("outage", ["raise", "miss"])
def test_each_call_in_another_event_loop_raises(addr: str, prefix: str, outage: str) -> None:
    caches = AsyncCaches()
    with asyncio.Runner() as runner, asyncio.Runner() as other:
        cache = caches.open(addr, prefix, on_outage=outage)
        store = cache.store
        runner.run(store.set("key", "value"))
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: store.get("key", "none"),
            lambda: store.get_many(["key"]),
            lambda: store.ttl("key"),
            lambda: store.get_or_set("key", load),
            lambda: store.set("key", "new"),
            lambda: store.set_many({"key": "new"}),
            lambda: store.touch("key"),
            lambda: store.delete("key"),
            lambda: store.clear(),
        ]

        async def call_all() -> None:
            for call in calls:
                with pytest.raises(StoreUnavailableError) as caught:
                    await call()
                assert caught.value.reason == "event-loop"

        other.run(call_all())

        assert not cache.seen.of("load") and not cache.seen.of("degraded")
        assert runner.run(store.get_or_set("key", load)) == "value"
        runner.run(caches.aclose())
