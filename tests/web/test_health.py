"""Liveness never asks Redis; readiness asks within a bound of its own, and tells nothing but yes or no."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from modkit_redis import AsyncRedisBundle, RedisBundle
from modkit_redis.contract import ArgumentError
from modkit_redis.testing import EmbeddedServer, ServerWatch
from modkit_redis.web import asgi, wsgi
from modkit_redis.web.fastapi import health_routes
from modkit_redis.web.health import AsyncReadiness, HealthPaths, Readiness
from tests.web.applications import NewContainer, calling, settings
from tests.web.serving import serving_asgi, serving_wsgi

LIVE, READY = "/health/live", "/health/ready"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer everything."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the application's"})


def wsgi_application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"the application's"]


def facts(answer: httpx.Response) -> tuple[int, Any, str, str]:
    return answer.status_code, answer.json(), answer.headers["content-type"], answer.headers["cache-control"]


OK = (200, {"status": "ok"}, "application/json", "no-store")
UNAVAILABLE = (503, {"status": "unavailable"}, "application/json", "no-store")


async def test_both_are_answered_behind_asgi_and_as_routes(container: Any) -> None:
    readiness = AsyncReadiness(container.redis.client)
    app = FastAPI()
    app.include_router(health_routes(readiness))

    for each in (asgi.HealthMiddleware(application, readiness=readiness), app):
        async with calling(each) as client:
            live, ready, head = await client.get(LIVE), await client.get(READY), await client.head(READY)
            posted = await client.post(READY)
        assert (facts(live), facts(ready)) == (OK, OK)
        assert (head.status_code, head.content) == (200, b"")
        assert (posted.status_code, set(posted.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    assert app.openapi()["paths"] == {}


def test_both_are_answered_behind_wsgi(addr: str, prefix: str) -> None:
    bundle = RedisBundle(config=settings(addr, prefix))
    app = wsgi.HealthMiddleware(wsgi_application, readiness=Readiness(bundle.client))

    with serving_wsgi(app, bundle.shutdown_resources) as url, httpx.Client(base_url=url) as client:
        live, ready, head = client.get(LIVE), client.get(READY), client.head(READY)
        posted, other = client.post(READY), client.get("/")

    assert (facts(live), facts(ready)) == (OK, OK)
    assert (head.status_code, head.headers["content-length"]) == (200, "16")
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
    assert other.text == "the application's"


async def test_an_answer_to_head_has_no_body_whatever_server_sends_it(container: Any) -> None:
    app = asgi.HealthMiddleware(application, readiness=AsyncReadiness(container.redis.client))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": "HEAD", "path": LIVE}, None, send)

    assert sent[1] == {"type": "http.response.body", "body": b""}


async def test_a_path_that_was_left_out_is_not_the_root_of_a_mounted_application(container: Any) -> None:
    readiness = AsyncReadiness(container.redis.client)
    app = asgi.HealthMiddleware(application, readiness=readiness, paths=HealthPaths(live=""))
    transport = httpx.ASGITransport(app, root_path="/api")

    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        answer = await client.get("/api")

    assert answer.text == "the application's"


async def test_everything_else_is_the_applications(container: Any) -> None:
    app = asgi.HealthMiddleware(application, readiness=AsyncReadiness(container.redis.client))

    async with calling(app) as client:
        answers = [await client.get(each) for each in ("/", "/health", f"{LIVE}/", f"/api{LIVE}")]

    assert [each.text for each in answers] == ["the application's"] * 4


async def test_a_mounted_application_is_asked_below_its_own_path(container: Any) -> None:
    app = asgi.HealthMiddleware(application, readiness=AsyncReadiness(container.redis.client))
    transport = httpx.ASGITransport(app, root_path="/api")

    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        answer = await client.get(f"/api{LIVE}")

    assert facts(answer) == OK


@pytest.mark.parametrize("root", ["/h", "/healt"])
async def test_a_path_that_only_begins_like_that_of_the_application_is_not_below_it(
    container: Any, root: str
) -> None:
    app = asgi.HealthMiddleware(application, readiness=AsyncReadiness(container.redis.client))
    transport = httpx.ASGITransport(app, root_path=root)

    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        answer = await client.get(LIVE)

    assert facts(answer) == OK


async def test_the_lifespan_and_websockets_are_passed_on() -> None:
    passed: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    middleware = asgi.HealthMiddleware(app, readiness=AsyncReadiness(lambda: pytest.fail("asked")))
    await middleware({"type": "lifespan"}, None, None)
    await middleware({"type": "websocket", "path": LIVE}, None, None)

    assert passed == ["lifespan", "websocket"]


async def test_liveness_sends_no_command_and_readiness_one(
    private_server: EmbeddedServer, new_container: NewContainer, prefix: str
) -> None:
    readiness = AsyncReadiness(new_container(addr=private_server.addr, ping_timeout="5s").redis.client)
    await readiness.check()
    app = asgi.HealthMiddleware(application, readiness=readiness)

    with ServerWatch(private_server.addr, client_name=prefix) as watch:
        async with calling(app) as client:
            await client.get(LIVE)
            for_live = watch.commands()
            await client.get(READY)
            for_ready = watch.commands()

    assert (for_live, for_ready) == ([], ["PING"])


async def test_without_redis_it_is_alive_and_not_ready_until_redis_is_back(
    new_container: NewContainer, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedServer() as server:
        port = server.port
        readiness = AsyncReadiness(new_container(addr=server.addr).redis.client)
        app = asgi.HealthMiddleware(application, readiness=readiness)
        async with calling(app) as client:
            before = await client.get(READY)
            server.kill()
            during, live = await client.get(READY), await client.get(LIVE)
            server.start(port)
            after = await client.get(READY)

    assert (facts(before), facts(during), facts(live), facts(after)) == (OK, UNAVAILABLE, OK, OK)
    [told] = [each for each in caplog.records if each.name == "modkit_redis.web"]
    assert told.levelno == logging.WARNING
    assert re.fullmatch(r"not ready: .*: Redis is unavailable \(.*\)", told.getMessage())


async def test_a_server_that_hangs_is_waited_for_no_longer_than_the_bound(
    private_server: EmbeddedServer, new_container: NewContainer
) -> None:
    container = new_container(addr=private_server.addr, read_timeout="60s", pool_timeout="60s")
    readiness = AsyncReadiness(container.redis.client, timeout=0.1)
    await readiness.check()

    with private_server.frozen():
        began = time.monotonic()
        answer = await readiness.check()
        took = time.monotonic() - began

    assert (answer.status, json.loads(answer.body)) == (503, {"status": "unavailable"})
    assert took < 5


def test_threads_are_told_the_same(private_server: EmbeddedServer, prefix: str) -> None:
    bundle = RedisBundle(config=settings(private_server.addr, prefix))
    readiness = Readiness(bundle.client, timeout=5)

    before = readiness.check()
    private_server.kill()
    after = readiness.check()

    bundle.shutdown_resources()
    assert (before.status, after.status_line) == (200, "503 Service Unavailable")


@pytest.mark.parametrize("config", [None, {"addr": "localhost:1", "password": "hunter2"}])
async def test_whatever_is_wrong_the_answer_says_nothing_of_it(
    config: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = AsyncRedisBundle(config=config)

    answer = await AsyncReadiness(bundle.client).check()

    await bundle.shutdown_resources()
    assert (answer.status, answer.body) == (503, b'{"status": "unavailable"}')
    assert "hunter2" not in caplog.text


async def test_who_drains_is_alive_and_not_ready_and_asks_no_more(container: Any) -> None:
    asked: list[int] = []

    def client() -> Any:
        asked.append(1)
        return container.redis.client()

    readiness = AsyncReadiness(client)
    app = asgi.HealthMiddleware(application, readiness=readiness)

    async with calling(app) as caller:
        readiness.drain()
        ready, live = await caller.get(READY), await caller.get(LIVE)

    assert (ready.status_code, ready.json(), live.status_code) == (503, {"status": "draining"}, 200)
    assert readiness.is_draining and asked == []


def test_threads_drain_as_well(addr: str, prefix: str) -> None:
    bundle = RedisBundle(config=settings(addr, prefix))
    readiness = Readiness(bundle.client)

    readiness.drain()

    assert readiness.check().body == b'{"status": "draining"}'
    bundle.shutdown_resources()


async def test_paths_can_be_others_or_left_out(container: Any) -> None:
    readiness = AsyncReadiness(container.redis.client)
    paths = HealthPaths(live="", ready="/up")
    app = FastAPI()
    app.include_router(health_routes(readiness, paths=paths))

    for each in (asgi.HealthMiddleware(app, readiness=readiness, paths=paths), app):
        async with calling(each) as client:
            up, live, root = await client.get("/up"), await client.get(LIVE), await client.get("/")
        assert (up.status_code, live.status_code, root.status_code) == (200, 404, 404)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ({"live": "up"}, "live must be a path that begins with '/'"),
        ({"ready": 5}, "ready must be a path that begins with '/'"),
        ({"live": "/up", "ready": "/up"}, "ready must not be the path of live"),
        ({"live": "", "ready": ""}, "ready must not be the path of live, nor can both be left out"),
    ],
)
def test_paths_that_contradict_each_other_are_refused(paths: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        HealthPaths(**paths)


def test_a_bound_that_is_none_is_refused(container: Any) -> None:
    with pytest.raises(ArgumentError, match="timeout must be positive"):
        AsyncReadiness(container.redis.client, timeout=0)


def test_a_real_server_answers(container: Any) -> None:
    readiness = AsyncReadiness(container.redis.client)
    app = asgi.HealthMiddleware(application, readiness=readiness)

    with serving_asgi(app, container.redis.shutdown_resources) as url, httpx.Client(base_url=url) as client:
        ready, head = client.get(READY), client.head(READY)

    assert facts(ready) == OK
    assert (head.status_code, head.headers["content-length"]) == (200, "16")
