"""Connections for sync code that obey their client's settings, and never open again once it is closed.

They build on private parts of redis-py; ``tests/unit/client/test_canaries.py`` holds what is relied on.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from ssl import SSLContext, SSLSocket
from typing import TYPE_CHECKING, Any, cast

import redis
import redis.asyncio
import redis.asyncio.connection
import redis.connection
from redis import exceptions
from redis.connection import HiredisRespSerializer
from redis.utils import SENTINEL

from modkit_redis.client.blocking import BLOCKING, reply_timeout
from modkit_redis.client.errors import (
    TimeoutUnavailableError,
    connect_errors,
    reason_of,
    without_traces,
)
from modkit_redis.client.guard import RETRIABLE, Guard, backoff
from modkit_redis.client.guarded import FEW, Guarded
from modkit_redis.client.packing import Packer
from modkit_redis.client.sockets import TimedSocket
from modkit_redis.contract.errors import ModkitRedisError

if TYPE_CHECKING:

    class _SyncBase:
        """What is relied on of redis-py's connection."""

        _sock: Any
        _parser: Any
        _command_packer: Any
        _socket_connect_timeout: float | None

        @property
        def socket_connect_timeout(self) -> Any: ...
        @socket_connect_timeout.setter
        def socket_connect_timeout(self, value: Any) -> None: ...
        @property
        def socket_timeout(self) -> Any: ...
        @socket_timeout.setter
        def socket_timeout(self, value: Any) -> None: ...
        def __init__(self, **kwargs: Any) -> None: ...
        def connect_check_health(self, check_health: bool, retry_socket_connect: bool) -> None: ...
        def disconnect(self) -> None: ...
        def can_read(self, timeout: float = 0) -> bool: ...
        def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]: ...
        def _connect(self) -> Any: ...
        def _host_error(self) -> str: ...
else:
    _SyncBase = object


