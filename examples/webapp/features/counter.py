"""A number kept in the session, counted so that two tabs at once both count."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse

from examples.webapp.clicks import click_of
from modkit_redis.contract import AsyncSession
from modkit_redis.web.fastapi import current_session

router = APIRouter()

Current = Annotated[AsyncSession, Depends(current_session)]

_KEY = "count"


@dataclass(frozen=True, slots=True)
class Counter:
    """What the card shows.

    Attributes:
        count: The number.
        is_degraded: Whether sessions cannot be read just now.
    """

    count: int
    is_degraded: bool


async def show(request: Request) -> Counter:
    """Return what the card shows."""
    session = await current_session(request)
    return Counter(session.get(_KEY, 0), session.degraded)


@router.post("/count")
async def add(request: Request, session: Current) -> RedirectResponse:
    """Count one more."""
    click = click_of(request.scope)
    if session.degraded:
        click.tell("counter", "Not counted: sessions cannot be changed while Redis is away.")
    elif session.token is None:
        session[_KEY] = 1  # the first value begins a session, and a cookie is set
        click.tell("counter", "A session has begun, and counts 1.")
    else:
        click.tell("counter", f"Counted to {await session.transact(increment)}.")
    return RedirectResponse("/", 303)


def increment(values: MutableMapping[str, Any]) -> int:
    """Count one more in *values*, which may be tried again if another tab was first."""
    values[_KEY] = values.get(_KEY, 0) + 1
    count: int = values[_KEY]
    return count
