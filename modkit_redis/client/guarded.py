"""What the connections of both worlds have in common: the present operation, and its errors."""

from __future__ import annotations

import time
from typing import Final, NoReturn

from redis import exceptions

from modkit_redis.client.errors import (
    AuthenticationUnavailableError,
    ClientClosedError,
    TimeoutUnavailableError,
    reason_of,
    redis_errors,
    without_traces,
)
from modkit_redis.client.guard import Guard

FEW: Final = 4
"""Commands up to which they are packed one by one and joined: redis-py's own way costs twice as much."""


class Guarded:
    """What the connections of both worlds have in common: the present operation, and its errors."""

    guard: Guard
    until: float | None = None  # when the present call must have ended, on the monotonic clock
    owed: int = 0  # replies that were asked for and not read: nobody else may get them
    _packed: int = 0  # commands in what is to be sent next
    _operation: object = "connect"

    def _named_operation(self) -> str:
        operation = self._operation
        return operation.decode("ascii", "replace") if isinstance(operation, bytes) else str(operation)

    def _raise_lost(self, error: BaseException, timeout_reason: str) -> NoReturn:
        """Raise our error for what broke the connection; what is no error of it passes untouched."""
        if not isinstance(error, Exception):
            raise error
        operation = self._named_operation()
        without_traces(error)
        if self.guard.closed_by:
            raise ClientClosedError(operation, closed_by=self.guard.closed_by) from error
        if isinstance(error, exceptions.TimeoutError | TimeoutError):
            reason = "deadline" if self._is_late() else timeout_reason
            raise TimeoutUnavailableError(operation, reason) from error
        with redis_errors(operation):
            raise error
        raise AssertionError  # for type checkers: the line above has raised

    def _is_late(self) -> bool:
        return self.until is not None and time.monotonic() >= self.until

    def _raise_refused(self, refusal: exceptions.ResponseError) -> NoReturn:
        operation = self._named_operation()
        if operation == "AUTH" and reason_of(refusal) is None:  # it may repeat what it was sent
            raise AuthenticationUnavailableError(operation, "auth")
        with redis_errors(operation):
            raise refusal
        raise AssertionError  # for type checkers: the line above has raised