class GuardedConnection(Guarded, _SyncBase):
    """A connection that obeys its guard; put before one of redis-py's connection classes."""

    def __init__(self, *, guard: Guard, **kwargs: Any) -> None:
        self.guard = guard
        super().__init__(**kwargs)
        self._reply_timeout = self.socket_timeout
        self._has_unread: Callable[[], Any] = bool
        if type(self._command_packer) is HiredisRespSerializer:
            self._command_packer = Packer()

    def connect(self) -> None:
        """Connect and sign in, as often as the settings allow."""
        failures = 0
        while True:
            try:
                return self.connect_check_health()
            except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
                failures += 1
                reason = reason_of(error)
                again = failures <= self.guard.retries and reason in RETRIABLE
                if self._is_late() and (again or reason == "dial-timeout"):
                    operation = f"connect to {self._host_error()}"
                    raise TimeoutUnavailableError(operation, "deadline") from without_traces(error)
                if not again:
                    raise
            time.sleep(cast(float, self._within(backoff(failures))))

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Connect and sign in, once."""
        if self._sock is not None:
            return
        operation = self._operation = f"connect to {self._host_error()}"
        self.guard.check(operation)
        self.owed = 0
        failure: Exception | None = None
        try:
            with connect_errors(operation):
                super().connect_check_health(check_health=False, retry_socket_connect=False)
        except exceptions.RedisError as error:
            failure = error.with_traceback(None)  # its frames hold the password
        except BaseException as error:
            self.disconnect()
            without_traces(error)
            raise
        if failure is not None or self.guard.closed_by:
            self.disconnect()
            self.guard.check(operation)
        if failure is not None:
            raise failure
        reader = getattr(self._parser, "_reader", None)  # hiredis, or the parser in Python
        self._has_unread = self._parser._buffer.unread_bytes if reader is None else reader.has_data

    def is_dirty(self) -> bool:
        """Return whether there is an unread reply, or the server has hung up."""
        return self._has_unread() or self._open_socket().is_readable()

    def send_command(self, *args: Any, **kwargs: Any) -> None:
        """Pack and send a command."""
        name = self._operation = args[0]
        seconds = self.socket_timeout
        self._reply_timeout = reply_timeout(args, seconds) if name in BLOCKING else seconds
        self._send(self._command_packer.pack(*args), 1)

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """Pack *commands*, to be sent next."""
        commands = list(commands)
        self._packed = len(commands)
        if len(commands) > FEW:
            return super().pack_commands(commands)
        return [b"".join(chunk for each in commands for chunk in self._command_packer.pack(*each))]

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send packed commands within the write timeout."""
        self._operation, self._reply_timeout = "pipeline", self.socket_timeout
        replies, self._packed = self._packed, 0
        self._send((command,) if isinstance(command, bytes) else command, replies)

    def read_response(
        self,
        disable_decoding: bool = False,
        *,
        timeout: Any = SENTINEL,
        disconnect_on_error: bool = True,
        push_request: bool = False,
    ) -> Any:
        """Read one reply within the read timeout."""
        try:
            if timeout is SENTINEL:
                seconds = self._reply_timeout
                self._open_socket().settimeout(seconds if self.until is None else self._within(seconds))
            response = self._parser.read_response(disable_decoding=disable_decoding, timeout=timeout)
            self.owed -= 1
        except BaseException as error:  # noqa: BLE001  # it is raised, as one of ours where it is a failure
            if disconnect_on_error:
                self.disconnect()
            self._raise_lost(error, "read-timeout")
        if isinstance(response, exceptions.ResponseError):
            self._raise_refused(response)
        return response

    def can_read(self, timeout: float = 0) -> bool:
        """Return whether there is something to read within *timeout*, as subscriptions ask."""
        try:
            return super().can_read(timeout)
        except ModkitRedisError:
            raise
        except exceptions.ConnectionError as error:
            self.disconnect()
            self._raise_lost(error, "read-timeout")

    def _connect(self) -> Any:
        return TimedSocket(super()._connect(), self.socket_timeout)

    @property
    def socket_connect_timeout(self) -> Any:
        """Longest wait for a connection to one address, or what is left for the present call."""
        return self._within(self._socket_connect_timeout)

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, value: float | None) -> None:
        self._socket_connect_timeout = value

    def _send(self, chunks: Sequence[bytes], replies: int) -> None:
        if self._sock is None:
            operation, seconds = self._operation, self._reply_timeout
            self.connect()
            self._operation, self._reply_timeout = operation, seconds
        self.owed += replies
        seconds = self.guard.write_timeout
        try:
            self._open_socket().send_within(chunks, seconds if self.until is None else self._within(seconds))
        except BaseException as error:  # noqa: BLE001  # it is raised, as one of ours where it is a failure
            self.disconnect()
            self._raise_lost(error, "write-timeout")

    def _open_socket(self) -> TimedSocket:
        sock: TimedSocket | None = self._sock
        if sock is None:  # another thread has disconnected
            raise exceptions.ConnectionError("Connection closed by server.")
        return sock

    def _within(self, seconds: float | None) -> float | None:
        """Return *seconds*, or what is left for the present call if that is less."""
        if self.until is None:
            return seconds
        left = max(self.until - time.monotonic(), 0.000_001)  # 0 would mean not to wait at all
        return left if seconds is None else min(left, seconds)


class TcpConnection(GuardedConnection, redis.connection.Connection):
    """A plain TCP connection."""


class UnixConnection(GuardedConnection, redis.connection.UnixDomainSocketConnection):
    """A connection to a unix socket."""


class TlsConnection(GuardedConnection, redis.connection.SSLConnection):
    """A TLS connection; all of a client share one context."""

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> SSLSocket:
        tls = cast(SSLContext, self.guard.tls)
        sock.settimeout(self.socket_connect_timeout)  # or the handshake would have the read timeout
        wrapped = tls.wrap_socket(sock, server_hostname=self.guard.server_name)
        wrapped.settimeout(self.socket_timeout)
        return wrapped
