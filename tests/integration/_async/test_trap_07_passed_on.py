"""Trap 07: what is relied on of redis-py's settings is passed, and in force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis
import redis.asyncio
import redis.asyncio.retry

Connect = Callable[..., redis.asyncio.Redis]
RELIED_ON: Final[dict[str, object]] = {
    "host": "localhost",
    "port": 6379,
    "db": 0,
    "username": None,
    "password": None,
    "credential_provider": None,
    "client_name": "modkit-redis",
    "driver_info": None,
    "protocol": 2,
    "legacy_responses": True,
    "socket_timeout": 3.0,
    "socket_connect_timeout": 5.0,
    "socket_keepalive": True,
    "health_check_interval": 0,
    "retry_on_error": [],
    "encoding": "utf-8",
    "encoding_errors": "strict",
    "decode_responses": False,
}


async def test_trap_07_every_setting_of_redis_py_that_is_relied_on_is_passed(connect: Connect) -> None:
    pool: Any = connect("localhost:6379").connection_pool
    told = dict(pool.connection_kwargs)

    retry, guard = told.pop("retry"), told.pop("guard")
    told.pop("maint_notifications_config", None)  # the pool keeps it; see test_traps_worlds.py

    told.pop("himport_registry")  # redis-py's own

    assert told == RELIED_ON
    assert pool.max_connections == 50
    assert not pool.maint_notifications_enabled()
    assert type(retry) is redis.asyncio.retry.Retry and retry.get_retries() == 0
    assert (guard.write_timeout, guard.retries, guard.tls, pool.wait) == (3.0, 0, None, 1.0)


async def test_trap_07_what_redis_py_is_told_is_in_force_on_a_connection(connect: Connect, addr: str) -> None:
    pool = connect(addr, read_timeout="1s", write_timeout="2s", dial_timeout="4s", db=2).connection_pool

    connection: Any = await pool.get_connection()

    told = connection.socket_timeout, connection.socket_connect_timeout, connection.db, connection.protocol
    assert told == (1.0, 4.0, 2, 2)
    assert connection.retry.get_retries() == 0
    assert not (connection.maint_notifications_config and connection.maint_notifications_config.enabled)
    await pool.release(connection)
