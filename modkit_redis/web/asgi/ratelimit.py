"""Rate limits for ASGI applications."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable
from typing import TypeAlias

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import AsyncRateLimitStore, Decision, Limits, Subject
from modkit_redis.web.asgi.types import Application, Message, Receive, Scope, Send
from modkit_redis.web.checking import LIMITER, check_store
from modkit_redis.web.given import AsyncGiven, async_store_of
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

Identify: TypeAlias = Callable[[Scope], Subject | Awaitable[Subject | None] | None]


class RateLimitMiddleware:
    """Refuses requests that are over a limit, and tells others what is left; one round trip a request.

    The decision is ``scope["modkit_redis.ratelimit"]``, and a tuple of all where several middlewares stand.
    Only the start of an HTTP answer is touched: what the application says in ``RateLimit-Policy`` and
    ``RateLimit`` is kept, behind this limit, in one list, and its ``X-RateLimit-*`` and ``Retry-After`` stand
    as they are. A WebSocket that is refused is not accepted.

    What is charged stays charged, whatever becomes of the request. When Redis does not answer, the settings
    decide; what they refuse is answered by 503. Errors that are no outage are raised.
    """

    def __init__(
        self,
        app: Application,
        *,
        store: AsyncGiven[AsyncRateLimitStore],
        identify: Identify,
        limit: Limits | None = None,
        cost: int | Callable[[Scope], int] = 1,
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
            identify: Returns the subject of a scope, as ``client_address()`` does, or ``None`` if it is not
                known; may be a coroutine function.
            limit: The limit, or several, each with a name; those of the settings when omitted.
            cost: What a request costs, or a function of the scope that says so.
            applies: Tells from method and path whether a request is limited; each is when omitted.
                A WebSocket's method is ``GET``. What it leaves out costs no round trip.
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
        check_store(store, LIMITER, is_async=True)
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        is_http = scope["type"] == "http"
        if not (is_http or scope["type"] == "websocket") or not self._limiting.applies_to(
            scope["method"] if is_http else "GET", scope["path"]
        ):
            return await self._app(scope, receive, send)
        decision = await self._decide(scope)
        if decision is None:
            refusal = self._limiting.unknown(_accept(scope))
            added: Headers = []
        else:
            scope[KEY] = with_decision(scope, decision)
            refusal = None if decision.allowed else self._limiting.refusal(decision, _accept(scope))
            added = self._limiting.headers_of(decision) if is_http else []
        if refusal is not None:
            return await (_refuse if is_http else _refuse_websocket)(refusal, scope, receive, send)
        return await self._app(scope, receive, _telling(send, added) if added else send)

    async def _decide(self, scope: Scope) -> Decision | None:
        found = self._identify(scope)
        subject = await found if isawaitable(found) else found
        del found
        if subject is None:
            return None
        if not is_subject(subject):
            del subject  # a traceback with local variables would show it
            raise no_subject("identify")
        store = await async_store_of(self._store)
        asked = store.hit(subject, cost=self._limiting.cost_of(scope), limit=self._limiting.limit)
        del subject  # a traceback with local variables would show it
        try:
            return await asked
        except ArgumentError as error:
            if not is_no_subject(error):
                raise
            return None


def _telling(send: Send, added: Headers) -> Send:
    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": _with(message.get("headers", ()), added)}
        await send(message)

    return telling


def _with(standing: Iterable[tuple[bytes, bytes]], added: Headers) -> list[tuple[bytes, bytes]]:
    texts = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in standing]
    return _encoded(merged(texts, added))


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _accept(scope: Scope) -> str:
    return ",".join([value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"])


async def _refuse(refusal: Refusal, scope: Scope, _: Receive, send: Send) -> None:
    headers = _encoded(refusal.headers)
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else refusal.body
    await send({"type": "http.response.body", "body": body})


async def _refuse_websocket(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if (await receive())["type"] != "websocket.connect":
        return
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    headers = _encoded(refusal.headers)
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": refusal.body})


_POLICY_VIOLATION = 1008
