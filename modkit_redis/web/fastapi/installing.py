"""One call for what dependencies cannot do by themselves."""

from __future__ import annotations

from typing import Any, Final, cast

from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket

from modkit_redis.web.fastapi.documenting import document
from modkit_redis.web.fastapi.refusing import RefusedError
from modkit_redis.web.fastapi.telling import LimitHeadersMiddleware


def install(app: FastAPI) -> None:
    """Have *app* answer and document what ``RateLimit`` and ``RequiredSession`` decide; call it once.

    Refusals get bodies that are problem details, the headers of limits are on every response, also on a
    route's own and on errors that are handled, and the OpenAPI document tells of 401, 403 and 429.
    """
    app.add_middleware(LimitHeadersMiddleware)
    app.add_exception_handler(RefusedError, cast(Any, answer))
    document(app)


async def answer(connection: HTTPConnection, error: Any) -> Response | None:
    """Return the response to a request that was refused; refuse a WebSocket before it is accepted."""
    refusal = error.answer
    found = Response(refusal.body, refusal.status)
    for name, value in refusal.headers:
        found.headers[name] = value
    if not isinstance(connection, WebSocket):
        return found
    if "websocket.http.response" in connection.scope.get("extensions", {}):
        await connection.send_denial_response(found)
    else:
        await connection.close(_POLICY_VIOLATION)
    return None


_POLICY_VIOLATION: Final = 1008
