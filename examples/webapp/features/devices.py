"""The devices of a user: where they are signed in, and how to end that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from dependency_injector.wiring import Provide, inject
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from examples.webapp.clicks import click_of
from modkit_redis.contract import (
    TOKEN_SESSION_STORE,
    AsyncSession,
    AsyncSessionStore,
    SessionInfo,
    StoreUnavailableError,
)
from modkit_redis.web.fastapi import Inject, RequiredSession, current_session

router = APIRouter()

Store = Annotated[AsyncSessionStore, Inject["redis.session.store"]]
User = Annotated[AsyncSession, Depends(RequiredSession())]


@dataclass(frozen=True, slots=True)
class Device:
    """A session of the user.

    Attributes:
        handle: Its public handle.
        program: With what program it was begun.
        address: From where.
        last_seen: When it was used last, up to a minute before.
        is_this: Whether it is the one that asks.
    """

    handle: str
    program: str
    address: str
    last_seen: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class Devices:
    """What the card shows.

    Attributes:
        user: Who is signed in.
        found: Their devices, the one that asks first.
        is_degraded: Whether sessions cannot be read just now.
    """

    user: str | None
    found: tuple[Device, ...] = ()
    is_degraded: bool = False


@inject
async def show(request: Request, store: AsyncSessionStore = Provide[TOKEN_SESSION_STORE]) -> Devices:
    """Return what the card shows."""
    session = await current_session(request)
    user, own = session.user, session.info
    if user is None:
        return Devices(None, is_degraded=session.degraded)
    try:
        infos = await store.sessions_of(user)
    except StoreUnavailableError:
        return Devices(user, is_degraded=True)
    found = _described(infos, own.handle if own else "")
    return Devices(user, tuple(sorted(found, key=lambda each: not each.is_this)))


@router.post("/devices/revoke")
async def revoke(
    request: Request, handle: Annotated[str, Form(max_length=64)], session: User, store: Store
) -> RedirectResponse:
    """End one session of the user; another user's handle ends nothing."""
    own = {each.handle for each in await store.sessions_of(session.user or "")}
    ended = handle in own and await store.revoke(handle)
    said = "That device is signed out." if ended else "There is no such device any more."
    click_of(request.scope).tell("devices", said)
    return RedirectResponse("/", 303)


@router.post("/devices/others")
async def revoke_others(request: Request, session: User, store: Store) -> RedirectResponse:
    """End all sessions of the user but this one."""
    ended = await store.revoke_all(session.user or "", keep=session.info.handle if session.info else None)
    device = "device is" if ended == 1 else "devices are"
    said = f"{ended} other {device} signed out." if ended else "There was no other device."
    click_of(request.scope).tell("devices", said)
    return RedirectResponse("/", 303)


def _described(infos: Iterable[SessionInfo], own: str) -> Iterator[Device]:
    for each in infos:
        program = program_of(each.agent or "")
        yield Device(each.handle, program, each.address or "", each.last_seen, each.handle == own)


def program_of(agent: str) -> str:
    """Return what a ``User-Agent`` stands for, roughly."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    named = re.match(r"[\w.-]{1,30}", agent)
    return named[0] if named else "Unknown program"


_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
