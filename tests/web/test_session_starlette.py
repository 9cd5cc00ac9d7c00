"""Starlette's own users switch by changing one line; WebSockets and streams through a real server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as SignedCookies
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from modkit_redis.contract import SessionToken
from modkit_redis.web import SessionCookie
from modkit_redis.web.asgi import SessionMiddleware
from tests.session_faults import QUICK
from tests.session_stores import AsyncSessions, AsyncSessionStores, Traces
from tests.support import wait_until
from tests.web.serving import http_client, serving_asgi
from tests.web.test_session_races import warnings

PLAIN = SessionCookie.for_development()


async def login(request: Request) -> Response:
    request.session["user"] = (await request.body()).decode()
    request.session.setdefault("visits", 0)
    return RedirectResponse("/", status_code=303)


async def home(request: Request) -> Response:
    if "user" not in request.session:
        return PlainTextResponse("who are you?", status_code=401)
    request.session["visits"] += 1
    return JSONResponse(dict(request.session))


async def logout(request: Request) -> Response:
    request.session.clear()
    return PlainTextResponse("bye")


ROUTES = [
    Route("/login", login, methods=["POST"]),
    Route("/", home),
    Route("/logout", logout),
    Mount("/mounted", routes=[Route("/", home)]),
]


@pytest.fixture
def stores() -> AsyncSessionStores:
    return AsyncSessionStores()


@pytest.fixture
def sessions(stores: AsyncSessionStores, addr: str, prefix: str) -> AsyncSessions:
    return stores.open(addr, prefix, per_user_max=5)


@pytest.mark.parametrize("ours", [False, True])
def test_an_application_for_starlettes_sessions_needs_one_other_line(
    stores: AsyncSessionStores, sessions: AsyncSessions, *, ours: bool
) -> None:
    middleware = (
        Middleware(SessionMiddleware, store=sessions.store, cookie=PLAIN)
        if ours
        else Middleware(SignedCookies, secret_key="not a secret")  # of a test
    )
    app = Starlette(routes=ROUTES, middleware=[middleware])

    with serving_asgi(app, stores.aclose) as url, http_client(url) as client:
        seen = [
            client.get("/").status_code,
            client.post("/login", content="ada").headers["location"],
            client.get("/").json(),
            client.get("/mounted/").json(),
            client.get("/logout").text,
            client.get("/").status_code,
        ]

    assert seen == [401, "/", {"user": "ada", "visits": 1}, {"user": "ada", "visits": 2}, "bye", 401]


@pytest.fixture
def new_app(stores: AsyncSessionStores) -> Callable[..., Any]:
    def new_app(sessions: AsyncSessions, *routes: Any) -> Any:
        middleware = Middleware(SessionMiddleware, store=sessions.store, cookie=PLAIN)
        return Starlette(routes=list(routes), middleware=[middleware])

    return new_app


def test_a_websocket_begins_a_session_changes_it_and_ends_it(
    new_app: Callable[..., Any], stores: AsyncSessionStores, sessions: AsyncSessions, traces: Traces
) -> None:
    async def socket(websocket: WebSocket) -> None:
        websocket.session["n"] = 1
        await websocket.accept()
        async for text in websocket.iter_text():
            session: Any = websocket.session
            if text == "end":
                session.destroy()
            else:
                session["n"] = int(text)
            await session.save()
            await websocket.send_text("saved")

    app = new_app(sessions, WebSocketRoute("/ws", socket))
    with serving_asgi(app, stores.aclose) as url:
        with connect(url.replace("http", "ws") + "/ws") as websocket:
            assert websocket.response is not None
            line = websocket.response.headers["Set-Cookie"]
            token = SessionToken(line.partition("=")[2].partition(";")[0])
            began = traces.values(token.handle)
            websocket.send("2")
            websocket.recv(5)
            changed = traces.values(token.handle)
        cookie = {"Cookie": f"session={token}"}
        with connect(url.replace("http", "ws") + "/ws", additional_headers=cookie) as websocket:
            assert websocket.response is not None
            assert "Set-Cookie" not in websocket.response.headers
            websocket.send("end")
            websocket.recv(5)

    assert (began, changed) == ({"n": b"1"}, {"n": b"2"})
    assert traces.handles() == set()


def test_a_websocket_is_refused_by_503_while_redis_is_away(
    new_app: Callable[..., Any], stores: AsyncSessionStores, closed_port: str
) -> None:
    async def socket(websocket: WebSocket) -> None:
        websocket.session["n"] = 1
        await websocket.accept()
        await websocket.receive_text()

    app = new_app(stores.open(closed_port, "shop", QUICK), WebSocketRoute("/ws", socket))
    with (
        serving_asgi(app, stores.aclose) as url,
        pytest.raises(InvalidStatus) as caught,
        connect(url.replace("http", "ws") + "/ws"),
    ):
        pass

    assert caught.value.response.status_code == 503
    assert caught.value.response.headers["Retry-After"] == "5"


def test_server_sent_events_save_themselves_until_the_client_goes_away(
    new_app: Callable[..., Any],
    stores: AsyncSessionStores,
    sessions: AsyncSessions,
    traces: Traces,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def events(request: Request) -> Response:
        session: Any = request.session
        session["n"] = 0

        async def parts() -> AsyncIterator[str]:
            while True:
                session["n"] += 1
                await session.save()
                session["unsaved"] = 1
                yield f"data: {session['n']}\n\n"
                del session["unsaved"]
                await asyncio.sleep(0.005)

        return StreamingResponse(parts(), media_type="text/event-stream")

    app = new_app(sessions, Route("/", events))
    with serving_asgi(app, stores.aclose) as url, http_client(url) as client:
        with client.stream("GET", "/") as response:
            token = SessionToken(response.cookies["session"])
            read(response.iter_lines(), "data: 3")
        wait_until(lambda: not traces.values(token.handle).get("unsaved"), "the stream has ended")

    assert int(traces.values(token.handle)["n"]) >= 3
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


def read(lines: Iterator[str], wanted: str) -> None:
    for line in lines:
        if line == wanted:
            return
    raise AssertionError(wanted)


@pytest.mark.parametrize("saves", [True, False])
def test_a_background_task_saves_itself(
    new_app: Callable[..., Any],
    stores: AsyncSessionStores,
    sessions: AsyncSessions,
    traces: Traces,
    caplog: pytest.LogCaptureFixture,
    *,
    saves: bool,
) -> None:
    async def act(request: Request) -> Response:
        session: Any = request.session
        session["n"] = 1

        async def later() -> None:
            session["n"] = 2
            if saves:
                await session.save()

        return PlainTextResponse("done", background=BackgroundTask(later))

    app = new_app(sessions, Route("/", act))
    with serving_asgi(app, stores.aclose) as url, http_client(url) as client:
        token = SessionToken(client.get("/").cookies["session"])

    assert traces.values(token.handle) == {"n": b"2" if saves else b"1"}
    assert len(warnings(caplog)) == (not saves)


def test_an_answer_of_an_exception_handler_is_saved_by_its_status(
    new_app: Callable[..., Any], stores: AsyncSessionStores, sessions: AsyncSessions, traces: Traces
) -> None:
    async def missing(request: Request) -> Response:
        request.session["seen"] = 1
        raise KeyError

    async def handler(request: Request, error: Exception) -> Response:
        return PlainTextResponse("not found", status_code=404)

    app = new_app(sessions, Route("/", missing))
    app.add_exception_handler(KeyError, handler)
    with serving_asgi(app, stores.aclose) as url, http_client(url) as client:
        answer = client.get("/")

    assert answer.status_code == 404
    assert traces.values(SessionToken(answer.cookies["session"]).handle) == {"seen": b"1"}
