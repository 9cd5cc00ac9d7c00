"""Packing gives what redis-py's own does."""

from __future__ import annotations

from typing import Any

import pytest
from redis.connection import HiredisRespSerializer

from modkit_redis.client.packing import Packer

pytest.importorskip("hiredis")


def outcome(packer: Any, command: tuple[Any, ...]) -> Any:
    try:
        return b"".join(packer.pack(*command))
    except Exception as error:  # noqa: BLE001  # which one is the question
        return type(error), str(error)


@pytest.mark.parametrize(
    "command",
    [
        ("PING",),
        ("GET", "key"),
        (b"GET", b"\xff\x00"),
        ("set", "ä", 1, 1.5, -(2**80)),
        ("EVALSHA", "0" * 40, 1, "key", b""),
        ("CLIENT SETNAME", "x"),
        (b"CLIENT SETNAME", "x"),
        ("GET\t", "key"),
        ("FT._LIST",),
        ("GET", bytearray(b"x"), memoryview(b"y")),
        ("GET", None),
        ("GET", True),
        ("GET", object()),
        ("GET", "\ud800"),
    ],
)
def test_a_command_is_packed_as_redis_py_does(command: tuple[Any, ...]) -> None:
    theirs = outcome(HiredisRespSerializer(), command)

    assert outcome(Packer(), command) == theirs
