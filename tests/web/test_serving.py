"""What the tests of the web layer are served by, serves, ends, and leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpx
import pytest

from tests.web.serving import serving_asgi, serving_wsgi


async def asgi_app(scope: dict[str, Any], receive: Any, send: Callable[..., Awaitable[None]]) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


def test_each_serves_and_ends_with_what_it_is_to_close() -> None:
    threads, closed = threading.active_count(), []

    async def close() -> None:
        closed.append("asgi")

    with serving_asgi(asgi_app, close) as url, httpx.Client() as client:
        assert client.get(f"{url}/there").text == "/there"
    with serving_wsgi(wsgi_app, lambda: closed.append("wsgi")) as url, httpx.Client() as client:
        assert client.get(f"{url}/there").text == "/there"

    assert closed == ["asgi", "wsgi"]
    assert threading.active_count() == threads
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
