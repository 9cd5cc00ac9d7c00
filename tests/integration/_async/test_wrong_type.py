"""A key that holds another type of Redis value: what a store raises is redis-py's error as well."""

from __future__ import annotations

import pytest
import redis

from modkit_redis import AsyncRedisBundle
from modkit_redis.contract import CommandRefusedError


async def test_a_refusal_of_a_store_is_an_error_of_redis_py_too(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    bundle = AsyncRedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": {"default_ttl": "1m"}})
    admin.lpush(f"{prefix}:cache:k", "of another type")

    async def load() -> int:
        raise AssertionError("never called")

    with pytest.raises(CommandRefusedError, match=r"refused by Redis \(wrong-type\)") as caught:
        await bundle.cache.store().get_or_set("k", load)

    assert isinstance(caught.value, redis.ResponseError)
    await bundle.shutdown_resources()
