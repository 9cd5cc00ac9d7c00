"""Connections for asyncio that obey their client's settings, and never open again once it is closed.

They build on private parts of redis-py; ``tests/unit/client/test_canaries.py`` holds what is relied on.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import redis
import redis.asyncio
import redis.asyncio.connection
import redis.connection
from redis import exceptions
from redis.utils import HIREDIS_AVAILABLE

from modkit_redis.client.blocking import BLOCKING, reply_timeout
from modkit_redis.client.errors import (
    connect_errors,
    reason_of,
    without_traces,
)
from modkit_redis.client.guard import RETRIABLE, Guard, backoff
from modkit_redis.client.guarded import FEW, Guarded
from modkit_redis.client.packing import Packer
from modkit_redis.client.sockets import poll_of

_TLS_PIECE: Final = 65_536

if TYPE_CHECKING:

    class _AsyncBase:
        """What is relied on of redis-py's connection for asyncio."""

        _parser: Any
        _reader: Any
        _writer: Any
        socket_timeout: Any

        @property
        def is_connected(self) -> Any: ...
        def __init__(self, **kwargs: Any) -> None: ...
        async def connect_check_health(self, check_health: bool, retry_socket_connect: bool) -> None: ...
        def pack_command(self, *args: Any) -> list[bytes]: ...
        def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]: ...
        def _close(self) -> None: ...
        def _host_error(self) -> str: ...
else:
    _AsyncBase = object


