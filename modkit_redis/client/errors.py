"""From what redis-py raises to this library's errors; the one table of reasons.

An error raised through the exported client is ours and redis-py's at once, so that redis-py's own
recovery and an application's ``except redis.ConnectionError`` keep working.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn

from redis import exceptions

from modkit_redis.client.executor import Reply
from modkit_redis.contract.errors import CommandRefusedError, ModkitRedisError, StoreUnavailableError


class ConnectionUnavailableError(StoreUnavailableError, exceptions.ConnectionError):
    """There is no connection to Redis, or it broke."""


class AuthenticationUnavailableError(StoreUnavailableError, exceptions.AuthenticationError):
    """Redis did not accept the user or the password."""


class TimeoutUnavailableError(StoreUnavailableError, exceptions.TimeoutError):
    """Redis took longer than a setting allows."""


class ClientClosedError(ConnectionUnavailableError):
    """The client was closed, and stays so; its provider makes a new one.

    Attributes:
        closed_by: Who closed it.
    """

    def __init__(self, operation: str, reason: str = "closed", closed_by: str = "") -> None:
        super().__init__(operation, reason)
        self.args = (operation, reason, closed_by)
        self.closed_by = closed_by

    def __str__(self) -> str:
        return f"{self.operation}: the client was closed by {self.closed_by}; ask its provider for a new one"


class EventLoopError(ConnectionUnavailableError):
    """A client for asyncio was used in another event loop than the one it belongs to."""

    def __init__(self, operation: str, reason: str = "event-loop") -> None:
        super().__init__(operation, reason)

    def __str__(self) -> str:
        return (
            f"{self.operation}: the client belongs to another event loop; shut its module down in the loop "
            "that used it, and the next use makes a new client"
        )


class ResponseRefusedError(CommandRefusedError, exceptions.ResponseError):
    """Redis answered that it will not do it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One word that says why, for programs and for the documentation.

    Attributes:
        word: The ``reason`` of the error.
        error: Its class.
        about: When it is given.
    """

    word: str
    error: type[StoreUnavailableError | CommandRefusedError]
    about: str


REASONS: Final = {
    each.word: each
    for each in (
        Reason("refused", ConnectionUnavailableError, "Nobody listens at the address."),
        Reason("dns", ConnectionUnavailableError, "The name of the host could not be looked up."),
        Reason("tls", ConnectionUnavailableError, "The TLS handshake failed: certificate, name or version."),
        Reason("auth", AuthenticationUnavailableError, "The user or the password was not accepted."),
        Reason("dial-timeout", TimeoutUnavailableError, "No connection within `REDIS_DIAL_TIMEOUT`."),
        Reason("read-timeout", TimeoutUnavailableError, "No whole reply within `REDIS_READ_TIMEOUT`."),
        Reason("write-timeout", TimeoutUnavailableError, "Not all sent within `REDIS_WRITE_TIMEOUT`."),
        Reason("deadline", TimeoutUnavailableError, "The call's own deadline was over first."),
        Reason("timeout", TimeoutUnavailableError, "Another wait ended, in a client that was brought along."),
        Reason(
            "pool-timeout",
            ConnectionUnavailableError,
            "No free connection within `REDIS_POOL_TIMEOUT`, or most of the call's own deadline.",
        ),
        Reason("reset", ConnectionUnavailableError, "The connection was reset."),
        Reason("disconnected", ConnectionUnavailableError, "The server closed the connection."),
        Reason("connection", ConnectionUnavailableError, "The connection failed in another way."),
        Reason("protocol", ConnectionUnavailableError, "What came back is no Redis protocol."),
        Reason("max-clients", ConnectionUnavailableError, "The server has no room for another connection."),
        Reason("loading", ConnectionUnavailableError, "The server is still loading its data."),
        Reason("closed", ClientClosedError, "The client was closed."),
        Reason("event-loop", EventLoopError, "The client belongs to another event loop."),
        Reason("readonly", ResponseRefusedError, "A replica was asked to write, as after a fail-over."),
        Reason("oom", ResponseRefusedError, "`maxmemory` is reached, and nothing may be evicted."),
        Reason("noperm", ResponseRefusedError, "The ACL user may not run this command, or not on this key."),
        Reason("misconf", ResponseRefusedError, "The server cannot save to disk, and refuses to write."),
        Reason("noreplicas", ResponseRefusedError, "Too few replicas are in touch for a write."),
        Reason("busy", ResponseRefusedError, "A script is running for too long."),
        Reason("masterdown", ResponseRefusedError, "A replica has lost its primary and may not answer."),
        Reason(
            "cluster", ResponseRefusedError, "The server is part of a cluster, which is not supported yet."
        ),
        Reason("wrong-type", ResponseRefusedError, "A store found a Redis value of another type at its key."),
        Reason(
            "unknown-command",
            ResponseRefusedError,
            "A store needs a command that the server has not, or renamed.",
        ),
        Reason("no-db", ResponseRefusedError, "There is no database of the number in `REDIS_DB`."),
    )
}
"""Every word there is."""

# What stands in one row is one reason: by the error's class, by its first words, or by what caused it.
_BY_CLASS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (exceptions.BusyLoadingError, "loading"),
    (exceptions.AuthenticationWrongNumberOfArgsError, "auth"),
    (exceptions.AuthenticationError, "auth"),
    (exceptions.AuthorizationError, "auth"),
    (exceptions.MaxConnectionsError, "pool-timeout"),
    (exceptions.InvalidResponse, "protocol"),
    (exceptions.ChildDeadlockedError, "connection"),
    (exceptions.MasterDownError, "masterdown"),
    (exceptions.ClusterDownError, "cluster"),
    (exceptions.AskError, "cluster"),
    (exceptions.TryAgainError, "cluster"),
    (exceptions.ReadOnlyError, "readonly"),
    (exceptions.OutOfMemoryError, "oom"),
    (exceptions.NoPermissionError, "noperm"),
)
_BY_TEXT: Final = (
    ("Timeout connecting", "dial-timeout"),
    ("Timeout writing", "write-timeout"),
    ("Timeout reading", "read-timeout"),
    ("No connection available", "pool-timeout"),
    ("Connection closed by server", "disconnected"),
    ("max number of clients", "max-clients"),
    ("MISCONF", "misconf"),
    ("NOREPLICAS", "noreplicas"),
    ("BUSY ", "busy"),
    # a script that was refused a command of its own: as Redis 6.2 says it, and as others do
    ("OOM ", "oom"),
    ("READONLY ", "readonly"),
    ("The user executing the script can't", "noperm"),
    ("ACL failure in script", "noperm"),
    ("DB index is out of range", "no-db"),
)
_IN_SCRIPT: Final = re.compile(r"Error running script \(call to f_[0-9a-f]+\): (?:@user_script: ?\d+: )+-?")
"""What Redis 6.2 puts before the words of a command that a script was refused."""

_NO_MISTAKES: Final = (("WRONGTYPE", "wrong-type"), ("nknown command", "unknown-command"))
"""Words anywhere in a refusal that is a mistake of whoever wrote the command, but not where a store did."""

_BY_CAUSE: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (socket.gaierror, "dns"),
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (FileNotFoundError, "refused"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
)


def reason_of(error: BaseException) -> str | None:
    """Return the word for *error*, or ``None`` if it is about neither the server nor the way to it."""
    if isinstance(error, StoreUnavailableError | CommandRefusedError):
        return error.reason
    for kind, reason in _BY_CLASS:
        if isinstance(error, kind):
            return reason
    said = _IN_SCRIPT.sub("", str(error), 1)
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


def translated(operation: str, error: BaseException) -> StoreUnavailableError | CommandRefusedError | None:
    """Return our error for *error*, or ``None`` for a programming error, which should pass untouched."""
    reason = reason_of(error)
    return None if reason is None else REASONS[reason].error(operation, reason)


def without_traces(error: BaseException) -> BaseException:
    """Return *error* without tracebacks, its own and those behind it: their frames may hold a secret."""
    for each in _chain(error):
        each.__traceback__ = None
    return error


def answered(reply: Reply | Exception, operation: str) -> Reply:
    """Return *reply*, or raise it if it is a refusal.

    Raises:
        CommandRefusedError: If the server will not do it for now, for this user, or with what is at the key.
        redis.ResponseError: If the command itself is wrong.
    """
    if not isinstance(reply, Exception):
        return reply
    if isinstance(reply, CommandRefusedError):  # our connection has named the command that it saw
        raise type(reply)(operation, reply.reason) from reply.__cause__
    if isinstance(reply, exceptions.ResponseError):
        for words, reason in _NO_MISTAKES:
            if words in str(reply):
                raise ResponseRefusedError(operation, reason)
    with redis_errors(operation):
        raise reply


@contextmanager
def redis_errors(operation: str) -> Generator[None]:
    """Translate trouble with Redis into our errors; let programming errors pass untouched."""
    try:
        yield
    except FAILURES as error:
        raise_ours(error, operation)


FAILURES: Final = (exceptions.RedisError, exceptions.ChildDeadlockedError, OSError)
"""What redis-py raises when there is trouble."""


def raise_ours(error: Exception, operation: str) -> NoReturn:
    """Raise our error for *error*, or itself if it is ours already, or a programming error.

    On the way of every command, where a ``with redis_errors`` would take a microsecond.
    """
    ours = None if isinstance(error, ModkitRedisError) else translated(operation, error)
    if ours is None:
        raise error
    raise ours from without_traces(error)


@contextmanager
def connect_errors(operation: str) -> Generator[None]:
    """Translate whatever prevents a connection into our errors: none of it is the caller's mistake."""
    try:
        with redis_errors(operation):
            yield
    except ModkitRedisError:
        raise
    except (exceptions.RedisError, ValueError) as error:  # ValueError: a name that cannot be a host's
        raise ConnectionUnavailableError(operation, "connection") from without_traces(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
