"""The answer of an ASGI application, whose session is saved before it begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from modkit_redis.contract.errors import (
    CommandRefusedError,
    SessionConflictError,
    SessionLostError,
    StoreUnavailableError,
)
from modkit_redis.contract.outages import is_outage
from modkit_redis.contract.session import AsyncSession
from modkit_redis.web import unavailable
from modkit_redis.web.answers import (
    FIRST_ERROR,
    REPLACED,
    Header,
    additions,
    cookie_of,
    drop_what_must_not_be_saved,
    log_lost,
    log_outage,
)
from modkit_redis.web.cookies import SentCookie, SessionCookie

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_BEGINNINGS: Final = ("http.response.start", "websocket.accept", "websocket.http.response.start")
_DENIAL: Final = "websocket.http.response"
_SWITCHING: Final = 101


class AnswerReplacedError(OSError):
    """Nobody receives the application's answer: as Redis was away, the client got another one."""


class Answer:
    """Sends what an application sends, with the session saved and its cookie set before.

    Attributes:
        outage: Why the client got a 503 in the place of this answer; ``None`` if it did not.
    """

    def __init__(
        self,
        session: AsyncSession,
        cookie: SessionCookie,
        sent: SentCookie,
        scope: MutableMapping[str, Any],
        send: Send,
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            session: The session.
            cookie: How its cookie is set.
            sent: The cookie that came.
            scope: What is answered.
            send: Sends to the client.
        """
        self.outage: StoreUnavailableError | CommandRefusedError | None = None
        self._session, self._cookie, self._sent = session, cookie, sent
        self._scope, self._send = scope, send
        self._has_begun = False

    async def send(self, message: Message) -> None:
        """Send *message*.

        Raises:
            AnswerReplacedError: If it is part of a stream that nobody receives.
            ArgumentError: If a value of the session cannot be stored; nothing was sent.
            CommandRefusedError: If Redis refuses for good; nothing was sent.
        """
        if self.outage is not None:
            if message.get("more_body") or message["type"] == "websocket.send":
                raise AnswerReplacedError
            return
        if not self._has_begun and message["type"] in _BEGINNINGS:
            added = await self._save(message.get("status", _SWITCHING))
            if self.outage is not None:
                await refuse(self._scope, self._send)
                return
            message = {**message, "headers": with_headers(message.get("headers", ()), added)}
            self._has_begun = True
            self._session.fix_token()
        await self._send(message)

    def is_moot(self, error: BaseException) -> bool:
        """Tell whether the application raised *error* only because nobody receives its answer."""
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, AnswerReplacedError):
            cause = cause.__cause__ or cause.__context__
        return isinstance(error, Exception) and cause is not None

    async def _save(self, status: int) -> list[Header]:
        """Save the session, and return the headers that it adds to the answer."""
        session, accessed, set_cookie = self._session, self._session.accessed, None
        if not session.degraded:
            drop_what_must_not_be_saved(session, status)
            try:
                await session.save()
                set_cookie = cookie_of(session, self._cookie, self._sent)
            except (SessionLostError, SessionConflictError) as error:
                log_lost(error)
            except (StoreUnavailableError, CommandRefusedError) as error:
                self._take_for_outage(error, status)
        vary = [value.decode("latin-1") for name, value in self._headers if name.lower() == b"vary"]
        return additions(vary, set_cookie, accessed=accessed)
