"""Requests to applications in this process, without a server or a socket: what is left is their own cost."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import Any

from benchmarks.web.contender import Checker, Row


class AsgiDriver:
    """Calls an ASGI application. A caller is the address of a client, and keeps the cookie of ``begin``."""

    def __init__(self, app: Any, row: Row) -> None:
        self._app, self._row = app, row
        self._cookies: dict[str, str] = {}
        self._checker = Checker()

    async def begin(self, caller: str) -> None:
        """Begin a session, and keep its cookie."""
        _, headers, _ = await self._get("/begin", caller)
        self._cookies[caller] = headers["set-cookie"].partition(";")[0]

    async def visit(self, caller: str) -> bool:
        """Make one request, and return whether the answer is right."""
        return self._checker.check(self._row, caller, *await self._get("/", caller))

    async def _get(self, path: str, caller: str) -> tuple[int, dict[str, str], bytes]:
        messages: list[Any] = []
        asked = False

        async def receive() -> Any:
            nonlocal asked
            if asked:
                await asyncio.get_running_loop().create_future()
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self._app(self._scope(path, caller), receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in messages[0]["headers"]}
        return messages[0]["status"], headers, b"".join([each.get("body", b"") for each in messages[1:]])

    def _scope(self, path: str, caller: str) -> dict[str, Any]:
        headers = [(b"host", b"shop.example"), (b"accept", b"*/*"), (b"user-agent", b"bench")]
        if cookie := self._cookies.get(caller):
            headers.append((b"cookie", cookie.encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "https",
            "server": ("shop.example", 443),
            "client": (caller, 50000),
            "method": "GET",
            "root_path": "",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
        }


class WsgiDriver:
    """The same for a WSGI application."""

    def __init__(self, app: Any, row: Row) -> None:
        self._app, self._row = app, row
        self._cookies: dict[str, str] = {}
        self._checker = Checker()

    def begin(self, caller: str) -> None:
        """Begin a session, and keep its cookie."""
        _, headers, _ = self._get("/begin", caller)
        self._cookies[caller] = headers["set-cookie"].partition(";")[0]

    def visit(self, caller: str) -> bool:
        """Make one request, and return whether the answer is right."""
        return self._checker.check(self._row, caller, *self._get("/", caller))

    def _get(self, path: str, caller: str) -> tuple[int, dict[str, str], bytes]:
        begun: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            begun[:] = [int(status[:3]), {name.lower(): value for name, value in headers}]

        parts = self._app(self._environ(path, caller), start_response)
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
        return begun[0], begun[1], body

    def _environ(self, path: str, caller: str) -> dict[str, Any]:
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "shop.example",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": caller,
            "HTTP_HOST": "shop.example",
            "HTTP_ACCEPT": "*/*",
            "HTTP_USER_AGENT": "bench",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if cookie := self._cookies.get(caller):
            environ["HTTP_COOKIE"] = cookie
        return environ
