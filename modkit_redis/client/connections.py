"""Connections that obey their client's settings, and never open again once it is closed.

They build on private parts of redis-py; ``tests/unit/client/test_canaries.py`` holds what is relied on.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ssl import SSLContext, SSLSocket
from typing import TYPE_CHECKING, Any, Final, cast

import redis
import redis.asyncio
import redis.asyncio.connection
import redis.connection
from redis import exceptions
from redis.utils import SENTINEL

from modkit_redis.client.errors import (
    ConnectionUnavailableError,
    TimeoutUnavailableError,
    reason_of,
    redis_errors,
)

RETRIABLE: Final = frozenset(
    {"refused", "dns", "dial-timeout", "reset", "disconnected", "loading", "connection"}
)
"""Why a connection may be tried again: no byte of a command was sent."""


@dataclass(slots=True)
class Guard:
    """What all connections of one client share.

    Attributes:
        write_timeout: Longest wait until one command is sent, in seconds.
        retries: Further tries to connect.
        tls: The one TLS context, or ``None`` for plain text.
        server_name: Name that the server's certificate must hold.
        closed: Whether the client was closed.
    """

    write_timeout: float
    retries: int = 0
    tls: SSLContext | None = None
    server_name: str = ""
    closed: bool = False

    def check(self, operation: str) -> None:
        """Raise if the client was closed."""
        if self.closed:
            raise ConnectionUnavailableError(operation, "closed")


def backoff(failures: int) -> float:
    """Return the seconds to wait before the next try to connect: full jitter below 10 ms, 20 ms, … 1 s."""
    longest = min(1.0, 0.01 * 2 ** (failures - 1))
    return random.uniform(0, longest)  # noqa: S311  # nobody gains by guessing it


if TYPE_CHECKING:

    class _SyncBase:
        """What is relied on of redis-py's connection."""

        _sock: Any
        _parser: Any
        _command_packer: Any
        _socket_connect_timeout: float | None

        @property
        def socket_timeout(self) -> Any: ...
        @socket_timeout.setter
        def socket_timeout(self, value: Any) -> None: ...
        def __init__(self, **kwargs: Any) -> None: ...
        def connect_check_health(self, check_health: bool, retry_socket_connect: bool) -> None: ...
        def disconnect(self) -> None: ...
        def _host_error(self) -> str: ...

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
        def _close(self) -> None: ...
        def _host_error(self) -> str: ...
else:
    _SyncBase = _AsyncBase = object


class GuardedConnection(_SyncBase):
    """A connection that obeys its guard; put before one of redis-py's connection classes."""

    def __init__(self, *, guard: Guard, **kwargs: Any) -> None:
        self.guard = guard
        self.until: float | None = None  # when the present call must have ended, on the monotonic clock
        self._operation = "connect"
        super().__init__(**kwargs)
        self._dial_timeout = self._socket_connect_timeout

    def connect(self) -> None:
        """Connect and sign in, as often as the settings allow."""
        failures = 0
        while True:
            try:
                return self.connect_check_health()
            except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
                failures += 1
                if failures > self.guard.retries or reason_of(error) not in RETRIABLE:
                    raise
            time.sleep(backoff(failures))

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Connect and sign in, once."""
        if self._sock is not None:
            return
        operation = self._operation = f"connect to {self._host_error()}"
        self.guard.check(operation)
        self._socket_connect_timeout = self._within(self._dial_timeout)
        failure: Exception | None = None
        try:
            with redis_errors(operation):
                super().connect_check_health(check_health=False, retry_socket_connect=False)
        except exceptions.RedisError as error:
            failure = error.with_traceback(None)  # its frames hold the password
        except BaseException:
            self.disconnect()
            raise
        if failure is not None or self.guard.closed:
            self.disconnect()
            self.guard.check(operation)
        if failure is not None:
            raise failure

    def send_command(self, *args: Any, **kwargs: Any) -> None:
        """Pack and send a command."""
        self._operation = args[0]
        self._send(self._command_packer.pack(*args))

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send packed commands within the write timeout."""
        self._operation = "pipeline"
        self._send((command,) if isinstance(command, bytes) else command)

    def _send(self, chunks: Iterable[bytes]) -> None:
        if self._sock is None:
            self.connect()
        sock, read_timeout = cast(Any, self._sock), self.socket_timeout
        write_timeout = self._within(self.guard.write_timeout)
        try:
            if write_timeout != read_timeout:
                sock.settimeout(write_timeout)
            for each in chunks:
                sock.sendall(each)
            if write_timeout != read_timeout:
                sock.settimeout(read_timeout)
        except BaseException as error:
            self.disconnect()
            self._raise_lost(error, "write-timeout")
            raise

    def read_response(
        self,
        disable_decoding: bool = False,
        *,
        timeout: Any = SENTINEL,
        disconnect_on_error: bool = True,
        push_request: bool = False,
    ) -> Any:
        """Read one reply within the read timeout."""
        if self.until is not None:
            timeout = self._within(self.socket_timeout if timeout is SENTINEL else timeout)
        try:
            response = self._parser.read_response(disable_decoding=disable_decoding, timeout=timeout)
        except BaseException as error:
            if disconnect_on_error:
                self.disconnect()
            self._raise_lost(error, "read-timeout")
            raise
        if isinstance(response, exceptions.ResponseError):
            with redis_errors(_named(self._operation)):
                raise response
        return response

    def _within(self, seconds: float | None) -> float | None:
        """Return *seconds*, or what is left for the present call if that is less."""
        if self.until is None:
            return seconds
        left = max(self.until - time.monotonic(), 0.000_001)  # 0 would mean not to wait at all
        return left if seconds is None else min(left, seconds)

    def _raise_lost(self, error: BaseException, timeout_reason: str) -> None:
        operation = _named(self._operation)
        if not isinstance(error, Exception):
            return
        if self.guard.closed:
            raise ConnectionUnavailableError(operation, "closed") from error.with_traceback(None)
        if isinstance(error, exceptions.TimeoutError | TimeoutError):
            late = self.until is not None and time.monotonic() >= self.until
            raise TimeoutUnavailableError(
                operation, "deadline" if late else timeout_reason
            ) from error.with_traceback(None)
        with redis_errors(operation):
            raise error


