"""The contenders in FastAPI: dependencies of a route."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from dependency_injector import containers
from fastapi import Depends, FastAPI, Request, Response

from benchmarks.web import starlettes
from benchmarks.web.contender import ABSOLUTE_S, DATA, IDLE_S, LIMIT, Contender, Row
from modkit_redis import AsyncRedisBundle, mount
from modkit_redis.web import client_address
from modkit_redis.web.asgi import SessionMiddleware
from modkit_redis.web.fastapi import RateLimit, current_session, install, lifespan


async def _bare() -> dict[str, Any]:
    return DATA


def _route(row: Row, session: Callable[..., Any]) -> Callable[..., Any]:
    async def read(session: Any = Depends(session)) -> dict[str, Any]:
        return dict(session)

    async def write(session: Any = Depends(session)) -> dict[str, Any]:
        session["seen"] += 1
        return {"seen": session["seen"]}

    return {Row.WRITE: write, Row.READ: read, Row.BOTH: read}.get(row, _bare)


def _begin(session: Callable[..., Any]) -> Callable[..., Any]:
    async def begin(session: Any = Depends(session)) -> dict[str, Any]:
        session.update(DATA)
        return {}

    return begin


class Bare(starlettes.Bare):
    """FastAPI alone."""

    distributions: ClassVar[Sequence[str]] = ("fastapi",)

    def app(self, row: Row) -> Any:
        """Return the route alone."""
        app = FastAPI()
        app.get("/")(_bare)
        return app


class Ours:
    """modkit-redis."""

    distributions: ClassVar[Sequence[str]] = ("modkit-redis",)
    configured: ClassVar[str] = (
        "web.fastapi.RateLimit and current_session, both resolved through a wired container; install(app); "
        "SessionMiddleware where there is a session"
    )
    rows: ClassVar[Sequence[Row]] = (Row.READ, Row.WRITE, Row.LIMIT, Row.BOTH)

    def __init__(self, addr: str) -> None:
        ttls = {"idle_ttl": f"{IDLE_S}s", "absolute_ttl": f"{ABSOLUTE_S}s"}

        class App(containers.DeclarativeContainer):
            redis = mount(AsyncRedisBundle, config={"addr": addr, "session": ttls})

        self._app = App

    def app(self, row: Row) -> Any:
        """Return it with what the row needs."""
        container = self._app()
        app = FastAPI(lifespan=lifespan(container, modules=[__name__]))
        install(app)
        if row is not Row.LIMIT:
            app.add_middleware(SessionMiddleware, store=container.redis.session.store)
            app.get("/begin")(_begin(current_session))
        limited = [Depends(RateLimit(f"all={LIMIT}", by=client_address()))] if _is_limited(row) else []
        app.get("/", dependencies=limited)(_route(row, current_session))
        return app

    def close(self) -> None:
        """Leave it to the lifespans."""


class Slowapi:
    """slowapi."""

    distributions: ClassVar[Sequence[str]] = ("slowapi",)
    configured: ClassVar[str] = "the same limiter, as the decorator of a route"
    rows: ClassVar[Sequence[Row]] = (Row.LIMIT,)

    def __init__(self, addr: str) -> None:
        self._addr = addr

    def app(self, row: Row) -> Any:
        """Return it with its decorator."""

        async def limited(request: Request, response: Response) -> dict[str, Any]:
            return DATA

        app, limiter = FastAPI(), starlettes.limiter(self._addr)
        app.state.limiter = limiter
        app.get("/")(limiter.limit(LIMIT)(limited))
        return app

    def close(self) -> None:
        """Leave it to the collector, as it does itself."""


class FastapiRedisSdk:
    """fastapi-redis-sdk."""

    distributions: ClassVar[Sequence[str]] = ("fastapi-redis-sdk",)
    configured: ClassVar[str] = (
        "FastAPIRedis(app).lifespan(), sessions() and get_session, rate_limiting() and rate_limit(…); it "
        "sends X-RateLimit-*, its default. Its default is to prolong a session at each request"
    )
    rows: ClassVar[Sequence[Row]] = (Row.READ, Row.WRITE, Row.LIMIT, Row.BOTH)

    def __init__(self, addr: str) -> None:
        self._package: Any = importlib.import_module("redis_fastapi")
        os.environ["REDIS_URL"] = f"redis://{addr}/0"
        self._package.get_settings()  # which keeps them
        del os.environ["REDIS_URL"]

    def app(self, row: Row) -> Any:
        """Return it with what the row needs."""
        app, package = FastAPI(), self._package
        built = package.FastAPIRedis(app).lifespan()
        if row is not Row.LIMIT:
            built.sessions(idle_ttl=IDLE_S, absolute_ttl=ABSOLUTE_S)
            app.get("/begin")(_begin(package.get_session))
        if _is_limited(row):
            built.rate_limiting()
        limited = [Depends(package.rate_limit(LIMIT))] if _is_limited(row) else []
        app.get("/", dependencies=limited)(_route(row, package.get_session))
        return app

    def close(self) -> None:
        """Leave it to the lifespans."""


def _is_limited(row: Row) -> bool:
    return row in (Row.LIMIT, Row.BOTH)


CONTENDERS: tuple[type[Contender], ...] = (Bare, Ours, Slowapi, FastapiRedisSdk)
