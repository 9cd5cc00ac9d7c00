"""A page that is the same for everybody, and made once in half a minute: Redis answers for it in between."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from examples.webapp.templates import template

router = APIRouter()

PATH = "/about"
LIVES_S = 30


@router.api_route(PATH, methods=["GET", "HEAD"])
async def about() -> HTMLResponse:
    """Show how the application is made; it looks at no session, so that its answer may be kept."""
    body = template("about.html").render(made=datetime.now(UTC), lives_s=LIVES_S)
    return HTMLResponse(body, headers={"Cache-Control": f"public, max-age=0, s-maxage={LIVES_S}"})


def is_kept(method: str, path: str) -> bool:
    """Tell whether the answer to a request may be kept."""
    return path == PATH
