"""Health checks: whether the process answers, and whether Redis answers it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Generic, Literal, TypeAlias, TypeVar

import redis
import redis.asyncio

from modkit_redis.client import AsyncRedisExecutor, RedisExecutor
from modkit_redis.contract.errors import ArgumentError, ModkitRedisError
from modkit_redis.contract.values import Duration, milliseconds
from modkit_redis.web.given import AsyncGiven, Given, async_store_of, store_of

T = TypeVar("T")

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """What is answered to a health check.

    Attributes:
        status: 200 or 503; 405 to other methods than ``GET`` and ``HEAD``.
        headers: Its headers.
        body: JSON that says ``ok``, or why not in a word; neither addresses nor errors.
    """

    status: int
    headers: Headers
    body: bytes

    @property
    def status_line(self) -> str:
        """The status with its phrase, as WSGI wants it."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


class _Readiness(Generic[T]):
    """What both worlds have in common."""

    def __init__(self, client: T, *, timeout: Duration = 1) -> None:
        """Prepare; nothing is sent.

        Args:
            client: A client, or what returns one, as the provider ``container.redis.client``.
            timeout: How long a ping takes at most, with waiting for a connection.

        Raises:
            ArgumentError: If *timeout* is no positive duration.
        """
        milliseconds(timeout, "timeout")
        self._client, self._timeout, self._is_draining = client, timeout, False

    @property
    def is_draining(self) -> bool:
        """Whether the application is about to end."""
        return self._is_draining

    def drain(self) -> None:
        """Be no longer ready, as the application is about to end; Redis is not asked any more."""
        self._is_draining = True

    def _failed(self, error: Exception) -> HealthAnswer:
        reason = str(error) if isinstance(error, ModkitRedisError) else type(error).__name__
        _LOG.warning("not ready: %s", reason)
        return UNAVAILABLE


class Readiness(_Readiness[Given[redis.Redis]]):
    """Whether Redis answers; one may be asked from any thread."""

    def check(self) -> HealthAnswer:
        """Ping Redis and return what to answer; why it does not answer is logged."""
        if self._is_draining:
            return DRAINING
        try:
            RedisExecutor(store_of(self._client)).execute("PING", deadline=self._timeout)
        except Exception as error:  # noqa: BLE001  # it is logged: whatever it is, the application is not ready
            return self._failed(error)
        return OK


class AsyncReadiness(_Readiness[AsyncGiven[redis.asyncio.Redis]]):
    """Whether Redis answers, for asyncio."""

    async def check(self) -> HealthAnswer:
        """Ping Redis and return what to answer; why it does not answer is logged."""
        if self._is_draining:
            return DRAINING
        try:
            client = await async_store_of(self._client)
            await AsyncRedisExecutor(client).execute("PING", deadline=self._timeout)
        except Exception as error:  # noqa: BLE001  # it is logged: whatever it is, the application is not ready
            return self._failed(error)
        return OK


def _answer(status: int, said: str, *more: tuple[str, str]) -> HealthAnswer:
    body = json.dumps({"status": said}).encode()
    described = (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
    return HealthAnswer(status, (*described, ("Cache-Control", "no-store"), *more), body)


OK: Final = _answer(200, "ok")
UNAVAILABLE: Final = _answer(503, "unavailable")
DRAINING: Final = _answer(503, "draining")
WRONG_METHOD: Final = _answer(405, "method not allowed", ("Allow", "GET, HEAD"))


@dataclass(frozen=True, slots=True)
class HealthPaths:
    """Where health checks are answered; each can be left out by an empty text.

    Attributes:
        live: Answers 200 as long as the process answers at all; Redis is never asked.
        ready: Answers 200 if Redis answers, and 503 if not.
    """

    live: str = "/health/live"
    ready: str = "/health/ready"

    def __post_init__(self) -> None:
        for name, path in (("live", self.live), ("ready", self.ready)):
            if not isinstance(path, str) or (path and not path.startswith("/")):
                raise ArgumentError(name, "must be a path that begins with '/', or empty to leave it out")
        if self.live == self.ready:
            raise ArgumentError("ready", "must not be the path of live, nor can both be left out")

    def find(self, method: str, path: str) -> HealthAnswer | Literal["ask"] | None:
        """Return the answer to a request, or that Redis is to be asked for it; ``None`` for other paths."""
        if not path or path not in (self.live, self.ready):
            return None
        if method not in ("GET", "HEAD"):
            return WRONG_METHOD
        return OK if path == self.live else "ask"


_LOG: Final = logging.getLogger("modkit_redis.web")
