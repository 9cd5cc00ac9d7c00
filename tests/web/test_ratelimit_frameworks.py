"""The middlewares in frameworks, as their users write it."""

from __future__ import annotations

import flask
import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from modkit_redis import AsyncRedisBundle, RedisBundle
from modkit_redis.web import asgi, client_address, wsgi
from tests.web.structured import read_list

PATHS = ("/", "/missing", "/sub/deep", "/")
EXPECTED = [200, 404, 200, 429]


async def test_starlette_takes_it_as_middleware(addr: str, prefix: str) -> None:
    async def home(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.scope["modkit_redis.ratelimit"].states[0].limit.name)

    async def missing(request: Request) -> PlainTextResponse:
        raise HTTPException(404)

    routes = [Route("/", home), Route("/missing", missing), Mount("/sub", routes=[Route("/deep", home)])]
    bundle = AsyncRedisBundle(config={"addr": addr, "key_prefix": prefix, "ratelimit": {"limit": "3/hour"}})
    app = Starlette(routes=routes)
    app.add_middleware(
        asgi.RateLimitMiddleware, store=bundle.ratelimit.store, identify=client_address(), limit="a=3/hour"
    )
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        got = [await client.get(path) for path in PATHS]
    await bundle.shutdown_resources()

    _check(got)
    assert got[0].text == "a"


def test_flask_takes_it_as_wsgi_application(addr: str, prefix: str) -> None:
    app = flask.Flask(__name__)
    app.add_url_rule(
        "/", "home", lambda: flask.request.environ["modkit_redis.ratelimit"].states[0].limit.name
    )
    app.add_url_rule("/sub/deep", "deep", lambda: "deep")
    bundle = RedisBundle(config={"addr": addr, "key_prefix": prefix, "ratelimit": {"limit": "3/hour"}})
    app.wsgi_app = wsgi.RateLimitMiddleware(  # type: ignore[method-assign]  # as Flask's documentation has it
        app.wsgi_app, store=bundle.ratelimit.store, identify=client_address(), limit="a=3/hour"
    )
    transport = httpx.WSGITransport(app, remote_addr="192.0.2.1")
    with httpx.Client(transport=transport, base_url="http://shop") as client:
        got = [client.get(path) for path in PATHS]
    bundle.shutdown_resources()

    _check(got)
    assert got[0].text == "a"


def _check(got: list[httpx.Response]) -> None:
    assert [each.status_code for each in got] == EXPECTED
    assert [read_list(each.headers["ratelimit"])["a"]["r"] for each in got] == [2, 1, 0, 0]
