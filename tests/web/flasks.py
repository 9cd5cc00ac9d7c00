"""Flask applications with sessions for tests, behind a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
from flask import Flask

from modkit_redis.contract import SessionStore
from modkit_redis.web.cookies import SessionCookie
from modkit_redis.web.flask import RedisSessionInterface
from tests.web.serving import serving_wsgi

COOKIE: Final = SessionCookie.for_development()
NAME: Final = COOKIE.name


def app_with(
    store: SessionStore | Callable[[], SessionStore], cookie: SessionCookie | None = COOKIE, **views: Any
) -> Flask:
    """Return an application whose views are named by their paths."""
    app = Flask("app")
    app.session_interface = RedisSessionInterface(store=store, cookie=cookie)
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view, methods=["GET", "POST"])
    return app


@contextmanager
def served(app: Flask) -> Iterator[httpx.Client]:
    """Serve *app*, and give a client that keeps its cookies."""
    with serving_wsgi(app) as url, httpx.Client(base_url=url, timeout=10) as client:
        yield client


def set_cookies(answer: httpx.Response) -> list[str]:
    """Return what an answer sets."""
    return answer.headers.get_list("Set-Cookie")
