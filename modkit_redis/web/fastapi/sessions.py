"""Sessions as FastAPI dependencies: the session of a request, and one in which somebody is signed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from inspect import Parameter, Signature
from typing import Any, Final
from urllib.parse import quote

from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from modkit_redis.contract.errors import ArgumentError, ConfigError
from modkit_redis.contract.session import AsyncSession
from modkit_redis.kernel import parsing
from modkit_redis.web.answers import RETRY_AFTER_S
from modkit_redis.web.checking import checked_cookie
from modkit_redis.web.cookies import SessionCookie
from modkit_redis.web.fastapi.refusing import RefusedError, accept_of
from modkit_redis.web.recency import is_recent
from modkit_redis.web.refusals import FORMS, Form, refused

CHALLENGE: Final = ("WWW-Authenticate", 'Cookie realm="session"')
"""RFC 9110 wants a challenge in each 401; a scheme that browsers do not know opens no dialogue of theirs."""

RETRY_AFTER: Final = ("Retry-After", str(RETRY_AFTER_S))


async def current_session(connection: HTTPConnection) -> AsyncSession:
    """Return the session of a request, whoever is or is not signed in: ``Depends(current_session)``.

    Raises:
        ConfigError: If ``SessionMiddleware`` is missing.
    """
    found = connection.scope.get("session")
    if isinstance(found, AsyncSession):
        return found
    what = "is missing" if found is None else "is another library's"
    raise ConfigError(
        'scope["session"]', f"{what}: add modkit_redis.web.asgi.SessionMiddleware to the application"
    )


def has_user(session: AsyncSession) -> bool:
    """Tell whether somebody is signed in, as ``session.bind`` does it."""
    return session.user is not None


class RequiredSession(SecurityBase):
    """Gives a route the session of a request, if somebody is signed in: ``Depends(RequiredSession())``.

    Others are refused: with 401 who is not signed in, with 403 whose sign-in is not recent enough, with 503
    if Redis does not answer and sessions are empty meanwhile. Where *sign_in_url* is given, a browser that
    wants a page is sent there instead of 401 or 403; scripts are answered as programs are.
    """

    def __init__(
        self,
        *,
        recent: timedelta | str | None = None,
        is_signed_in: Callable[[AsyncSession], bool] = has_user,
        sign_in_url: str | None = None,
        body: Form = "problem",
        cookie: SessionCookie | None = None,
    ) -> None:
        """Check the arguments.

        Args:
            recent: How long ago the user may have signed in at most, as text with a unit (``10m``) or
                a timedelta; for what asks for signing in again, as changing a password. It counts from
                ``sign_in`` or ``mark_signed_in``; without either, no session is recent.
            is_signed_in: Says whether somebody is signed in, where ``session.bind`` does not.
            sign_in_url: Where browsers are sent; ``{next}`` in it becomes path and query of the page that was
                asked for, encoded.
            body: What bodies of refusals are, with ``install``.
            cookie: The cookie that ``SessionMiddleware`` was given, for its name in the OpenAPI document.

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        if not callable(is_signed_in):
            raise ArgumentError("is_signed_in", "must be a function of the session")
        if body not in FORMS:
            raise ArgumentError("body", f"must be one of {', '.join(map(repr, FORMS))}")
        if sign_in_url is not None and (not isinstance(sign_in_url, str) or not _is_url(sign_in_url)):
            raise ArgumentError("sign_in_url", "must be a path or an address, as '/sign-in?next={next}'")
        self.recent = _checked_span(recent)
        self._body: Form = body
        self._is_signed_in, self._sign_in_url = is_signed_in, sign_in_url
        self.__signature__ = _SIGNATURE  # FastAPI cannot read annotations that are text here
        self.scheme_name = "session"
        self.model: Any = APIKey.model_validate({"in": APIKeyIn.cookie, "name": checked_cookie(cookie).name})

    async def __call__(self, connection: HTTPConnection) -> AsyncSession:
        """Return the session; FastAPI gives the argument.

        Raises:
            RefusedError: If the request is refused.
            ConfigError: If ``SessionMiddleware`` is missing.
        """
        session = await current_session(connection)
        if session.degraded:
            raise self._refused(connection, 503, "Sessions cannot be read just now.", RETRY_AFTER)
        if not self._is_signed_in(session):
            raise self._refused(connection, 401, "You are not signed in.", CHALLENGE)
        if self.recent is not None and not is_recent(session, self.recent):
            raise self._refused(connection, 403, "You have to sign in again for this.")
        return session

    def _refused(
        self, connection: HTTPConnection, status: int, detail: str, *more: tuple[str, str]
    ) -> RefusedError:
        if self._sign_in_url is not None and status != _UNAVAILABLE and _wants_page(connection):
            url = self._sign_in_url.replace("{next}", _asked_for(connection))
            status, more = 303, (("Location", url), ("Vary", "Accept, Cookie"))
        accept = accept_of(connection)
        return RefusedError(detail, refused(status, detail, accept=accept, form=self._body, headers=more))


_UNAVAILABLE: Final = 503
_SIGNATURE: Final = Signature([Parameter("connection", Parameter.KEYWORD_ONLY, annotation=HTTPConnection)])


def _checked_span(recent: timedelta | str | None) -> timedelta | None:
    if recent is None:
        return None
    try:
        return parsing.duration(recent)
    except parsing.RefusedError as error:
        reason = error.reason
    raise ArgumentError("recent", reason)


def _is_url(text: str) -> bool:
    return text.startswith(("/", "https://", "http://")) and text.isprintable() and " " not in text


def _wants_page(connection: HTTPConnection) -> bool:
    """Tell whether a browser asks for a page to show, and not a script of it for data."""
    headers = connection.headers
    return (
        connection.scope.get("method") in ("GET", "HEAD")
        and "text/html" in headers.get("accept", "")
        and headers.get("sec-fetch-mode", "navigate") == "navigate"
    )


def _asked_for(connection: HTTPConnection) -> str:
    """Return path and query for a URL; two slashes at the beginning would be another host's."""
    url = connection.url
    path = "/" + url.path.lstrip("/\\")
    return quote(f"{path}?{url.query}" if url.query else path, safe="/")
