"""Pools with a bound on connections and on the wait for one; closed for good when closed.

Both keep redis-py's own bookkeeping, so pipelines, ``pubsub()`` and the rest of it work on them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import redis
import redis.asyncio
from redis import exceptions

from modkit_redis.client.connections import Guard
from modkit_redis.client.errors import ConnectionUnavailableError


class Pool(redis.ConnectionPool):
    """At most so many connections; a caller waits for a free one, but not for ever."""

    def __init__(self, *, guard: Guard, wait: float, **kwargs: Any) -> None:
        """Make an empty pool; nothing is connected.

        Args:
            guard: What the connections share.
            wait: Longest wait for a free connection, in seconds.
            kwargs: As for ``redis.ConnectionPool``.
        """
        self.guard = guard
        self.wait = wait
        super().__init__(guard=guard, **kwargs)

    def reset(self) -> None:
        """Forget all connections, as after a fork: they are the parent's."""
        self._slots = threading.Semaphore(self.max_connections)
        super().reset()

    def get_connection(self, command_name: object = None, *keys: object, **options: object) -> Any:
        """Return a connection that is ready for a command."""
        return self.acquire(None)

    def acquire(self, until: float | None) -> Any:
        """Return a connection that is ready for a command.

        Args:
            until: When the call it is for must have ended, on the monotonic clock.

        Raises:
            StoreUnavailableError: If none is free in time, or Redis cannot be reached.
        """
        self._checkpid()
        self.guard.check("acquire")
        wait = self.wait if until is None else min(self.wait, max(0.0, until - time.monotonic()))
        if not self._slots.acquire(timeout=wait):
            raise ConnectionUnavailableError("acquire", "pool-timeout")
        connection: Any = None
        try:
            try:
                connection = self._available_connections.pop()
            except IndexError:
                connection = self.connection_class(**self.connection_kwargs)
            self._in_use_connections.add(connection)
            connection.until = until
            if connection.is_connected and self._is_dirty(connection):
                connection.disconnect()
            connection.connect()
        except BaseException:
            if connection is None:
                self._slots.release()
            else:
                self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        self._checkpid()
        try:
            self._in_use_connections.remove(connection)
        except KeyError:  # it belongs to the process before a fork
            return
        connection.until = None
        if self.guard.closed or connection.should_reconnect():
            connection.disconnect()
        self._available_connections.append(connection)
        self._slots.release()

    def close(self) -> None:
        """Close for good: whoever uses the client from now on gets a typed error."""
        self.guard.closed = True
        self.disconnect()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of at most {self.max_connections} {self.connection_class.__name__}s>"

    @staticmethod
    def _is_dirty(connection: Any) -> bool:
        """Whether there is an unread reply, or the server has hung up."""
        try:
            return bool(connection.can_read())
        except (exceptions.RedisError, OSError):
            return True


class AsyncPool(redis.asyncio.ConnectionPool):
    """At most so many connections; a caller waits for a free one, but not for ever.

    redis-py's own blocking pool loses wake-ups to cancelled waiters before Python 3.13.
    """

    def __init__(self, *, guard: Guard, wait: float, **kwargs: Any) -> None:
        """Make an empty pool; nothing is connected.

        Args:
            guard: What the connections share.
            wait: Longest wait for a free connection, in seconds.
            kwargs: As for ``redis.asyncio.ConnectionPool``.
        """
        self.guard = guard
        self.wait = wait
        super().__init__(guard=guard, **kwargs)
        self._slots = asyncio.Semaphore(self.max_connections)

    async def get_connection(self, command_name: object = None, *keys: object, **options: object) -> Any:
        """Return a connection that is ready for a command.

        Raises:
            StoreUnavailableError: If none is free in time, or Redis cannot be reached.
        """
        self.guard.check("acquire")
        if self._slots.locked():
            try:
                async with asyncio.timeout(self.wait):
                    await self._slots.acquire()
            except TimeoutError:
                raise ConnectionUnavailableError("acquire", "pool-timeout") from None
        else:
            await self._slots.acquire()  # does not wait
        try:
            connection: Any = self.get_available_connection()  # type: ignore[no-untyped-call]  # redis-py
        except BaseException:
            self._slots.release()
            raise
        try:
            if connection.is_connected and await self._is_dirty(connection):
                await connection.disconnect(nowait=True)
            await connection.connect()
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: Any) -> None:
        """Take a connection back; waits for nothing, so no cancellation can lose it."""
        self._in_use_connections.discard(connection)
        if self.guard.closed or connection.should_reconnect():
            await connection.disconnect(nowait=True)
        self._available_connections.append(connection)
        self._slots.release()

    async def aclose(self) -> None:
        """Close for good: whoever uses the client from now on gets a typed error."""
        self.guard.closed = True
        await self.disconnect()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of at most {self.max_connections} {self.connection_class.__name__}s>"

    @staticmethod
    async def _is_dirty(connection: Any) -> bool:
        """Whether there is an unread reply, or the server has hung up."""
        try:
            return bool(await connection.can_read())
        except (exceptions.RedisError, OSError):
            return True