class AsyncGuardedConnection(Guarded, _AsyncBase):
    """A connection that obeys its guard; put before one of redis-py's connection classes."""

    def __init__(self, *, guard: Guard, **kwargs: Any) -> None:
        self.guard = guard
        super().__init__(**kwargs)
        self._reply_timeout = self.socket_timeout
        if HIREDIS_AVAILABLE:  # redis-py packs with it for sync connections only
            self.pack_command = Packer().pack  # type: ignore[method-assign]  # the same

    async def connect(self) -> None:
        """Connect and sign in, as often as the settings allow."""
        failures = 0
        while True:
            try:
                return await self.connect_check_health()
            except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
                failures += 1
                if failures > self.guard.retries or reason_of(error) not in RETRIABLE:
                    raise
            await asyncio.sleep(backoff(failures))

    async def connect_check_health(
        self, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        """Connect and sign in, once."""
        if self.is_connected:
            return
        operation = self._operation = f"connect to {self._host_error()}"
        self.guard.check(operation)
        self.guard.check_loop(operation)
        self.owed = 0
        failure: Exception | None = None
        try:
            with connect_errors(operation):
                await super().connect_check_health(check_health=False, retry_socket_connect=False)
        except exceptions.RedisError as error:
            failure = error.with_traceback(None)  # its frames hold the password
        except BaseException as error:
            self.drop()
            without_traces(error)
            raise
        if failure is not None or self.guard.closed_by:
            self.drop()
            self.guard.check(operation)
        if failure is not None:
            raise failure
        self._poll = poll_of(self._writer.transport.get_extra_info("socket"))

    async def is_dirty(self) -> bool:
        """Return whether there is an unread reply, or the server has hung up."""
        if self._writer.transport.is_closing() or self._poll(0):  # the event loop may not have looked yet
            return True
        dirty: bool = await self._parser.can_read()
        return dirty

    async def send_command(self, *args: Any, **kwargs: Any) -> None:
        """Pack and send a command."""
        name = self._operation = args[0]
        seconds = self.socket_timeout
        self._reply_timeout = reply_timeout(args, seconds) if name in BLOCKING else seconds
        await self._send(self.pack_command(*args), 1)

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """Pack *commands*, to be sent next."""
        commands = list(commands)
        self._packed = len(commands)
        if len(commands) > FEW:
            return super().pack_commands(commands)
        return [b"".join(chunk for each in commands for chunk in self.pack_command(*each))]

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        """Send packed commands within the write timeout; no task is made for it."""
        self._operation, self._reply_timeout = "pipeline", self.socket_timeout
        replies, self._packed = self._packed, 0
        command = command.encode() if isinstance(command, str) else command
        await self._send((command,) if isinstance(command, bytes) else tuple(command), replies)

    async def read_response(
        self,
        disable_decoding: bool = False,
        timeout: float | None = None,
        *,
        disconnect_on_error: bool = True,
        push_request: bool | None = False,
    ) -> Any:
        """Read one reply within the read timeout; ``None`` if the caller's own *timeout* ends first."""
        limit = self._reply_timeout if timeout is None else None if timeout == float("inf") else timeout
        try:
            async with asyncio.timeout(limit):
                response = await self._parser.read_response(disable_decoding=disable_decoding)
            self.owed -= 1
        except BaseException as error:  # noqa: BLE001  # it is raised, as one of ours where it is a failure
            if timeout is not None and isinstance(error, TimeoutError):
                return None
            if disconnect_on_error:
                self.drop()
            self._raise_lost(error, "read-timeout")
        if isinstance(response, exceptions.ResponseError):
            self._raise_refused(response)
        return response

    def drop(self) -> None:
        """Close without waiting: what is still in the buffers is of no use."""
        self._parser.on_disconnect()
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            writer.transport.abort()  # close() would first send the rest, to a deaf peer for ever

    async def disconnect(
        self,
        nowait: bool = False,
        error: Exception | None = None,
        failure_count: int | None = None,
        health_check_failed: bool = False,
    ) -> None:
        """Close; nothing is sent any more, so waiting for it takes no time."""
        writer = self._writer
        self.drop()
        if writer is not None and not nowait:
            with suppress(OSError):
                await writer.wait_closed()

    def abandon(self) -> None:
        """Close from outside the event loop that the connection belongs to."""
        writer, loop = self._writer, self.guard.loop
        if writer is None or loop is None or loop.is_closed():
            self.forget()
            return
        self._parser.on_disconnect()
        self._writer = self._reader = None
        if loop.is_running():
            loop.call_soon_threadsafe(lambda: writer.transport.abort())  # a writer that is gone closes here
        else:
            writer.transport.abort()
            writer.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Close without the event loop: it is closed, or after a fork it is the parent's.

        Through the selector, which both share, a child would take the socket from the parent's loop.
        """
        writer, self._writer, self._reader = self._writer, None, None
        if writer is None:
            return
        self._parser.on_disconnect()
        transport = writer.transport
        inner = getattr(getattr(transport, "_ssl_protocol", None), "_transport", transport)
        inner._closing = True
        with suppress(RuntimeError):  # it wants to tell the loop
            inner._call_connection_lost(None)

    async def _send(self, chunks: Sequence[bytes], replies: int) -> None:
        if not self.is_connected:
            operation, seconds = self._operation, self._reply_timeout
            await self.connect()
            self._operation, self._reply_timeout = operation, seconds
        self.owed += replies
        writer = self._writer
        try:
            rest = self._begin(chunks)
            transport = writer.transport
            if rest or transport.get_write_buffer_size() or transport.is_closing():
                async with asyncio.timeout(self.guard.write_timeout):
                    await writer.drain()
                    for piece in rest:
                        writer.write(piece)
                        await writer.drain()
        except BaseException as error:  # noqa: BLE001  # it is raised, as one of ours where it is a failure
            self.drop()
            self._raise_lost(error, "write-timeout")

    def _begin(self, chunks: Sequence[bytes]) -> Sequence[memoryview]:
        """Begin to write; return what must wait."""
        # Not writelines(): before Python 3.12.9 and 3.13.2, drain() does not wait for what it leaves over.
        self._writer.write(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        return ()


class AsyncTcpConnection(AsyncGuardedConnection, redis.asyncio.connection.Connection):
    """A plain TCP connection for asyncio."""


class AsyncUnixConnection(AsyncGuardedConnection, redis.asyncio.connection.UnixDomainSocketConnection):
    """A connection to a unix socket for asyncio."""

    async def _connect(self) -> None:  # redis-py's signs in here as well, a first time
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await asyncio.open_unix_connection(self.path)


class AsyncTlsConnection(AsyncGuardedConnection, redis.asyncio.connection.Connection):
    """A TLS connection for asyncio; all of a client share one context."""

    def _begin(self, chunks: Sequence[bytes]) -> Sequence[memoryview]:
        """Begin with one piece: asyncio takes what it has encrypted for sent, however much it is."""
        if sum(map(len, chunks)) <= _TLS_PIECE:
            return super()._begin(chunks)
        first, *rest = (
            memoryview(chunk)[start : start + _TLS_PIECE]
            for chunk in chunks
            for start in range(0, len(chunk), _TLS_PIECE)
        )
        self._writer.write(first)
        return rest

    def _connection_arguments(self) -> Mapping[str, Any]:
        tls, server_name = self.guard.tls, self.guard.server_name
        return {**super()._connection_arguments(), "ssl": tls, "server_hostname": server_name}
