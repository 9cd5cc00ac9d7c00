"""redis-py's two parsers of replies: hiredis where it is installed, else one in Python."""

from __future__ import annotations

from typing import Final, TypeVar

import redis
import redis.asyncio
from redis._parsers import _AsyncRESP2Parser, _RESP2Parser
from redis.connection import PythonRespSerializer
from redis.utils import HIREDIS_AVAILABLE

PARSERS: Final = ["default", "python"] if HIREDIS_AVAILABLE else ["default"]

C = TypeVar("C", redis.Redis, redis.asyncio.Redis)


def use_parser(client: C, parser: str) -> C:
    """Let the connections that *client* is still to make use *parser*."""
    if parser == "python":
        python = _RESP2Parser if isinstance(client, redis.Redis) else _AsyncRESP2Parser
        client.connection_pool.connection_kwargs["parser_class"] = python
    return client


def use_python_packer(client: redis.Redis) -> redis.Redis:
    """Let the connections that *client* is still to make pack commands in Python.

    A signal handler that raises while hiredis 3.5 packs a number crashes the interpreter.
    """
    encode = client.connection_pool.get_encoder().encode
    client.connection_pool.connection_kwargs["command_packer"] = PythonRespSerializer(6000, encode)
    return client
