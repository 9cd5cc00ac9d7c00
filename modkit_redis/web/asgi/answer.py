"""The answer of an ASGI application, whose session is saved before it begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from modkit_redis.contract.errors import (
    CommandRefusedError,
    ModkitRedisError,
    SessionConflictError,
    SessionLostError,
    StoreUnavailableError,
)
from modkit_redis.contract.session import AsyncSession
from modkit_redis.web.answers import (
    REPLACED,
    Header,
    additions,
    cookie_of,
    drop_what_must_not_be_saved,
    is_answered_by_503,
    is_signing_in,
    log_lost,
    unavailable,
)
from modkit_redis.web.asgi.types import Message, Scope, Send
from modkit_redis.web.cookies import SentCookie, SessionCookie

_BEGINNINGS: Final = ("http.response.start", "websocket.accept", "websocket.http.response.start")
_DENIAL: Final = "websocket.http.response"
_SWITCHING: Final = 101
_TRY_AGAIN_LATER: Final = 1013


class AnswerReplacedError(OSError):
    """Nobody receives the application's answer: as Redis was away, the client got another one."""


class Answer:
    """Sends what an application sends, with the session saved and its cookie set before.

    Attributes:
        failure: Why the client got a 503 in the place of this answer; ``None`` if it did not.
        has_begun: Whether the answer is on its way.
    """

    def __init__(
        self, session: AsyncSession, cookie: SessionCookie, sent: SentCookie, scope: Scope, send: Send
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            session: The session.
            cookie: How its cookie is set.
            sent: The cookie that came.
            scope: What is answered.
            send: Sends to the client.
        """
        self.failure: ModkitRedisError | None = None
        self._session, self._cookie, self._sent = session, cookie, sent
        self._scope, self._send = scope, send
        self.has_begun = False

    async def send(self, message: Message) -> None:
        """Send *message*.

        Raises:
            AnswerReplacedError: If it is part of a stream that nobody receives.
            ArgumentError: If a value of the session cannot be stored; nothing was sent.
            CommandRefusedError: If Redis refuses for good; nothing was sent.
        """
        if self.failure is not None:
            if message.get("more_body") or message["type"] == "websocket.send":
                raise AnswerReplacedError
            return
        if not self.has_begun and message["type"] in _BEGINNINGS:
            message = await self._begun(message)
            if self.failure is not None:
                await refuse(self._scope, self._send)
                return
            self.has_begun = True
        sending = self._send(message)
        del message  # a traceback with local variables would show the token
        await sending

    async def _begun(self, message: Message) -> Message:
        """Save the session, and return what the answer begins with."""
        accessed, headers = self._session.accessed, message.get("headers", ())
        set_cookie = await self._save(message.get("status", _SWITCHING))
        self._session.fix_token()
        added = additions(_texts(headers, b"vary"), set_cookie, accessed=accessed)
        return {**message, "headers": _with(headers, added)}

    def is_moot(self, error: BaseException) -> bool:
        """Tell whether the application raised *error* only because nobody receives its answer."""
        return self.failure is not None and isinstance(error, Exception) and _tells_of_it(error)

    async def _save(self, status: int) -> str | None:
        """Save the session, and return the ``Set-Cookie`` that this asks for."""
        session = self._session
        drop_what_must_not_be_saved(session, status)
        signs_in = is_signing_in(session)
        try:
            if not session.degraded:
                await session.save()
            return cookie_of(session, self._cookie, self._sent)
        except (SessionLostError, SessionConflictError) as error:
            log_lost(error)
            self.failure = error if signs_in else None
        except (StoreUnavailableError, CommandRefusedError) as error:
            if is_answered_by_503(error, status):
                self.failure = error
        return None


def _tells_of_it(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_tells_of_it, error.exceptions))
    if error is None or isinstance(error, AnswerReplacedError):
        return error is not None
    return _tells_of_it(error.__cause__ or error.__context__)


async def refuse(scope: Scope, send: Send) -> None:
    """Answer that Redis is away."""
    refusal = unavailable(",".join(_texts(scope["headers"], b"accept")))
    headers = _with((), refusal.headers)
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else refusal.body
        await send({"type": "http.response.body", "body": body})
    elif _DENIAL in (scope.get("extensions") or {}):
        await send({"type": f"{_DENIAL}.start", "status": refusal.status, "headers": headers})
        await send({"type": f"{_DENIAL}.body", "body": refusal.body})
    else:
        await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})


def _texts(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name.lower() == wanted]


def _with(standing: Iterable[tuple[bytes, bytes]], added: Iterable[Header]) -> list[tuple[bytes, bytes]]:
    new = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in added]
    replaced = {name for name, _ in new} & _REPLACED
    return [*(each for each in standing if each[0].lower() not in replaced), *new]


_REPLACED: Final = frozenset(name.lower().encode() for name in REPLACED)
