"""The contenders in Flask: its session, and a limit on the application."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import redis
from flask import Flask, session

from benchmarks.installed import endpoint
from benchmarks.web.contender import ABSOLUTE_S, DATA, IDLE_S, LIMIT, Contender, Row
from modkit_redis import RedisBundle
from modkit_redis.web import SessionCookie, client_address
from modkit_redis.web.flask import RateLimits, RedisSessionInterface


def _bare() -> dict[str, Any]:
    return DATA


def _begin() -> dict[str, Any]:
    session.update(DATA)
    return {}


def _read() -> dict[str, Any]:
    return {key: value for key, value in session.items() if not key.startswith("_")}


def _write() -> dict[str, Any]:
    session["seen"] += 1
    return {"seen": session["seen"]}


VIEWS: dict[Row, Callable[[], dict[str, Any]]] = {
    Row.BARE: _bare,
    Row.READ: _read,
    Row.WRITE: _write,
    Row.LIMIT: _bare,
    Row.BOTH: _read,
}


def flask_app(row: Row) -> Flask:
    """Return an application with both routes."""
    app = Flask("bench")
    app.get("/begin")(_begin)
    app.get("/")(VIEWS[row])
    return app


class Bare:
    """Flask alone."""

    distributions: ClassVar[Sequence[str]] = ("flask",)
    configured: ClassVar[str] = "one view that answers the same; its own session is not looked at"
    rows: ClassVar[Sequence[Row]] = (Row.BARE,)

    def __init__(self, addr: str) -> None:
        """Need nothing."""

    def app(self, row: Row) -> Any:
        """Return the view alone."""
        return flask_app(row)

    def close(self) -> None:
        """Have nothing to close."""


class Ours:
    """modkit-redis."""

    distributions: ClassVar[Sequence[str]] = ("modkit-redis",)
    configured: ClassVar[str] = (
        "web.flask.RedisSessionInterface and RateLimits(app) with providers of a RedisBundle"
    )
    rows: ClassVar[Sequence[Row]] = (Row.READ, Row.WRITE, Row.LIMIT, Row.BOTH)

    def __init__(self, addr: str) -> None:
        ttls = {"idle_ttl": f"{IDLE_S}s", "absolute_ttl": f"{ABSOLUTE_S}s"}
        self._bundle = RedisBundle(config={"addr": addr, "session": ttls})

    def app(self, row: Row) -> Any:
        """Return it with what the row needs."""
        app = flask_app(row)
        if row is not Row.LIMIT:
            app.session_interface = RedisSessionInterface(
                store=self._bundle.session.store, cookie=SessionCookie()
            )
        if row in (Row.LIMIT, Row.BOTH):
            limiter = self._bundle.ratelimit.store
            RateLimits(app, store=limiter, identify=client_address(), limit=f"all={LIMIT}")
        return app

    def close(self) -> None:
        """Close its connections."""
        self._bundle.shutdown_resources()


class FlaskSession:
    """Flask-Session."""

    distributions: ClassVar[Sequence[str]] = ("Flask-Session",)
    configured: ClassVar[str] = "SESSION_TYPE=redis, SESSION_REDIS=redis.Redis(…); msgpack, its default"
    rows: ClassVar[Sequence[Row]] = (Row.READ, Row.WRITE)

    def __init__(self, addr: str) -> None:
        self._addr = addr
        host, port = endpoint(addr)
        self._client = redis.Redis(host=host, port=port)

    def app(self, row: Row) -> Any:
        """Return it with its session."""
        app = flask_app(row)
        app.config.update(SESSION_TYPE="redis", SESSION_REDIS=self._client, PERMANENT_SESSION_LIFETIME=IDLE_S)
        importlib.import_module("flask_session").Session(app)
        return app

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


class FlaskLimiter:
    """Flask-Limiter."""

    distributions: ClassVar[Sequence[str]] = ("Flask-Limiter",)
    configured: ClassVar[str] = (
        "Limiter(get_remote_address, default_limits=[…], headers_enabled=True, storage_uri='redis://…')"
    )
    rows: ClassVar[Sequence[Row]] = (Row.LIMIT,)

    def __init__(self, addr: str) -> None:
        self._addr = addr

    def app(self, row: Row) -> Any:
        """Return it with its limiter."""
        app = flask_app(row)
        limit(app, self._addr)
        return app

    def close(self) -> None:
        """Leave it to the collector, as it does itself."""


class FlaskSessionLimiter(FlaskSession):
    """Both together."""

    distributions: ClassVar[Sequence[str]] = ("Flask-Session", "Flask-Limiter")
    configured: ClassVar[str] = "both of them"
    rows: ClassVar[Sequence[Row]] = (Row.BOTH,)

    def app(self, row: Row) -> Any:
        """Return it with both."""
        app = super().app(row)
        limit(app, self._addr)
        return app


def limit(app: Flask, addr: str) -> None:
    """Have Flask-Limiter limit *app*."""
    package: Any = importlib.import_module("flask_limiter")
    address: Any = importlib.import_module("flask_limiter.util").get_remote_address
    uri = f"redis://{addr}"
    package.Limiter(address, app=app, default_limits=[LIMIT], headers_enabled=True, storage_uri=uri)


CONTENDERS: tuple[type[Contender], ...] = (Bare, Ours, FlaskSession, FlaskLimiter, FlaskSessionLimiter)
