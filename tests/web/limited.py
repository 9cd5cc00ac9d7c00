"""Applications behind rate-limit middleware, of both worlds side by side, on real servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias

import httpx
import pytest

from modkit_redis.web import asgi, client_address, wsgi
from tests.caching import Settings
from tests.limiters import AsyncLimiters, Limiters
from tests.web.serving import serving_asgi, serving_wsgi

World: TypeAlias = Literal["asgi", "wsgi"]
WORLDS: Final[tuple[World, ...]] = ("asgi", "wsgi")
both_worlds = pytest.mark.parametrize("world", WORLDS)
KEY: Final = "modkit_redis.ratelimit"


@dataclass
class Answer:
    """What an application answers, and what it has seen."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/plain"),)
    body: bytes = b"served"
    error: Exception | None = None
    seen: list[Any] = field(default_factory=list)

    async def asgi(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Answer as an ASGI application."""
        if scope["type"] == "lifespan":
            for each in ("startup", "shutdown"):
                await receive()
                self.seen.append(each)
                await send({"type": f"lifespan.{each}.complete"})
            return
        self.seen.append(scope.get(KEY))
        if self.error:
            raise self.error
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        self.seen.append(environ.get(KEY))
        if self.error:
            raise self.error
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", list(self.headers))
        return [self.body]


def header_of(name: str) -> Callable[[Mapping[str, Any]], str | None]:
    """Return a function that gives a header of a request of either world."""

    def read(request: Mapping[str, Any]) -> str | None:
        if "headers" in request:
            found = [value for each, value in request["headers"] if each == name.lower().encode()]
            return found[0].decode("latin-1") if found else None
        value: str | None = request.get(f"HTTP_{name.upper().replace('-', '_')}")
        return value

    return read


@dataclass(frozen=True)
class Layer:
    """One middleware: the limiter's settings, how the store is given, and the middleware's arguments."""

    settings: Mapping[str, Any]
    given: Callable[[Any], Any]
    options: Mapping[str, Any]


def layer(
    limits: str | None = None,
    /,
    *,
    settings: Mapping[str, Any] | None = None,
    given: Callable[[Any], Any] = lambda store: store,
    **options: Any,
) -> Layer:
    """Return one whose limit comes from the settings."""
    named = {} if limits is None else {"limit": limits}
    return Layer({**named, **(settings or {})}, given, {"identify": client_address(), **options})


@contextmanager
def limited(
    world: World, addr: str, prefix: str, app: Any, *layers: Layer, client: Settings | None = None
) -> Iterator[httpx.Client]:
    """Serve *app* behind *layers*, the first of which is the outermost, and give a client of it."""
    if world == "asgi":
        async_limiters = AsyncLimiters()
        for each in reversed(layers):
            async_store = async_limiters.open(addr, prefix, client, **each.settings)
            app = asgi.RateLimitMiddleware(app, store=each.given(async_store), **each.options)
        with serving_asgi(app, async_limiters.aclose) as url, httpx.Client(base_url=url) as found:
            yield found
    else:
        limiters = Limiters()
        for each in reversed(layers):
            store = limiters.open(addr, prefix, client, **each.settings)
            app = wsgi.RateLimitMiddleware(app, store=each.given(store), **each.options)
        with serving_wsgi(app, limiters.close) as url, httpx.Client(base_url=url) as found:
            yield found


def of(answer: Answer, world: World) -> Any:
    """Return the application of *world*."""
    return answer.asgi if world == "asgi" else answer.wsgi
