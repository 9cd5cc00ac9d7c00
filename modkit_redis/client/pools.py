"""Pools with a bound on connections and on the wait for one; closed for good when closed.

Both keep redis-py's own bookkeeping, so pipelines, ``pubsub()`` and the rest of it work on them.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final
from weakref import WeakSet

import redis
import redis.asyncio
from redis import exceptions

from modkit_redis.client.errors import REASONS
from modkit_redis.client.guard import Guard

_SHARE: Final = 0.75
"""How much of the time that a call has may be spent waiting for a free connection."""


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
        _POOLS.add(self)

    def reset(self) -> None:
        """Forget all connections, as after a fork: they are the parent's."""
        self._slots: SimpleQueue[None] = SimpleQueue()  # quicker than a semaphore
        for _ in range(self.max_connections):
            self._slots.put(None)
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
        if self.guard.closed_by:
            self.guard.check("acquire a connection")
        try:
            self._slots.get(timeout=longest_wait(self.wait, until))
        except Empty:
            raise unavailable("acquire a connection", "pool-timeout") from None
        connection: Any = None
        try:
            try:
                connection = self._available_connections.pop()
            except IndexError:
                connection = self.connection_class(**self.connection_kwargs)
            self._in_use_connections.add(connection)
            connection.until = until
            if not connection.is_connected:
                connection.connect()
            elif _is_dirty(connection):
                connection.disconnect()
                connection.connect()
        except BaseException:
            if connection is None:
                self._slots.put(None)
            else:
                self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        try:
            self._in_use_connections.remove(connection)
        except KeyError:  # it belongs to the process before a fork
            return
        connection.until = None
        if connection.owed or connection.should_reconnect():
            connection.disconnect()
        self._available_connections.append(connection)
        self._slots.put(None)
        if self.guard.closed_by:  # last, or a close() in between would find it nowhere
            connection.disconnect()

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Close the connections that are open now; new ones may be opened."""
        in_use = list(self._in_use_connections) if inuse_connections else []
        for connection in [*self._available_connections, *in_use]:
            connection.disconnect()

    def close(self) -> None:
        """Close for good: whoever uses the client from now on gets a typed error."""
        self.guard.close("its own close()")
        self.disconnect()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of at most {self.max_connections} {self.connection_class.__name__}s>"

    def _checkpid(self) -> None:
        """Do nothing: a fork resets every pool, see below."""


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
        _POOLS.add(self)

    def reset(self) -> None:
        """Forget all connections, as after a fork: they are the parent's."""
        for connection in self._everyone():
            connection.forget()
        super().reset()  # type: ignore[no-untyped-call]  # redis-py
        self._slots = asyncio.Semaphore(self.max_connections)
        self.guard.loop = None

    async def get_connection(self, command_name: object = None, *keys: object, **options: object) -> Any:
        """Return a connection that is ready for a command.

        Raises:
            StoreUnavailableError: If none is free in time, or Redis cannot be reached.
        """
        await self.take_slot(None)
        return await self.connect_in_slot()

    async def take_slot(self, until: float | None) -> None:
        """Wait until one more connection may be used; the caller uses it at once, awaiting nothing else.

        Args:
            until: When the call it is for must have ended, on the monotonic clock.

        Raises:
            StoreUnavailableError: If none is free in time.
        """
        self.guard.check("acquire a connection")
        self.guard.check_loop("acquire a connection")
        if not self._slots.locked():
            await self._slots.acquire()  # does not wait
            return
        try:
            async with asyncio.timeout(longest_wait(self.wait, until)):
                await self._slots.acquire()
        except TimeoutError:
            raise unavailable("acquire a connection", "pool-timeout") from None

    async def connect_in_slot(self) -> Any:
        """Return a connection that is ready for a command, in the slot that was taken for it.

        Raises:
            StoreUnavailableError: If Redis cannot be reached.
        """
        try:
            connection: Any = self.get_available_connection()  # type: ignore[no-untyped-call]  # redis-py
        except BaseException:
            self._slots.release()
            raise
        try:
            if connection.is_connected and await _async_is_dirty(connection):
                connection.drop()
            await connection.connect()
        except BaseException:
            self._give_back(connection)
            raise
        return connection

    async def release(self, connection: Any) -> None:
        """Take a connection back; it waits for nothing, so no cancellation can lose one."""
        self._give_back(connection)

    async def aclose(self) -> None:
        """Close for good: whoever uses the client from now on gets a typed error."""
        self.guard.close("its own aclose()")
        everyone = self._everyone()
        if self.guard.loop not in (None, asyncio.get_running_loop()):
            for connection in everyone:
                connection.abandon()
            return
        writers = [connection._writer for connection in everyone if connection.is_connected]
        for connection in everyone:
            connection.drop()  # all of them before anything is awaited: whoever closes may be cancelled
        for writer in writers:
            with suppress(OSError):  # how it broke does not matter any more
                await writer.wait_closed()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of at most {self.max_connections} {self.connection_class.__name__}s>"

    def _everyone(self) -> list[Any]:
        return [*self._available_connections, *self._in_use_connections]

    def _give_back(self, connection: Any) -> None:
        if connection not in self._in_use_connections:
            return
        self._in_use_connections.remove(connection)
        if connection.owed or self.guard.closed_by or connection.should_reconnect():
            connection.drop()
        self._available_connections.append(connection)
        self._slots.release()


def unavailable(operation: str, reason: str) -> Exception:
    """Return the error for *reason*."""
    return REASONS[reason].error(operation, reason)


def longest_wait(wait: float, until: float | None) -> float:
    """Return how long to wait for a free connection, in seconds.

    A part of the call's time is left for the server. Without it, whoever gets a connection at the last moment
    would take the server for one that does not answer: in a queue that is too long, that is everybody.

    Args:
        wait: The pool's own bound, in seconds.
        until: When the call must have ended, on the monotonic clock.
    """
    return wait if until is None else min(wait, _SHARE * max(0.0, until - time.monotonic()))


def _is_dirty(connection: Any) -> bool:
    """Whether there is an unread reply, or the server has hung up."""
    try:
        return bool(connection.is_dirty())
    except (exceptions.RedisError, OSError):
        return True


async def _async_is_dirty(connection: Any) -> bool:
    """Whether there is an unread reply, or the server has hung up."""
    try:
        return bool(await connection.is_dirty())
    except (exceptions.RedisError, OSError):
        return True


_POOLS: WeakSet[Pool | AsyncPool] = WeakSet()


def _forget_connections() -> None:
    """Reset every pool: after a fork, its connections belong to the parent."""
    for pool in list(_POOLS):
        pool.reset()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget_connections)
