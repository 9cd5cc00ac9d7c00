"""A required session lets in who is signed in, and tells others what they have to do."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI, WebSocket
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import HTTPConnection
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from modkit_redis.contract import ArgumentError, AsyncSession, ConfigError
from modkit_redis.testing import EmbeddedServer
from modkit_redis.web import SessionCookie
from modkit_redis.web.asgi import SessionMiddleware
from modkit_redis.web.fastapi import RateLimit, RequiredSession, current_session, install
from modkit_redis.web.recency import SIGNED_IN_AT, is_recent, mark_signed_in, sign_in
from tests.web.applications import NewContainer, calling
from tests.web.serving import serving_asgi

COOKIE = SessionCookie.for_development()
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
Required = Callable[..., RequiredSession]


def app_with(container: Any, required: RequiredSession, *, installed: bool = False) -> FastAPI:
    """Return an application where one signs in, and whose page wants a session."""
    app = FastAPI()
    if installed:
        install(app)
    app.add_middleware(SessionMiddleware, store=container.redis.session.store, cookie=COOKIE)

    @app.post("/sign-in")
    async def sign_in_(session: AsyncSession = Depends(current_session)) -> None:
        sign_in(session, "ada")

    @app.post("/bind")
    async def bind(session: AsyncSession = Depends(current_session)) -> None:
        session.bind("ada")

    @app.post("/own")
    async def own(session: AsyncSession = Depends(current_session)) -> None:
        session["user_id"] = 7
        mark_signed_in(session)

    @app.post("/long-ago")
    async def long_ago(session: AsyncSession = Depends(current_session)) -> None:
        session[SIGNED_IN_AT] = datetime.now(UTC) - timedelta(minutes=11)

    @app.post("/cart")
    async def cart(session: AsyncSession = Depends(current_session)) -> None:
        session["cart"] = ["tea"]

    @app.api_route("/page", methods=["GET", "POST"])
    async def page(session: AsyncSession = Depends(required)) -> str | None:
        return session.user

    return app


async def test_who_is_signed_in_is_let_in(container: Any) -> None:
    async with calling(app_with(container, RequiredSession())) as client:
        await client.post("/sign-in")
        answer = await client.get("/page")

    assert (answer.status_code, answer.json()) == (200, "ada")


@pytest.mark.parametrize(
    "visit", [[], ["/cart"]], ids=["without a session", "with one that nobody signed in to"]
)
async def test_others_are_told_to_sign_in(visit: list[str], container: Any) -> None:
    async with calling(app_with(container, RequiredSession())) as client:
        for path in visit:
            await client.post(path)
        answer = await client.get("/page")

    assert (answer.status_code, answer.json()) == (401, {"detail": "You are not signed in."})
    assert answer.headers["www-authenticate"] == 'Cookie realm="session"'
    assert answer.headers["cache-control"] == "no-store"


async def test_a_token_that_opens_nothing_lets_nobody_in(container: Any) -> None:
    app = app_with(container, RequiredSession())
    async with calling(app) as client:
        await client.post("/sign-in")
        token = client.cookies["session"]
        await container.redis.session.store().destroy(token)
        ended = await client.get("/page")
    async with calling(app, cookies={"session": "{}"}) as client:
        malformed = await client.get("/page")

    assert (ended.status_code, malformed.status_code) == (401, 401)


async def test_once_installed_refusals_are_problem_details(container: Any) -> None:
    app = app_with(container, RequiredSession(recent="10m"), installed=True)
    async with calling(app) as client:
        nobody = await client.get("/page")
        await client.post("/bind")
        not_recent = await client.get("/page")

    for answer, status, detail in (
        (nobody, 401, "You are not signed in."),
        (not_recent, 403, "You have to sign in again for this."),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.json()["detail"] == detail
    assert "www-authenticate" in nobody.headers and "www-authenticate" not in not_recent.headers


@pytest.mark.parametrize("recent", ["10m", timedelta(minutes=10)])
async def test_a_sign_in_that_is_recent_lets_in_and_an_old_one_does_not(recent: Any, container: Any) -> None:
    async with calling(app_with(container, RequiredSession(recent=recent))) as client:
        await client.post("/sign-in")
        before = await client.get("/page")
        await client.post("/long-ago")
        old = await client.get("/page")
        await client.post("/sign-in")
        again = await client.get("/page")

    assert [each.status_code for each in (before, old, again)] == [200, 403, 200]


async def test_a_sign_in_of_which_nobody_knows_when_it_was_is_not_recent(container: Any) -> None:
    async with calling(app_with(container, RequiredSession(recent="10m"))) as client:
        await client.post("/bind")
        answer = await client.get("/page")

    assert answer.status_code == 403


async def test_who_signs_in_again_gets_a_new_token_and_the_old_one_opens_nothing(container: Any) -> None:
    async with calling(app_with(container, RequiredSession())) as client:
        await client.post("/sign-in")
        first = client.cookies["session"]
        await client.post("/sign-in")
        second = client.cookies["session"]

    assert first != second
    assert await container.redis.session.store().load(first) is None


async def test_an_application_may_say_itself_who_is_signed_in(new_container: NewContainer) -> None:
    session = {"idle_ttl": "30m", "absolute_ttl": "12h"}
    required = RequiredSession(is_signed_in=lambda session: "user_id" in session, recent="10m")
    async with calling(app_with(new_container(session=session), required)) as client:
        before = await client.get("/page")
        await client.post("/own")
        after = await client.get("/page")

    assert (before.status_code, after.status_code) == (401, 200)


async def test_a_sign_in_says_from_where_and_with_what(container: Any) -> None:
    store = container.redis.session.store()
    async with store.open() as session:
        sign_in(session, "ada", address="192.0.2.1", agent="curl")

    [info] = await store.sessions_of("ada")
    assert (info.address, info.agent) == ("192.0.2.1", "curl")


async def test_who_proves_who_they_are_gets_a_new_token(container: Any) -> None:
    store = container.redis.session.store()
    token = await store.create({"user_id": 7})
    async with store.open(token) as session:
        mark_signed_in(session)

    assert session.token not in (None, token)
    assert await store.load(token) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (PAGE, 303),
        ({**PAGE, "Sec-Fetch-Mode": "navigate"}, 303),
        ({**PAGE, "Sec-Fetch-Mode": "cors"}, 401),
        ({"Accept": "application/json"}, 401),
        ({"Accept": "*/*"}, 401),
    ],
)
@pytest.mark.parametrize("installed", [False, True])
async def test_browsers_that_want_a_page_are_sent_to_the_sign_in(
    headers: dict[str, str], status: int, installed: bool, container: Any
) -> None:
    required = RequiredSession(sign_in_url="/sign-in?next={next}")
    async with calling(app_with(container, required, installed=installed), headers=headers) as client:
        answer = await client.get("/page?a=1&b=%2F")

    assert answer.status_code == status
    assert answer.headers.get("location") == (
        "/sign-in?next=/page%3Fa%3D1%26b%3D%252F" if status == 303 else None
    )
    assert "www-authenticate" in answer.headers or status == 303


async def test_a_form_that_was_sent_is_not_sent_elsewhere(container: Any) -> None:
    required = RequiredSession(sign_in_url="/sign-in")
    async with calling(app_with(container, required), headers=PAGE) as client:
        answer = await client.post("/page")

    assert answer.status_code == 401


async def test_a_page_whose_path_looks_like_a_host_is_none(container: Any) -> None:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, store=container.redis.session.store, cookie=COOKIE)

    @app.get("/{path:path}", dependencies=[Depends(RequiredSession(sign_in_url="/in?next={next}"))])
    async def page(path: str) -> str:
        return path

    async with calling(app, headers=PAGE) as client:
        answer = await client.get("http://testserver//evil.example/x")

    assert answer.headers["location"] == "/in?next=/evil.example/x"


async def test_who_has_to_sign_in_again_is_sent_there_as_well(container: Any) -> None:
    required = RequiredSession(sign_in_url="/sign-in", recent="10m")
    async with calling(app_with(container, required), headers=PAGE) as client:
        await client.post("/bind")
        answer = await client.get("/page")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("url", [None, "/sign-in"])
async def test_when_redis_is_away_nobody_is_told_to_sign_in(
    url: str | None, new_container: NewContainer
) -> None:
    session = {"idle_ttl": "30m", "absolute_ttl": "12h", "per_user_max": 10, "on_outage": "anonymous"}
    with EmbeddedServer() as server:
        container = new_container(addr=server.addr, session=session)
        async with calling(app_with(container, RequiredSession(sign_in_url=url)), headers=PAGE) as client:
            await client.post("/sign-in")
            server.kill()
            answer = await client.get("/page")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "set-cookie" not in answer.headers and "www-authenticate" not in answer.headers


@pytest.mark.parametrize("dependency", [current_session, RequiredSession()])
async def test_without_the_middleware_it_says_what_is_missing(dependency: Any) -> None:
    app = FastAPI()

    @app.get("/", dependencies=[Depends(dependency)])
    async def index() -> None: ...

    async with calling(app) as client:
        with pytest.raises(ConfigError, match=r'scope\["session"\] is missing: add modkit_redis.web'):
            await client.get("/")


async def test_a_session_of_another_library_is_none(container: Any) -> None:
    app = FastAPI()

    async def theirs(request: Any, call_next: Any) -> Any:
        request.scope["session"] = {}
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=theirs)

    @app.get("/", dependencies=[Depends(RequiredSession())])
    async def index() -> None: ...

    async with calling(app) as client:
        with pytest.raises(ConfigError, match="is another library's"):
            await client.get("/")


async def test_an_override_of_the_application_takes_its_place(container: Any) -> None:
    required = RequiredSession()
    app = app_with(container, required)
    async with container.redis.session.store().open() as session:
        app.dependency_overrides[required] = lambda: session
        async with calling(app) as client:
            answer = await client.get("/page")

    assert (answer.status_code, answer.json()) == (200, None)


def test_a_websocket_is_refused_before_it_is_accepted(container: Any) -> None:
    app = app_with(container, RequiredSession(), installed=True)

    @app.websocket("/talk", dependencies=[Depends(RequiredSession(sign_in_url="/sign-in"))])
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    with serving_asgi(app, container.redis.shutdown_resources) as url:
        there = url.replace("http", "ws") + "/talk"
        with pytest.raises(InvalidStatus) as caught, connect(there):
            pass
        cookie = httpx.post(f"{url}/sign-in").headers["set-cookie"].partition(";")[0]
        with connect(there, additional_headers={"Cookie": cookie}) as connection:
            heard = connection.recv()

    assert caught.value.response.status_code == 401
    assert json.loads(caught.value.response.body or b"")["detail"] == "You are not signed in."
    assert heard == "hello"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"recent": "10"}, "recent has no unit"),
        ({"recent": 600}, "recent must be text with a unit or a timedelta"),
        ({"recent": "0s"}, "recent must be more than 0"),
        ({"sign_in_url": "sign-in"}, "sign_in_url must be a path or an address"),
        ({"sign_in_url": "/a\r\nb"}, "sign_in_url must be a path or an address"),
        ({"sign_in_url": 5}, "sign_in_url must be a path or an address"),
        ({"is_signed_in": "user"}, "is_signed_in must be a function of the session"),
        ({"body": "html"}, "body must be one of"),
        ({"cookie": "session"}, "cookie must be a SessionCookie"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        RequiredSession(**given)


async def test_only_a_time_with_its_zone_is_one(container: Any) -> None:
    async with container.redis.session.store().open() as session:
        found = []
        for value in (None, "now", datetime(2020, 1, 1), datetime.now(UTC)):  # noqa: DTZ001  # it has none
            session[SIGNED_IN_AT] = value
            found.append(is_recent(session, timedelta(minutes=10)))
        session.clear()

    assert found == [False, False, False, True]


@pytest.mark.parametrize("dependency", [RequiredSession(), RateLimit("api=1/minute", by=lambda scope: "x")])
def test_its_signature_has_types_and_no_text_which_older_releases_of_fastapi_cannot_read(
    dependency: Any,
) -> None:
    annotations = [each.annotation for each in inspect.signature(dependency).parameters.values()]

    assert HTTPConnection in annotations
    assert not any(isinstance(each, str) for each in annotations)
