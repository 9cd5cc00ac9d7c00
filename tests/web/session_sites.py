"""Sites with sessions, behind real servers in either world, and the browsers that visit them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from modkit_redis.contract import SessionToken
from modkit_redis.web import SessionCookie, asgi, wsgi
from tests.session_stores import AsyncSessionStores, Heard, SessionStores
from tests.web.serving import http_client, serving_asgi, serving_wsgi
from tests.web.session_apps import AsgiApp, Gates, Step, WsgiApp

WORLDS = ("asgi", "wsgi")


@dataclass
class Answer:
    """What a browser got.

    Attributes:
        response: All of it.
        set_cookie: The attributes of its one ``Set-Cookie``, in order, or nothing.
    """

    response: httpx.Response
    set_cookie: Sequence[str]

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def out(self) -> dict[str, Any]:
        """What the application saw."""
        found: dict[str, Any] = self.response.json()
        return found

    def header(self, name: str) -> str | None:
        """Return a header; ``None`` if there is none."""
        found: str | None = self.response.headers.get(name)
        return found


@dataclass
class Browser:
    """Keeps one cookie, as browsers do.

    Attributes:
        token: Its value, if it has one.
    """

    client: httpx.Client
    name: str
    token: str | None = None

    def ask(
        self,
        *before: Step,
        after: Sequence[Step] = (),
        status: int = 200,
        headers: Sequence[tuple[str, str]] = (),
        method: str = "POST",
    ) -> Answer:
        """Send a request with the cookie as it is now; keep what comes back."""
        plan = {"before": before, "after": after, "status": status, "headers": headers}
        sent = {} if self.token is None else {"Cookie": f"{self.name}={self.token}"}
        response = self.client.request(method, "/", json=plan, headers=sent)
        lines = response.headers.get_list("set-cookie")
        assert len(lines) <= 1
        parts = lines[0].split("; ") if lines else []
        if parts:
            name, _, value = parts[0].partition("=")
            assert name == self.name
            self.token = value or None
        return Answer(response, parts)

    @property
    def handle(self) -> str:
        """The public handle of its session."""
        assert self.token is not None
        return SessionToken(self.token).handle


@dataclass
class Site:
    """An application with sessions.

    Attributes:
        url: Where it is.
        world: Which of the two serves it.
        heard: What the store tells.
        gates: Where its requests can be held.
        cookie: How its cookie is set.
    """

    url: str
    world: str
    heard: Heard
    gates: Gates
    cookie: SessionCookie
    client: httpx.Client
    pool: ThreadPoolExecutor = field(repr=False)

    def browser(self, token: str | None = None) -> Browser:
        """Return a browser with this cookie."""
        return Browser(self.client, self.cookie.name, token)

    def under_way(self, browser: Browser, *before: Step, **more: Any) -> Future[Answer]:
        """Send a request in a thread of its own; its browser should not be used until it has come back."""
        return self.pool.submit(browser.ask, *before, **more)


@contextmanager
def site(
    world: str,
    addr: str,
    prefix: str,
    *,
    cookie: SessionCookie | None = None,
    client: dict[str, Any] | None = None,
    **settings: Any,
) -> Iterator[Site]:
    """Serve a site of one world."""
    gates, given = Gates(), {"client_name": prefix, **(client or {})}
    if world == "asgi":
        async_stores = AsyncSessionStores()
        made = async_stores.open(addr, prefix, given, **settings)
        app = asgi.SessionMiddleware(AsgiApp(gates), store=made.store, cookie=cookie)
        serving, heard = serving_asgi(app, async_stores.aclose), made.heard
    else:
        stores = SessionStores()
        threaded = stores.open(addr, prefix, given, **settings)
        wrapped = wsgi.SessionMiddleware(WsgiApp(gates), store=threaded.store, cookie=cookie)
        serving, heard = serving_wsgi(wrapped, stores.close), threaded.heard
    with serving as url, http_client(url) as http, ThreadPoolExecutor(4) as pool:
        yield Site(url, world, heard, gates, cookie or SessionCookie(), http, pool)
