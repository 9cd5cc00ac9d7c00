"""From what redis-py raises to this library's errors; the one table of reasons.

An error raised through the exported client is ours and redis-py's at once, so that redis-py's own
recovery and an application's ``except redis.ConnectionError`` keep working.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

from redis import exceptions

from modkit_redis.client.executor import Reply
from modkit_redis.contract.errors import CommandRefusedError, ModkitRedisError, StoreUnavailableError


class ConnectionUnavailableError(StoreUnavailableError, exceptions.ConnectionError):
    """There is no connection to Redis, or it broke."""


class AuthenticationUnavailableError(StoreUnavailableError, exceptions.AuthenticationError):
    """Redis did not accept the user or the password."""


class TimeoutUnavailableError(StoreUnavailableError, exceptions.TimeoutError):
    """Redis took longer than a setting allows."""


class ResponseRefusedError(CommandRefusedError, exceptions.ResponseError):
    """Redis answered that it will not do it."""


# What stands in one row is one reason: by the error's class, by what caused it, or by its first words.
_BY_CLASS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (exceptions.BusyLoadingError, "loading"),
    (exceptions.AuthenticationWrongNumberOfArgsError, "auth"),
    (exceptions.AuthenticationError, "auth"),
    (exceptions.AuthorizationError, "auth"),
    (exceptions.MaxConnectionsError, "pool-timeout"),
    (exceptions.MasterDownError, "masterdown"),
    (exceptions.ClusterDownError, "clusterdown"),
    (exceptions.ReadOnlyError, "readonly"),
    (exceptions.OutOfMemoryError, "oom"),
    (exceptions.NoPermissionError, "noperm"),
)
_BY_CAUSE: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (socket.gaierror, "dns"),
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (FileNotFoundError, "refused"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
)
_BY_TEXT: Final = (
    ("Timeout connecting", "dial-timeout"),
    ("Timeout writing", "write-timeout"),
    ("Timeout reading", "read-timeout"),
    ("No connection available", "pool-timeout"),
    ("Connection closed by server", "disconnected"),
    ("WRONGPASS", "auth"),
    ("NOAUTH", "auth"),
    ("MISCONF", "misconf"),
    ("NOREPLICAS", "noreplicas"),
    ("LOADING", "loading"),
    ("BUSY ", "busy"),
    ("OOM", "oom"),
    ("NOPERM", "noperm"),
    ("READONLY", "readonly"),
)
_REFUSALS: Final = frozenset(
    {"readonly", "oom", "noperm", "misconf", "noreplicas", "busy", "masterdown", "clusterdown"}
)


def reason_of(error: BaseException) -> str | None:
    """Return the word for *error*, or ``None`` if it is about neither the server nor the way to it."""
    if isinstance(error, StoreUnavailableError | CommandRefusedError):
        return error.reason
    for kind, reason in _BY_CLASS:
        if isinstance(error, kind):
            return reason
    said = str(error)
    for start, reason in _BY_TEXT:
        if said.startswith(start):
            return reason
    if not isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError | OSError):
        return None
    for cause in _chain(error):
        for caused_by, reason in _BY_CAUSE:
            if isinstance(cause, caused_by):
                return reason
    return "timeout" if isinstance(error, exceptions.TimeoutError | TimeoutError) else "connection"


def translated(operation: str, error: Exception) -> ModkitRedisError | None:
    """Return our error for *error*, or ``None`` for a programming error, which should pass untouched."""
    reason = reason_of(error)
    if reason is None:
        return None
    if reason in _REFUSALS:
        return ResponseRefusedError(operation, reason)
    if reason == "auth":
        return AuthenticationUnavailableError(operation, reason)
    if reason.endswith("timeout") and reason != "pool-timeout":
        return TimeoutUnavailableError(operation, reason)
    return ConnectionUnavailableError(operation, reason)


def without_traces(error: BaseException) -> BaseException:
    """Return *error* without tracebacks, its own and those behind it: their frames may hold a secret."""
    for each in _chain(error):
        each.__traceback__ = None
    return error


def answered(reply: Reply | Exception, operation: str) -> Reply:
    """Return *reply*, or raise it if it is a refusal.

    Raises:
        CommandRefusedError: If the server will not do it for now or for this user.
        redis.ResponseError: If the command itself is wrong.
    """
    if isinstance(reply, Exception):
        with redis_errors(operation):
            raise reply
    return reply


@contextmanager
def redis_errors(operation: str) -> Generator[None]:
    """Translate trouble with Redis into our errors; let programming errors pass untouched."""
    try:
        yield
    except ModkitRedisError:
        raise
    except (exceptions.RedisError, exceptions.ChildDeadlockedError, OSError) as error:
        ours = translated(operation, error)
        if ours is None:
            raise
        raise ours from without_traces(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
