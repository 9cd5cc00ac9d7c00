"""One call for what dependencies cannot do by themselves."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modkit_redis.web.fastapi.documenting import document
from modkit_redis.web.fastapi.refusing import RefusedError
from modkit_redis.web.fastapi.telling import LimitHeadersMiddleware


def install(app: FastAPI) -> None:
    """Have *app* answer and document what ``RateLimit`` and ``RequiredSession`` decide; call it once.

    Refusals get bodies that are problem details, the headers of limits are on every response, also on a
    route's own and on errors that are handled, and the OpenAPI document tells of 401, 403 and 429.
    """
    app.add_middleware(LimitHeadersMiddleware)
    app.add_exception_handler(RefusedError, answer)
    document(app)


async def answer(_: Request, error: Any) -> Response:
    """Return the response to a request that was refused."""
    refusal = error.answer
    found = Response(refusal.body, refusal.status)
    for name, value in refusal.headers:
        found.headers[name] = value
    return found
