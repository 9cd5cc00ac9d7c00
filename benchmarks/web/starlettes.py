"""The contenders in Starlette: middleware around a route."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

import redis.asyncio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.installed import endpoint
from benchmarks.web.contender import ABSOLUTE_S, DATA, IDLE_S, LIMIT, Contender, Row
from modkit_redis import AsyncRedisBundle
from modkit_redis.web import client_address
from modkit_redis.web.asgi import RateLimitMiddleware, SessionMiddleware
from modkit_redis.web.starlette import lifespan

Endpoint = Callable[[Request], Awaitable[Response]]


async def _bare(_: Request) -> Response:
    return JSONResponse(DATA)


async def _begin(request: Request) -> Response:
    request.session.update(DATA)
    return JSONResponse({})


async def _read(request: Request) -> Response:
    return JSONResponse(dict(request.session))


async def _write(request: Request) -> Response:
    session = request.session
    session["seen"] += 1
    return JSONResponse({"seen": session["seen"]})


ENDPOINTS: dict[Row, Endpoint] = {
    Row.BARE: _bare,
    Row.READ: _read,
    Row.WRITE: _write,
    Row.LIMIT: _bare,
    Row.BOTH: _read,
}


def routes(row: Row, around: Callable[[Endpoint], Endpoint] = lambda endpoint: endpoint) -> list[Route]:
    """Return both routes."""
    return [Route("/begin", around(_begin)), Route("/", around(ENDPOINTS[row]))]


class Bare:
    """Starlette alone."""

    distributions: ClassVar[Sequence[str]] = ("starlette",)
    configured: ClassVar[str] = "one route that answers the same"
    rows: ClassVar[Sequence[Row]] = (Row.BARE,)

    def __init__(self, addr: str) -> None:
        """Need nothing."""

    def app(self, row: Row) -> Any:
        """Return the route alone."""
        return Starlette(routes=routes(row))

    def close(self) -> None:
        """Have nothing to close."""


class Ours:
    """modkit-redis."""

    distributions: ClassVar[Sequence[str]] = ("modkit-redis",)
    configured: ClassVar[str] = (
        "web.asgi.SessionMiddleware and RateLimitMiddleware with providers of an AsyncRedisBundle; all other "
        "settings as they are by default"
    )
    rows: ClassVar[Sequence[Row]] = (Row.READ, Row.WRITE, Row.LIMIT, Row.BOTH)

    def __init__(self, addr: str) -> None:
        self._config = {
            "addr": addr,
            "session": {"idle_ttl": f"{IDLE_S}s", "absolute_ttl": f"{ABSOLUTE_S}s"},
        }

    def app(self, row: Row) -> Any:
        """Return it with the middleware that the row needs."""
        bundle = AsyncRedisBundle(config=self._config)
        stack = []
        if row in (Row.LIMIT, Row.BOTH):
            limited: dict[str, Any] = {"identify": client_address(), "limit": f"all={LIMIT}"}
            stack.append(Middleware(RateLimitMiddleware, store=bundle.ratelimit.store, **limited))
        if row is not Row.LIMIT:
            stack.append(Middleware(SessionMiddleware, store=bundle.session.store))
        return Starlette(routes=routes(row), middleware=stack, lifespan=lifespan(bundle))

    def close(self) -> None:
        """Leave it to the lifespans."""


class Starsessions:
    """starsessions."""

    distributions: ClassVar[Sequence[str]] = ("starsessions",)
    configured: ClassVar[str] = (
        "SessionMiddleware(rolling=True) on RedisStore(connection=redis.asyncio.Redis(…)); load_session() in "
        "the route, which costs less than its second middleware. It stores each session that was loaded"
    )
    rows: ClassVar[Sequence[Row]] = (Row.READ, Row.WRITE)

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.asyncio.Redis(host=host, port=port)

    def app(self, row: Row) -> Any:
        """Return it with its middleware."""
        return Starlette(routes=routes(row, loading()), middleware=[sessions(self._client)])

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


class Slowapi:
    """slowapi."""

    distributions: ClassVar[Sequence[str]] = ("slowapi",)
    configured: ClassVar[str] = (
        "SlowAPIASGIMiddleware, Limiter(get_remote_address, default_limits=[…], headers_enabled=True, "
        "storage_uri='redis://…'); it asks with the sync client, and all other requests wait meanwhile"
    )
    rows: ClassVar[Sequence[Row]] = (Row.LIMIT,)

    def __init__(self, addr: str) -> None:
        self._addr = addr

    def app(self, row: Row) -> Any:
        """Return it with its middleware."""
        found = Starlette(routes=routes(row), middleware=[slow()])
        found.state.limiter = limiter(self._addr)
        return found

    def close(self) -> None:
        """Leave it to the collector, as it does itself."""


class StarsessionsSlowapi(Starsessions):
    """Both together."""

    distributions: ClassVar[Sequence[str]] = ("starsessions", "slowapi")
    configured: ClassVar[str] = "both of them, slowapi's middleware outside"
    rows: ClassVar[Sequence[Row]] = (Row.BOTH,)

    def __init__(self, addr: str) -> None:
        super().__init__(addr)
        self._addr = addr

    def app(self, row: Row) -> Any:
        """Return it with both."""
        found = Starlette(routes=routes(row, loading()), middleware=[slow(), sessions(self._client)])
        found.state.limiter = limiter(self._addr)
        return found


def loading() -> Callable[[Endpoint], Endpoint]:
    """Return what has starsessions load a session before an endpoint."""
    load_session: Any = importlib.import_module("starsessions").load_session

    def around(endpoint: Endpoint) -> Endpoint:
        async def loaded(request: Request) -> Response:
            await load_session(request)
            return await endpoint(request)

        loaded.__name__ = endpoint.__name__
        return loaded

    return around


def sessions(client: redis.asyncio.Redis) -> Middleware:
    """Return the middleware of starsessions."""
    middleware: Any = importlib.import_module("starsessions").SessionMiddleware
    store: Any = importlib.import_module("starsessions.stores.redis").RedisStore(connection=client)
    return Middleware(middleware, store=store, lifetime=IDLE_S, rolling=True)


def slow() -> Middleware:
    """Return the middleware of slowapi."""
    return Middleware(importlib.import_module("slowapi.middleware").SlowAPIASGIMiddleware)


def limiter(addr: str) -> Any:
    """Return slowapi's limiter."""
    package: Any = importlib.import_module("slowapi")
    address: Any = importlib.import_module("slowapi.util").get_remote_address
    return package.Limiter(
        address, default_limits=[LIMIT], headers_enabled=True, storage_uri=f"redis://{addr}"
    )


CONTENDERS: tuple[type[Contender], ...] = (Bare, Ours, Starsessions, Slowapi, StarsessionsSlowapi)
