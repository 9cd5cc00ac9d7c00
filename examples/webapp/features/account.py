"""Signing in and out: a new token at each sign-in, and an end that no late request can undo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from examples.webapp.clicks import click_of
from modkit_redis.contract import AsyncSession
from modkit_redis.web import sign_in
from modkit_redis.web.fastapi import current_session

router = APIRouter()

Current = Annotated[AsyncSession, Depends(current_session)]
Name = Annotated[str, Form(min_length=1, max_length=40, pattern=r"\S")]

_LONGEST_AGENT = 256


@dataclass(frozen=True, slots=True)
class Account:
    """What the card shows.

    Attributes:
        user: Who is signed in.
        handle: The session's public handle.
        began: When the session began.
        ends: When it ends at the latest.
        is_degraded: Whether sessions cannot be read just now.
    """

    user: str | None
    handle: str | None
    began: datetime | None
    ends: datetime | None
    is_degraded: bool


async def show(request: Request) -> Account:
    """Return what the card shows."""
    session = await current_session(request)
    info = session.info
    return Account(
        user=session.user,
        handle=info.handle if info else None,
        began=info.created if info else None,
        ends=info.expires if info else None,
        is_degraded=session.degraded,
    )


@router.post("/sign-in")
async def enter(request: Request, name: Name, session: Current) -> RedirectResponse:
    """Sign in; whoever was signed in before is signed out."""
    name, click = name.strip(), click_of(request.scope)
    if session.degraded:
        click.tell("account", "Nobody can sign in while Redis is away.")
        return RedirectResponse("/", 303)
    if session.user not in (None, name):
        session.destroy()
    address = request.client.host if request.client else None
    agent = request.headers.get("user-agent", "")[:_LONGEST_AGENT]
    sign_in(session, name, address=address, agent=agent or None)
    click.tell("account", f"You are signed in as {name}, with a new token.")
    return RedirectResponse("/", 303)


@router.post("/sign-out")
async def leave(request: Request, session: Current) -> RedirectResponse:
    """End the session; its cookie is deleted."""
    click = click_of(request.scope)
    if session.degraded:
        click.tell("account", "Nobody can sign out while Redis is away.")
    else:
        session.destroy()
        click.tell("account", "You are signed out, in every window of this browser.")
    return RedirectResponse("/", 303)
