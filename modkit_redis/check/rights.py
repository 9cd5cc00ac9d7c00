"""Which commands each part of the library sends, also from within scripts, with keys as it names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from modkit_redis.contract.keys import KeySpace

Command: TypeAlias = tuple[str | int, ...]

BASE: Final = "base"

_SCRIPTS: Final = (("EVAL", "return 0", 1, "KEY"), ("EVALSHA", "0" * 40, 1, "KEY"))
_NEEDED: Final[Mapping[str, Sequence[Command]]] = {
    "cache": (
        ("GET", "KEY"),
        ("MGET", "KEY"),
        ("GETRANGE", "KEY", 0, 47),
        ("SET", "KEY", "value", "PX", 1000),
        ("SETRANGE", "KEY", 8, "value"),
        ("PTTL", "KEY"),
        ("PEXPIRE", "KEY", 1000),
        ("PERSIST", "KEY"),
        ("UNLINK", "KEY"),
        ("SCAN", 0),
        ("TIME",),
        *_SCRIPTS,
    ),
    "session": (
        ("HGETALL", "KEY"),
        ("HMGET", "KEY", "field"),
        ("HGET", "KEY", "field"),
        ("HSET", "KEY", "field", "value"),
        ("HDEL", "KEY", "field"),
        ("PEXPIREAT", "KEY", 1000),
        ("EXISTS", "KEY"),
        ("UNLINK", "KEY"),
        ("ZADD", "KEY", 1, "member"),
        ("ZCARD", "KEY"),
        ("ZRANGE", "KEY", 0, -1),
        ("ZREM", "KEY", "member"),
        ("ZREMRANGEBYSCORE", "KEY", 0, 1),
        ("ZSCORE", "KEY", "member"),
        ("TIME",),
        *_SCRIPTS,
    ),
    "ratelimit": (
        ("GET", "KEY"),
        ("SET", "KEY", "value", "PX", 1000),
        ("UNLINK", "KEY"),
        ("ZADD", "KEY", 1, "member"),
        ("ZCARD", "KEY"),
        ("ZRANGE", "KEY", 0, -1),
        ("ZREM", "KEY", "member"),
        ("ZREMRANGEBYSCORE", "KEY", 0, 1),
        ("ZSCORE", "KEY", "member"),
        ("PEXPIREAT", "KEY", 1000),
        ("TIME",),
        *_SCRIPTS,
    ),
}


def needed(key_prefix: str, db: int) -> dict[str, list[Command]]:
    """Return the commands of each part; the keys are of no entry that could exist."""
    base: list[Command] = [("PING",), ("CLIENT", "SETNAME", "modkit-redis")]
    found = {BASE: [*base, ("SELECT", db)] if db else base}
    for section, commands in _NEEDED.items():
        key = KeySpace(key_prefix, section).key("check")
        found[section] = [tuple(key if part == "KEY" else part for part in each) for each in commands]
    return found


def named(command: Command) -> str:
    """Return how rights are written for *command*, as ``client|setname``."""
    first, *others = map(str, command)
    return f"{first}|{others[0]}".lower() if first == "CLIENT" else first.lower()
