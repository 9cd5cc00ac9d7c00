"""Rate limits for WSGI applications."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import Decision, Limits, RateLimitStore, Subject
from modkit_redis.web.checking import LIMITER, check_store
from modkit_redis.web.given import Given, store_of
from modkit_redis.web.headers import Draft, Headers, merged
from modkit_redis.web.limiting import (
    KEY,
    Applies,
    Limiting,
    Unidentified,
    check_callable,
    is_no_subject,
    is_subject,
    no_subject,
    with_decision,
)
from modkit_redis.web.refusals import Form, Refusal


class RateLimitMiddleware:
    """Refuses requests that are over a limit, and tells others what is left; one round trip a request.

    The decision is ``environ["modkit_redis.ratelimit"]``, and a tuple of all where several middlewares stand.
    What the application says in ``RateLimit-Policy`` and ``RateLimit`` is kept, behind this limit, in one
    list, and its ``X-RateLimit-*`` and ``Retry-After`` stand as they are.

    What is charged stays charged, whatever becomes of the request. When Redis does not answer, the settings
    decide; what they refuse is answered by 503. Errors that are no outage are raised.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        store: Given[RateLimitStore],
        identify: Callable[[WSGIEnvironment], Subject | None],
        limit: Limits | None = None,
        cost: int | Callable[[WSGIEnvironment], int] = 1,
        applies: Applies | None = None,
        unidentified: Unidentified = "refuse",
        headers: Draft | None = "draft-11",
        legacy_headers: bool = False,
        body: Form = "auto",
    ) -> None:
        """Wrap *app*; nothing is sent.

        Args:
            app: The application.
            store: The limiter, or a provider of it, which is asked at each request.
            identify: Returns the subject of an environ, as ``client_address()`` does, or ``None`` if it is
                not known.
            limit: The limit, or several, each with a name; those of the settings when omitted.
            cost: What a request costs, or a function of the environ that says so.
            applies: Tells from method and path, which begins with ``SCRIPT_NAME``, whether a request is
                limited; each is when omitted. What it leaves out costs no round trip.
            unidentified: Whether a request without a subject, or with one that is empty or too long for a
                key, is refused with 400 or allowed without a limit. There is never a subject for all of them.
            headers: Which draft the headers follow; ``None`` sends none of them.
            legacy_headers: Whether to send ``X-RateLimit-*`` as well.
            body: Whether refusals are problem details: ``auto`` where the client asks for JSON, or always
                (``problem``) or never (``plain``).

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        check_callable("app", app)
        check_callable("identify", identify)
        check_store(store, LIMITER, is_async=False)
        self._app, self._store, self._identify = app, store, identify
        self._limiting = Limiting(
            limit=limit,
            cost=cost,
            applies=applies,
            unidentified=unidentified,
            headers=headers,
            legacy_headers=legacy_headers,
            body=body,
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        if not self._limiting.applies_to(environ["REQUEST_METHOD"], _path(environ)):
            return self._app(environ, start_response)
        decision = decide(environ, self._store, self._identify, self._limiting)
        accept = environ.get("HTTP_ACCEPT", "")
        if decision is None:
            refusal = self._limiting.unknown(accept)
            added: Headers = []
        else:
            environ[KEY] = with_decision(environ, decision)
            refusal = None if decision.allowed else self._limiting.refusal(decision, accept)
            added = self._limiting.headers_of(decision)
        if refusal is not None:
            return _refuse(refusal, environ, start_response)
        return self._app(environ, _telling(start_response, added) if added else start_response)


def decide(
    environ: WSGIEnvironment,
    store: Given[RateLimitStore],
    identify: Callable[[WSGIEnvironment], Subject | None],
    limiting: Limiting,
) -> Decision | None:
    """Charge a request, and return what was decided; ``None`` if it cannot be told who sent it.

    Raises:
        ArgumentError: If *identify* returns what is no subject, or a cost is none.
        ModkitRedisError: What the store raises.
    """
    subject = identify(environ)
    if subject is None:
        return None
    if not is_subject(subject):
        del subject  # a traceback with local variables would show it
        raise no_subject("identify")
    cost, limiter = limiting.cost_of(environ), store_of(store)
    asked = [subject]
    del subject
    try:
        return limiter.hit(asked.pop(), cost=cost, limit=limiting.limit)
    except ArgumentError as error:
        if not is_no_subject(error):
            raise
        return None


def _telling(start_response: StartResponse, added: Headers) -> StartResponse:
    def telling(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
        return start_response(status, merged(headers, added), *exc_info)

    return telling


def _path(environ: WSGIEnvironment) -> str:
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return str(path).encode("latin-1").decode("utf-8", "replace")


def _refuse(refusal: Refusal, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response(refusal.status_line, [*refusal.headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [refusal.body]
