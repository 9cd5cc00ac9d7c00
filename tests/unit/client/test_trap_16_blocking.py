"""How long a reply may take, for each command that waits on the server."""

from __future__ import annotations

import math

import pytest

from modkit_redis.client.blocking import BLOCKING, reply_timeout
from tests.blocking import Command, blocking_commands

READ = 3.0


def spelled(command: Command, spelling: str) -> list[object]:
    name, *arguments = command
    if spelling == "bytes":
        return [str(each).encode() for each in command]
    return [str(name).lower() if spelling == "lower" else name, *arguments]


def test_trap_16_every_blocking_command_is_tried() -> None:
    assert {name for name in BLOCKING if isinstance(name, str) and name.isupper()} == {
        *blocking_commands("k", 1)
    }


@pytest.mark.parametrize("spelling", ["upper", "lower", "bytes"])
@pytest.mark.parametrize("name", blocking_commands("k", 1))
def test_trap_16_the_bound_is_what_was_asked_for_and_the_read_timeout(name: str, spelling: str) -> None:
    assert reply_timeout(spelled(blocking_commands("k", 2.5)[name], spelling), READ) == 5.5
    assert reply_timeout(spelled(blocking_commands("k", 0)[name], spelling), READ) is None
    assert reply_timeout(spelled(blocking_commands("k", 2.5)[name], spelling), None) is None


@pytest.mark.parametrize("asked", [-1, math.nan, math.inf, -math.inf, "soon", "", None, b"\xff"])
def test_trap_16_what_the_server_refuses_has_the_read_timeout(asked: object) -> None:
    assert reply_timeout(["BLPOP", "k", asked], READ) == READ
    assert reply_timeout(["BLMPOP", asked, 1, "k", "LEFT"], READ) == READ
    assert reply_timeout(["XREAD", "BLOCK", asked, "STREAMS", "k", "$"], READ) == READ


def test_trap_16_longer_than_a_socket_can_wait_is_for_ever() -> None:
    assert reply_timeout(["BLPOP", "k", 1e15], READ) is None


@pytest.mark.parametrize(
    "command",
    [
        ["XREAD", "STREAMS", "BLOCK", "0"],
        ["XREAD", "COUNT", "1", "STREAMS", "block", "0"],
        ["XREADGROUP", "GROUP", "BLOCK", "0", "STREAMS", "k", ">"],
        ["XREADGROUP", "GROUP", "g", "BLOCK", "COUNT", "0", "STREAMS", "k", ">"],
        ["GET", "k"],
        ["XREAD"],
        ["BLMPOP"],
    ],
)
def test_trap_16_a_command_that_does_not_wait_has_the_read_timeout(command: list[str]) -> None:
    assert reply_timeout(command, READ) == READ


def test_trap_16_an_option_is_found_behind_names_that_look_like_one() -> None:
    command = ["XREADGROUP", "GROUP", "BLOCK", "STREAMS", b"count", 1, "Block", 2500, "STREAMS", "block", ">"]

    assert reply_timeout(command, READ) == 5.5
