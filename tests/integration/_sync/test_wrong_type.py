# Generated from ../_async/test_wrong_type.py by .ci/unasync.py; do not edit.
"""A key that holds another type of Redis value: what a store raises is redis-py's error as well."""

from __future__ import annotations

import pytest
import redis

from modkit_redis import RedisBundle
from modkit_redis.contract import CommandRefusedError


def test_a_refusal_of_a_store_is_an_error_of_redis_py_too(addr: str, prefix: str, admin: redis.Redis) -> None:
    bundle = RedisBundle(config={"addr": addr, "key_prefix": prefix, "cache": {"default_ttl": "1m"}})
    admin.lpush(f"{prefix}:cache:k", "of another type")

    def load() -> int:
        raise AssertionError("never called")

    with pytest.raises(CommandRefusedError, match=r"refused by Redis \(wrong-type\)") as caught:
        bundle.cache.store().get_or_set("k", load)

    assert isinstance(caught.value, redis.ResponseError)
    bundle.shutdown_resources()