class TcpConnection(GuardedConnection, redis.connection.Connection):
    """A plain TCP connection."""


class UnixConnection(GuardedConnection, redis.connection.UnixDomainSocketConnection):
    """A connection to a unix socket."""


class TlsConnection(GuardedConnection, redis.connection.SSLConnection):
    """A TLS connection; all of a client share one context."""

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> SSLSocket:
        tls = cast(SSLContext, self.guard.tls)
        sock.settimeout(self._socket_connect_timeout)  # or the handshake would have the read timeout
        wrapped = tls.wrap_socket(sock, server_hostname=self.guard.server_name)
        wrapped.settimeout(self.socket_timeout)
        return wrapped


class AsyncGuardedConnection(_AsyncBase):
    """A connection that obeys its guard; put before one of redis-py's connection classes."""

    def __init__(self, *, guard: Guard, **kwargs: Any) -> None:
        self.guard = guard
        self._operation = "connect"
        super().__init__(**kwargs)

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
        failure: Exception | None = None
        try:
            with redis_errors(operation):
                await super().connect_check_health(check_health=False, retry_socket_connect=False)
        except exceptions.RedisError as error:
            failure = error.with_traceback(None)  # its frames hold the password
        except BaseException:
            self._drop()
            raise
        if failure is not None or self.guard.closed:
            self._drop()
            self.guard.check(operation)
        if failure is not None:
            raise failure

    async def send_command(self, *args: Any, **kwargs: Any) -> None:
        """Pack and send a command."""
        self._operation = args[0]
        await self._send(self.pack_command(*args))

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        """Send packed commands within the write timeout; no task is made for it."""
        self._operation = "pipeline"
        command = command.encode() if isinstance(command, str) else command
        await self._send((command,) if isinstance(command, bytes) else command)

    async def _send(self, chunks: Iterable[bytes]) -> None:
        if not self.is_connected:
            await self.connect()
        writer = self._writer
        try:
            writer.writelines(chunks)
            transport = writer.transport
            if transport.get_write_buffer_size() or transport.is_closing():
                async with asyncio.timeout(self.guard.write_timeout):
                    await writer.drain()
        except BaseException as error:
            self._drop()
            self._raise_lost(error, "write-timeout")
            raise

    async def read_response(
        self,
        disable_decoding: bool = False,
        timeout: float | None = None,
        *,
        disconnect_on_error: bool = True,
        push_request: bool | None = False,
    ) -> Any:
        """Read one reply within the read timeout."""
        limit = self.socket_timeout if timeout is None else None if timeout == float("inf") else timeout
        try:
            async with asyncio.timeout(limit):
                response = await self._parser.read_response(disable_decoding=disable_decoding)
        except BaseException as error:
            if timeout is not None and isinstance(error, TimeoutError):
                return None  # as in redis-py: the caller asked for no more than this wait
            if disconnect_on_error:
                self._drop()
            self._raise_lost(error, "read-timeout")
            raise
        if isinstance(response, exceptions.ResponseError):
            with redis_errors(_named(self._operation)):
                raise response
        return response

    def _drop(self) -> None:
        """Close without waiting: what is still in the buffers is of no use."""
        self._parser.on_disconnect()
        self._close()

    def _raise_lost(self, error: BaseException, timeout_reason: str) -> None:
        operation = _named(self._operation)
        if not isinstance(error, Exception):
            return
        if self.guard.closed:
            raise ConnectionUnavailableError(operation, "closed") from error.with_traceback(None)
        if isinstance(error, exceptions.TimeoutError | TimeoutError):
            raise TimeoutUnavailableError(operation, timeout_reason) from error.with_traceback(None)
        with redis_errors(operation):
            raise error


class AsyncTcpConnection(AsyncGuardedConnection, redis.asyncio.connection.Connection):
    """A plain TCP connection for asyncio."""


class AsyncUnixConnection(AsyncGuardedConnection, redis.asyncio.connection.UnixDomainSocketConnection):
    """A connection to a unix socket for asyncio."""

    async def _connect(self) -> None:  # redis-py's signs in here as well, a first time
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await asyncio.open_unix_connection(self.path)


class AsyncTlsConnection(AsyncGuardedConnection, redis.asyncio.connection.Connection):
    """A TLS connection for asyncio; all of a client share one context."""

    def _connection_arguments(self) -> Mapping[str, Any]:
        tls, server_name = self.guard.tls, self.guard.server_name
        return {**super()._connection_arguments(), "ssl": tls, "server_hostname": server_name}


def _named(operation: object) -> str:
    return operation.decode("ascii", "replace") if isinstance(operation, bytes) else str(operation)
