"""The clients that modules export: redis-py's own classes, on pools and connections of ours."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
import redis.asyncio.client
import redis.client
from redis import exceptions

from modkit_redis.client.errors import redis_errors


class _Discreet:
    """Keeps the arguments of a pipeline's commands out of its errors."""

    def annotate_exception(self, exception: Exception, number: int, command: Any) -> None:
        """Do nothing: redis-py would put the command with its arguments into the text."""

    def raise_first_error(self, commands: Any, response: Any) -> None:
        """Raise the first refusal among the replies, as one of our errors where it is no mistake."""
        for command, reply in zip(commands, response, strict=False):
            if isinstance(reply, exceptions.ResponseError):
                with redis_errors(str(command[0][0])):
                    raise reply


class _Pipeline(_Discreet, redis.client.Pipeline):
    """Commands of a :class:`Client`, to be sent together."""

    def reset(self) -> None:  # type: ignore[override]  # redis-py
        """Forget the commands and what is watched, and give the connection back."""
        connection: Any = self.connection
        if connection is not None and not connection.is_connected:
            self.watching = False  # else redis-py would connect again, to tell the server so
        try:
            super().reset()
        finally:
            if self.connection is not None:  # it failed while it said so: what it watched is forgotten
                self.watching = False
                super().reset()

    def _disconnect_raise_on_watching(self, *_: Any, **__: Any) -> None:
        """Let the error be raised: after redis-py's WatchError, ``transaction()`` would repeat all of it."""
        self.watching = False

    _disconnect_reset_raise_on_watching = _disconnect_raise_on_watching


class _AsyncPipeline(_Discreet, redis.asyncio.client.Pipeline):  # type: ignore[misc]  # as redis-py's own
    """Commands of an :class:`AsyncClient`, to be sent together."""

    async def reset(self) -> None:  # type: ignore[override]  # redis-py
        """Forget the commands and what is watched, and give the connection back."""
        connection: Any = self.connection
        if connection is not None and not connection.is_connected:
            self.watching = False  # else redis-py would connect again, to tell the server so
        await super().reset()  # type: ignore[no-untyped-call]  # redis-py

    async def _disconnect_raise_on_watching(self, *_: Any, **__: Any) -> None:
        """Let the error be raised: after redis-py's WatchError, ``transaction()`` would repeat all of it."""
        self.watching = False

    _disconnect_reset_raise_on_watching = _disconnect_raise_on_watching


class Client(redis.Redis):
    """A ``redis.Redis`` that obeys its settings and stays closed once it is closed."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command, once, and return its parsed reply."""
        if self.connection is not None:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py
        pool: Any = self.connection_pool
        if pool.guard.closed_by:
            pool.guard.check(args[0])
        connection = pool.acquire(None)
        try:
            return self._send_command_parse_response(connection, args[0], *args, **options)  # type: ignore[no-untyped-call]  # redis-py
        finally:
            pool.release(connection)

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> redis.client.Pipeline:
        """Return a pipeline, whose errors name commands but never arguments."""
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class AsyncClient(redis.asyncio.Redis):
    """A ``redis.asyncio.Redis`` that obeys its settings and stays closed once it is closed."""

    __await__ = None  # type: ignore[assignment]  # or dependency-injector awaits it at each injection

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command, once, and return its parsed reply."""
        if self.single_connection_client:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py
        pool: Any = self.connection_pool
        if pool.guard.closed_by:
            pool.guard.check(args[0])
        connection = await pool.get_connection()
        try:
            return await self._send_command_parse_response(connection, args[0], *args, **options)  # type: ignore[no-untyped-call]  # redis-py
        finally:
            await pool.release(connection)

    def pipeline(
        self, transaction: bool = True, shard_hint: str | None = None
    ) -> redis.asyncio.client.Pipeline:
        """Return a pipeline, whose errors name commands but never arguments."""
        return _AsyncPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
