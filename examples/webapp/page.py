"""The page, and the same page as the answer to what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from examples.webapp.clicks import COOKIE, Click, Clicks, click_of
from examples.webapp.features import Feature
from examples.webapp.options import SWITCHES, Options
from examples.webapp.templates import template
from modkit_redis.web.fastapi import RefusedError

router = APIRouter()

_OF_A_BODY = ("content-type", "content-length")


@dataclass(frozen=True, slots=True)
class Site:
    """What the page needs to know.

    Attributes:
        options: What was chosen.
        features: What is not left out.
        clicks: What clicks did and cost.
    """

    options: Options
    features: tuple[Feature, ...]
    clicks: Clicks


@router.api_route("/", methods=["GET", "HEAD"])
async def home(request: Request) -> HTMLResponse:
    """Show everything, and what came of the click that led here."""
    site: Site = request.app.state.site
    return await rendered(request, site.clicks.take(request.cookies.get(COOKIE)))


async def refused(request: Request, error: Exception) -> Response:
    """Answer what a limit or a missing sign-in has refused: the page for people, the problem for programs."""
    assert isinstance(error, RefusedError)
    answer = error.answer
    headers = {name: value for name, value in answer.headers if name.lower() not in _OF_A_BODY}
    if "text/html" not in request.headers.get("accept", ""):
        return Response(answer.body, answer.status, dict(answer.headers))
    card = {429: "button", 401: "devices"}.get(answer.status, "")
    wait = headers.get("Retry-After")
    said = f"Refused: try again in {wait} s." if answer.status == _TOO_MANY else f"Refused. {error.detail}"
    return await answered(request, card, said, answer.status, headers)


async def not_understood(request: Request, _: Exception) -> Response:
    """Answer a form whose fields make no sense."""
    return await answered(request, "account", "Please enter a name of 1 to 40 characters.", 422)


async def session_lost(request: Request, _: Exception) -> Response:
    """Answer a request whose session was ended while it was being served."""
    click_of(request.scope).tell("account", "This session was ended elsewhere; nothing was done.")
    return RedirectResponse("/", 303)


async def missing(request: Request, error: Exception) -> Response:
    """Answer what asks for no page, as going back to a form may do."""
    assert isinstance(error, HTTPException)
    return await answered(request, "", "There is nothing at that address.", error.status_code)


async def unavailable(request: Request, _: Exception) -> Response:
    """Answer what could not be done, as Redis is away."""
    return await answered(request, "", "That could not be done: Redis is away.", 503, {"Retry-After": "5"})


async def answered(
    request: Request, card: str, said: str, status: int, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """Return the page, which says what came of the request that it answers."""
    click = click_of(request.scope)
    click.tell(card, said, is_refused=True)
    return await rendered(request, click, status, headers)


async def rendered(
    request: Request, click: Click | None, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """Return the page."""
    site: Site = request.app.state.site
    cards: dict[str, Any] = {each.name: await each.show(request) for each in site.features}
    here = click_of(request.scope)
    here.cost = await site.clicks.cost_of(here)  # so far; what is left is to save the session
    body = template("page.html").render(
        cards=cards,
        click=click or here,
        costs=[click, here] if click and click is not here else [here],
        is_down=any(each.is_degraded for each in cards.values()),
        now=datetime.now(UTC),
        off=[each for each in SWITCHES if not site.options.has(each)],
        options=site.options,
    )
    return HTMLResponse(body, status, {"Cache-Control": "no-store", **(headers or {})})


_TOO_MANY = 429
