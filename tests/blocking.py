"""Every command that may wait on the server, asked to wait for so long."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import redis

Command: TypeAlias = tuple[str | int | float, ...]

NOTHING: Final[tuple[object, ...]] = (None, 0, [], [0, 0])
"""What they reply when their time is over."""


def blocking_commands(prefix: str, seconds: float) -> dict[str, Command]:
    """Return by name how to wait for *seconds* for what is not there; 0 is for ever."""
    lists, zset, stream, milliseconds = f"{prefix}:l", f"{prefix}:z", f"{prefix}:s", int(seconds * 1000)
    commands: list[Command] = [
        ("BLPOP", lists, seconds),
        ("BRPOP", lists, seconds),
        ("BLMOVE", lists, f"{lists}:to", "LEFT", "RIGHT", seconds),
        ("BRPOPLPUSH", lists, f"{lists}:to", seconds),
        ("BLMPOP", seconds, 1, lists, "LEFT"),
        ("BZPOPMIN", zset, seconds),
        ("BZPOPMAX", zset, seconds),
        ("BZMPOP", seconds, 1, zset, "MIN"),
        ("WAIT", 9, milliseconds),
        ("WAITAOF", 0, 9, milliseconds),
        ("XREAD", "BLOCK", milliseconds, "STREAMS", stream, "$"),
        ("XREADGROUP", "GROUP", "g", "c", "COUNT", 1, "BLOCK", milliseconds, "STREAMS", stream, ">"),
    ]
    return {str(command[0]): command for command in commands}


def known_to(admin: redis.Redis, prefix: str, seconds: float) -> list[Command]:
    """Return those that this server has, and make the group that one of them needs."""
    admin.xgroup_create(f"{prefix}:s", "g", mkstream=True)
    commands = blocking_commands(prefix, seconds)
    known: Any = admin.command_list()  # INFO of an unknown one breaks redis-py
    return [commands[name] for name in commands if name.lower().encode() in known]
