"""Sessions for ASGI applications."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Final

from modkit_redis.contract.errors import (
    CommandRefusedError,
    ModkitRedisError,
    StoreUnavailableError,
)
from modkit_redis.contract.session import AsyncSession, AsyncSessionStore
from modkit_redis.web.answers import check_outage, log_lost, log_unsaved
from modkit_redis.web.asgi.answer import Answer, refuse
from modkit_redis.web.asgi.types import Application, Receive, Scope, Send
from modkit_redis.web.checking import SESSIONS, check_store, checked_cookie
from modkit_redis.web.cookies import SessionCookie
from modkit_redis.web.given import AsyncGiven, async_store_of

_COOKIES: Final = "modkit_redis.cookies"
"""Names of the cookies whose sessions are loaded already."""


class SessionMiddleware:
    """Gives each request and WebSocket the session of its cookie: ``scope["session"]``, ``request.session``.

    It is loaded before the application is called, and saved when the answer begins, before anything of it is
    sent; only then, a cookie can be set. Streams, WebSockets and background tasks that change it later call
    ``await session.save()`` themselves, and cannot rotate the token, sign in or begin a session.

    An answer with a status of 500 or more, and an exception, drop the changes; ``rotate()`` and ``destroy()``
    take effect all the same. If Redis does not answer, the client gets a 503 with ``Retry-After`` in the
    place of the application's answer. With ``REDIS_SESSION_ON_OUTAGE=anonymous``, a session that cannot be
    loaded is an empty one that cannot be changed, and the cookie stays as it is.
    """

    def __init__(
        self,
        app: Application,
        *,
        store: AsyncGiven[AsyncSessionStore],
        cookie: SessionCookie | None = None,
    ) -> None:
        """Wrap an application.

        Args:
            app: The application.
            store: ``redis.session.store`` of an ``AsyncRedisBundle``, or its provider.
            cookie: How the cookie is set; for HTTPS and this host alone when omitted.

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        self._app = app
        check_store(store, SESSIONS, is_async=True)
        self._store = store
        self._cookie = checked_cookie(cookie)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, a WebSocket, or anything else untouched."""
        loaded = scope.get(_COOKIES, ())
        if scope["type"] not in ("http", "websocket") or self._cookie.name in loaded:
            await self._app(scope, receive, send)
            return
        scope[_COOKIES] = (*loaded, self._cookie.name)
        sent = self._cookie.sent_in(
            value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"cookie"
        )
        opening = (await async_store_of(self._store)).open(sent.token)
        try:
            session = await opening.__aenter__()
        except (StoreUnavailableError, CommandRefusedError) as error:
            check_outage(error)
            await refuse(scope, send)
            return
        scope["session"] = session
        answer = Answer(session, self._cookie, sent, scope, send)
        try:
            await self._app(scope, receive, answer.send)
        except BaseException as error:
            if answer.has_begun:
                log_unsaved(session)
            await _leave(opening, session, answer.failure or error)
            if not answer.is_moot(error):
                raise
        else:
            if answer.failure is None:
                log_unsaved(session)
            await _leave(opening, session, answer.failure)


async def _leave(
    opening: AbstractAsyncContextManager[AsyncSession], session: AsyncSession, error: BaseException | None
) -> None:
    """End the use of *session*: what is left is an end of it, or a new token that was asked for."""
    session.discard()
    try:
        if error is None:
            await opening.__aexit__(None, None, None)
        else:
            await opening.__aexit__(type(error), error, error.__traceback__)
    except ModkitRedisError as failed:
        log_lost(failed)
