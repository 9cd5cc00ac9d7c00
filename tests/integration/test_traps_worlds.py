"""Traps 07 and 08: the clients of both worlds are told the same, and answer alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.client import RedisSettings
from modkit_redis.client.lifecycle import _pool_arguments
from tests.faults.parsers import PARSERS, use_parser

COMMANDS = [
    "SET {k} v",
    "SET {k} v NX",
    "GET {k}",
    "GET {k}:none",
    "APPEND {k} \xe9",
    "STRLEN {k}",
    "EXISTS {k}",
    "EXPIRE {k} 100",
    "PERSIST {k}",
    "TTL {k}",
    "TYPE {k}",
    "MSET {k}:1 a {k}:2 b",
    "MGET {k}:1 {k}:none {k}:2",
    "INCR {k}:n",
    "INCRBYFLOAT {k}:f 1.5",
    "HSET {k}:h f v g w",
    "HGETALL {k}:h",
    "HMGET {k}:h f none",
    "HKEYS {k}:h",
    "RPUSH {k}:l a b c",
    "LRANGE {k}:l 0 -1",
    "LPOP {k}:l 2",
    "BLPOP {k}:l 1",
    "SADD {k}:s a",
    "SMEMBERS {k}:s",
    "SISMEMBER {k}:s a",
    "ZADD {k}:z 1.5 a 2 b",
    "ZRANGE {k}:z 0 -1 WITHSCORES",
    "ZSCORE {k}:z a",
    "ZSCORE {k}:z none",
    "ZRANGEBYSCORE {k}:z -inf +inf WITHSCORES LIMIT 0 10",
    "ZPOPMIN {k}:z",
    "XADD {k}:x 1-1 f v",
    "XRANGE {k}:x - +",
    "XREAD COUNT 1 STREAMS {k}:x 0",
    "GEOADD {k}:g 13.361389 38.115556 Palermo",
    "GEOPOS {k}:g Palermo none",
    "SETBIT {k}:b 7 1",
    "BITCOUNT {k}:b",
    "PFADD {k}:p a b",
    "PFCOUNT {k}:p",
    "SCAN 0 MATCH {k}:none COUNT 1000000",
    "HSCAN {k}:h 0",
    "ECHO hello",
    "PING",
    "CLIENT GETNAME",
    "CONFIG GET maxmemory-policy",
    "DEL {k}",
]


AS_TEXT = ("CLIENT", "CONFIG")  # what redis-py turns into text


@pytest.fixture
def module(addr: str) -> Iterator[RedisModule]:
    module = RedisModule(config={"addr": addr})
    yield module
    module.shutdown_resources()


@pytest.mark.parametrize("parser", PARSERS)
async def test_trap_08_replies_have_the_same_shape_in_both_worlds(
    addr: str, prefix: str, module: RedisModule, parser: str
) -> None:
    other = AsyncRedisModule(config={"addr": addr})
    client, async_client = use_parser(module.client(), parser), use_parser(other.client(), parser)
    for text in COMMANDS:
        mine, theirs = (text.format(k=f"{prefix}:{world}").split(" ") for world in "AB")

        reply, async_reply = client.execute_command(*mine), await async_client.execute_command(*theirs)

        assert shape(reply) == shape(async_reply).replace(f"{prefix}:B", f"{prefix}:A"), text
        assert "str '" not in shape(reply) or mine[0] in AS_TEXT, text
    await other.shutdown_resources()


def test_trap_07_maintenance_notifications_are_switched_off_explicitly() -> None:
    told = _pool_arguments(RedisSettings(addr="localhost:6379"))

    assert told["maint_notifications_config"].enabled is False
    assert told["protocol"] == 2


def shape(reply: object) -> str:
    """Return *reply* with the type of everything in it."""
    if isinstance(reply, dict):
        return f"{{{', '.join(sorted(f'{shape(key)}: {shape(value)}' for key, value in reply.items()))}}}"
    if isinstance(reply, list | tuple):
        return f"{type(reply).__name__}({', '.join(map(shape, reply))})"
    if isinstance(reply, set):
        return f"set({', '.join(sorted(map(shape, reply)))})"
    return f"{type(reply).__name__} {reply!r}"
