"""The example application behind uvicorn, for tests with and without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import httpx

from examples.webapp.application import create_app
from examples.webapp.options import Options
from modkit_redis import RedisSettings
from modkit_redis.contract import Limit
from tests.web.serving import http_client, serving_asgi

QUICK: Final = {
    "query_takes": timedelta(milliseconds=40),
    "limit": Limit(5, timedelta(seconds=5), name="press"),
}
"""What takes its time in the demonstration, made short."""


@contextmanager
def webapp(addr: str, prefix: str, **choices: Any) -> Iterator[str]:
    """Serve the application, and give its URL."""
    redis = RedisSettings.from_env(
        {
            "REDIS_ADDR": addr,
            "REDIS_KEY_PREFIX": prefix,
            "REDIS_CLIENT_NAME": prefix,
            "REDIS_DIAL_TIMEOUT": "1s",
            "REDIS_READ_TIMEOUT": "1s",
        }
    )
    app = create_app(Options(redis=redis, **{**QUICK, **choices}))
    with serving_asgi(app) as url:
        yield url


def visiting(url: str) -> httpx.Client:
    """Return a visitor who takes pages, keeps cookies and follows redirects."""
    client = http_client(url)
    client.headers["Accept"] = "text/html"
    client.follow_redirects = True
    return client


def post(client: httpx.Client, path: str, **fields: str) -> str:
    """Send a form, and return the page that follows."""
    answer = client.post(path, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.text


def said(page: str) -> str:
    """Return what a page says that came of the click before it."""
    found = re.search(r'data-said="([^"]*)"', page)
    assert found
    return found[1]
