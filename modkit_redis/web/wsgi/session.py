"""Sessions for WSGI applications."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.session import SessionStore
from modkit_redis.web.answers import check_outage
from modkit_redis.web.checking import SESSIONS, check_store, checked_cookie
from modkit_redis.web.cookies import SessionCookie
from modkit_redis.web.given import Given, store_of
from modkit_redis.web.wsgi.answer import Answer, Body, refuse

KEY: Final = "modkit_redis.session"
"""Where an application finds the session in its environ."""

_COOKIES: Final = "modkit_redis.cookies"
"""Names of the cookies whose sessions are loaded already."""


class SessionMiddleware:
    """Gives each request the session of its cookie: ``environ["modkit_redis.session"]``.

    It is loaded before the application is called, and saved when the status is known and the first part of
    the body is there, before anything of the answer is sent; only then, a cookie can be set. What a stream
    changes later, it saves itself with ``session.save()``, and it cannot rotate the token, sign in or begin a
    session.

    An answer with a status of 500 or more, and an exception, drop the changes; ``rotate()`` and ``destroy()``
    take effect all the same. If Redis does not answer, the client gets a 503 with ``Retry-After`` in the
    place of the application's answer. With ``REDIS_SESSION_ON_OUTAGE=anonymous``, a session that cannot be
    loaded is an empty one that cannot be changed, and the cookie stays as it is.
    """

    def __init__(
        self, app: WSGIApplication, *, store: Given[SessionStore], cookie: SessionCookie | None = None
    ) -> None:
        """Wrap an application.

        Args:
            app: The application.
            store: ``redis.session.store`` of a ``RedisBundle``, or its provider.
            cookie: How the cookie is set; for HTTPS and this host alone when omitted.

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        self._app = app
        check_store(store, SESSIONS, is_async=False)
        self._store = store
        self._cookie = checked_cookie(cookie)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        loaded = environ.get(_COOKIES, ())
        if self._cookie.name in loaded:
            return self._app(environ, start_response)
        environ[_COOKIES] = (*loaded, self._cookie.name)
        sent = self._cookie.sent_in([environ.get("HTTP_COOKIE", "")])
        opening = store_of(self._store).open(sent.token)
        try:
            session = opening.__enter__()
        except (StoreUnavailableError, CommandRefusedError) as error:
            check_outage(error)
            refuse(environ, start_response)
            return []
        environ[KEY] = session
        answer = Answer(session, self._cookie, sent, environ, start_response)
        try:
            body = self._app(environ, answer.start)
            if isinstance(body, list | tuple):  # nothing of it can change the session any more
                answer.begin()
                answer.leave(opening, None)
                return body if answer.failure is None else []
            return Body(body, answer, opening)
        except BaseException as error:
            answer.leave(opening, error)
            raise
