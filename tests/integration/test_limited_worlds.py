"""``limited`` never lets a function run because its store is one for the other world."""

from __future__ import annotations

from typing import Any

import pytest

from modkit_redis import AsyncRedisModule, RedisModule, limited
from modkit_redis.contract import ArgumentError
from modkit_redis.ratelimit import AsyncRedisRateLimitStore, RateLimitSettings, RedisRateLimitStore

SETTINGS = RateLimitSettings.from_mapping({"limit": "1/hour"})


@pytest.mark.parametrize("timeout", [None, 1])
async def test_a_function_with_the_store_of_the_other_world_does_not_run(
    closed_port: str, timeout: float | None
) -> None:
    calls: list[str] = []

    @limited(subject=lambda: "ann", timeout=timeout)
    def blocking(limiter: Any) -> None:
        calls.append("blocking")

    @limited(subject=lambda: "ann", timeout=timeout)
    async def awaited(limiter: Any) -> None:
        calls.append("awaited")

    module, other = AsyncRedisModule(config={"addr": closed_port}), RedisModule(config={"addr": closed_port})
    tasks = AsyncRedisRateLimitStore(client=module.client(), key_prefix="", settings=SETTINGS)
    threads = RedisRateLimitStore(client=other.client(), key_prefix="", settings=SETTINGS)
    with pytest.raises(ArgumentError, match="world"):
        blocking(tasks)
    with pytest.raises(ArgumentError, match="world"):
        await awaited(threads)

    assert calls == []
    await module.shutdown_resources()
    other.shutdown_resources()
