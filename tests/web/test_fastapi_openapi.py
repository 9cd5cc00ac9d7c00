"""The OpenAPI document tells of limits and sessions, once ``install`` was called."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from modkit_redis.contract import AsyncSession
from modkit_redis.web import SessionCookie, client_address
from modkit_redis.web.fastapi import RateLimit, RequiredSession, install
from tests.web.applications import calling

LIMIT = RateLimit("api=10/minute", by=client_address())
COOKIE = SessionCookie(name="__Host-id")
REQUIRED, RECENT = RequiredSession(cookie=COOKIE), RequiredSession(recent="10m", cookie=COOKIE)


def described(*, installed: bool = True) -> dict[str, Any]:
    app = FastAPI()
    if installed:
        install(app)
    router = APIRouter(prefix="/api", dependencies=[Depends(LIMIT)])

    @router.get("/limited/{number}", status_code=201)
    async def limited(number: int) -> int:
        return number

    @router.post("/own", responses={429: {"description": "mine"}})
    async def own() -> None: ...

    @app.get("/session")
    @app.post("/session")
    async def session(session: AsyncSession = Depends(REQUIRED)) -> None: ...

    @app.delete("/recent")
    async def recent(session: AsyncSession = Depends(RECENT)) -> None: ...

    async def account(session: AsyncSession = Depends(REQUIRED)) -> str | None:
        return session.user

    @app.get("/account")
    async def account_(user: str | None = Depends(account)) -> None: ...

    @app.get("/plain")
    async def plain() -> None: ...

    app.include_router(router)
    assert app.openapi() == app.openapi()
    return app.openapi()


def test_a_limit_of_a_router_is_told_with_its_headers() -> None:
    responses = described()["paths"]["/api/limited/{number}"]["get"]["responses"]

    assert sorted(responses) == ["201", "422", "429"]
    assert sorted(responses["429"]["headers"]) == ["RateLimit", "RateLimit-Policy", "Retry-After"]
    assert sorted(responses["201"]["headers"]) == ["RateLimit", "RateLimit-Policy"]
    assert "headers" not in responses["422"]
    assert "application/problem+json" in responses["429"]["content"]


def test_what_a_route_says_itself_stands() -> None:
    responses = described()["paths"]["/api/own"]["post"]["responses"]

    assert responses["429"]["description"] == "mine"


def test_a_required_session_is_told_for_each_method() -> None:
    paths = described()["paths"]

    for method in ("get", "post"):
        operation = paths["/session"][method]
        assert sorted(operation["responses"]) == ["200", "401"]
        assert list(operation["responses"]["401"]["headers"]) == ["WWW-Authenticate"]
        assert operation["security"] == [{"session": []}]
    assert sorted(paths["/recent"]["delete"]["responses"]) == ["200", "401", "403"]


def test_what_a_dependency_depends_on_is_told() -> None:
    assert "401" in described()["paths"]["/account"]["get"]["responses"]


def test_the_cookie_is_a_security_scheme_also_without_installing() -> None:
    for installed in (True, False):
        [scheme] = described(installed=installed)["components"]["securitySchemes"].values()
        assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "cookie", "__Host-id")


def test_other_operations_are_as_they_were() -> None:
    plain = [described(installed=each)["paths"]["/plain"] for each in (True, False)]

    assert plain[0] == plain[1]


def test_without_installing_nothing_is_told() -> None:
    paths = described(installed=False)["paths"]

    assert "429" not in paths["/api/limited/{number}"]["get"]["responses"]
    assert "401" not in paths["/session"]["get"]["responses"]


async def test_the_document_is_served() -> None:
    app = FastAPI()
    install(app)

    @app.get("/", dependencies=[Depends(LIMIT)])
    async def index() -> None: ...

    async with calling(app) as client:
        served = (await client.get("/openapi.json")).json()

    assert "429" in served["paths"]["/"]["get"]["responses"]
