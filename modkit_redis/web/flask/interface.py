"""``RedisSessionInterface``: Flask's ``session`` kept in Redis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from weakref import WeakSet

from flask import Flask, Request, Response, got_request_exception, has_request_context, request
from flask.sessions import SessionInterface, SessionMixin

from modkit_redis.contract.errors import ConfigError, ModkitRedisError, SessionConflictError, SessionLostError
from modkit_redis.contract.session import SessionStore
from modkit_redis.web.answers import (
    REPLACED,
    additions,
    cookie_of,
    drop_what_must_not_be_saved,
    is_answered_by_503,
    is_signing_in,
    log_lost,
    log_unsaved,
)
from modkit_redis.web.checking import SESSIONS, check_store, checked_cookie
from modkit_redis.web.cookies import SentCookie, SessionCookie
from modkit_redis.web.flask.errors import SessionUnavailableError
from modkit_redis.web.flask.session import FlaskSession
from modkit_redis.web.given import Given, store_of
from modkit_redis.web.wsgi.session import KEY


class RedisSessionInterface(SessionInterface):
    """Keeps Flask's ``session`` in Redis: ``app.session_interface = RedisSessionInterface(store=…)``.

    ``flask.session`` is a ``FlaskSession`` then, and ``modkit_redis.web.flask.session`` the same, typed. It
    is loaded when it is looked at, and saved when all ``after_request`` functions have run. The cookie is
    set when a session begins or ends, its token is replaced, or ``permanent`` changes.

    Where the answer is a 5xx or an exception leaves the view, changes are dropped; a new token that was asked
    for and an end take effect. If Redis does not answer when the session is loaded or saved, the answer is
    503. A session that has ended meanwhile is not brought back: its changes are dropped and logged.
    """

    def __init__(self, *, store: Given[SessionStore], cookie: SessionCookie | None = None) -> None:
        """Take the settings; nothing is sent.

        Args:
            store: The sessions, or a provider of them, which is asked at each request.
            cookie: The cookie; ``SessionCookie()`` when omitted, which needs HTTPS.

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        check_store(store, SESSIONS, is_async=False)
        self._store = store
        self._cookie = checked_cookie(cookie)
        self._cookies = {lasts: replace(self._cookie, max_age=lasts) for lasts in (False, True)}
        self._checked: WeakSet[Flask] = WeakSet()
        got_request_exception.connect(self._fail)  # weakly; it is the only news of an error that propagates

    def open_session(self, app: Flask, request: Request) -> FlaskSession:
        """Return the session of *request*; nothing is sent before somebody looks at it.

        Raises:
            ConfigError: If the application's settings ask for another cookie, or a session stands there.
        """
        if app not in self._checked:
            for problem in self._contradictions(app):
                raise problem
            self._checked.add(app)
        if not isinstance(request.environ.get(KEY), FlaskSession | None):
            raise ConfigError("session_interface", "stands below a SessionMiddleware: take one of the two")
        token = self._sent(request).token
        session = FlaskSession(lambda: store_of(self._store).open(token), lasts=self._cookie.max_age)
        request.environ[KEY] = session
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save *session* and set its cookie, or make *response* a 503."""
        if not isinstance(session, FlaskSession):
            return
        cookie = self._saved(app, session, response) if session.is_touched else None
        for name, value in additions(response.headers.getlist("Vary"), cookie, accessed=session.accessed):
            if name in REPLACED:
                response.headers[name] = value
            else:
                response.headers.add(name, value)
        session.fix_token()
        response.call_on_close(lambda: self._leave(session))

    def _leave(self, session: FlaskSession) -> None:
        if session.is_loaded and not session.degraded and not session.has_failed:
            log_unsaved(session)
            self._save_the_rest(session)

    def _saved(self, app: Flask, session: FlaskSession, response: Response) -> str | None:
        if session.has_failed and response.status_code >= _FIRST_ERROR:  # it would fail again
            return None
        signs_in = False
        try:
            if not session.degraded:
                drop_what_must_not_be_saved(session, response.status_code)
                signs_in = is_signing_in(session)
                session.save()
            return self._cookie_of(session, self._sent(request))
        except (SessionLostError, SessionConflictError) as error:
            log_lost(error)
            if signs_in:
                _become(
                    response,
                    app.make_response(app.handle_http_exception(SessionUnavailableError("sign-in", "lost"))),
                )
        except SessionUnavailableError as error:
            if is_answered_by_503(error, response.status_code):
                _become(response, app.make_response(app.handle_http_exception(error)))
        return None

    def _cookie_of(self, session: FlaskSession, sent: SentCookie) -> str | None:
        return cookie_of(session, self._cookies[session.permanent], sent, again=session.has_moved)

    def _sent(self, request: Request) -> SentCookie:
        line = request.environ.get("HTTP_COOKIE")
        return self._cookie.sent_in([] if line is None else [line])

    def _fail(self, app: Flask, **_: Any) -> None:
        if app.session_interface is not self or not has_request_context():
            return
        session = request.environ.get(KEY)
        if isinstance(session, FlaskSession) and session.is_loaded and not session.degraded:
            self._save_the_rest(session)

    @staticmethod
    def _save_the_rest(session: FlaskSession) -> None:
        session.discard()
        try:
            session.save()
        except ModkitRedisError as error:
            log_lost(error)

    def _contradictions(self, app: Flask) -> Iterator[ConfigError]:
        cookie = self._cookie
        for name, argument, ours in (
            ("NAME", "name", cookie.name),
            ("DOMAIN", "domain", cookie.domain),
            ("PATH", "path", cookie.path),
            ("SECURE", "secure", cookie.secure),
            ("SAMESITE", "same_site", cookie.same_site.capitalize()),
            ("PARTITIONED", "partitioned", cookie.partitioned),
        ):
            if self._is_set(app, f"SESSION_COOKIE_{name}", ours):
                yield ConfigError(f"SESSION_COOKIE_{name}", f"is not used: give {argument}= to SessionCookie")
        if self._is_set(app, "SESSION_COOKIE_HTTPONLY", True):
            yield ConfigError("SESSION_COOKIE_HTTPONLY", "is not used: no script ever needs the cookie")
        if self._is_set(app, "PERMANENT_SESSION_LIFETIME", None):
            yield ConfigError(
                "PERMANENT_SESSION_LIFETIME",
                "is not used: REDIS_SESSION_IDLE_TTL and REDIS_SESSION_ABSOLUTE_TTL say when sessions end",
            )

    @staticmethod
    def _is_set(app: Flask, name: str, ours: object) -> bool:
        return app.config.get(name) not in (app.default_config.get(name), ours)

    def get_cookie_name(self, app: Flask) -> str:
        """Return the name of the cookie."""
        return self._cookie.name

    def get_cookie_domain(self, app: Flask) -> str | None:
        """Return whose subdomains get the cookie as well."""
        return self._cookie.domain

    def get_cookie_path(self, app: Flask) -> str:
        """Return below which path the cookie is sent."""
        return self._cookie.path

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie is sent over HTTPS alone."""
        return self._cookie.secure

    def get_cookie_httponly(self, app: Flask) -> bool:
        """Return that no script sees the cookie."""
        return True

    def get_cookie_samesite(self, app: Flask) -> str:
        """Return which requests from other sites bring the cookie."""
        return self._cookie.same_site.capitalize()

    def get_cookie_partitioned(self, app: Flask) -> bool:
        """Return whether the cookie is kept apart for each site that embeds this one."""
        return self._cookie.partitioned


_FIRST_ERROR: Final = 500


def _become(response: Response, other: Response) -> None:
    """Have *response* say what *other* says; what lets scripts of other origins read it stays."""
    kept = [each for each in response.headers if each[0].lower().startswith("access-control-")]
    close = getattr(response.response, "close", None)
    if close is not None:
        response.call_on_close(close)
    response.status = other.status
    response.headers.clear()
    response.headers.extend([*kept, *other.headers])
    response.direct_passthrough = False
    response.set_data(other.get_data())
