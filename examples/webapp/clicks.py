"""What a click did and what it cost, kept until the page that follows it shows both."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from examples.webapp.watching import Commands, Cost, Mark

COOKIE = "click"
_KEPT = 200
_KEY = "examples.webapp.click"


@dataclass(slots=True)
class Click:
    """A request that is being served, and what is to be said of it.

    Attributes:
        title: Method and path.
        mark: When it began.
        others: How many other requests were served meanwhile; their commands are among its own.
        cost: What it cost, when it is over.
        card: Which part of the page it is about.
        said: What came of it, in a sentence.
        details: More, for that part of the page.
    """

    title: str
    mark: Mark | None = None
    others: int = 0
    cost: Cost | None = None
    card: str = ""
    said: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def tell(self, card: str, said: str, **details: Any) -> None:
        """Have the next page say what came of it."""
        self.card, self.said, self.details = card, said, details


def click_of(scope: Any) -> Click:
    """Return the click that a request is."""
    found: Click = scope[_KEY]
    return found


class Clicks:
    """The clicks that no page has shown yet, in the memory of this process."""

    def __init__(self, commands: Commands | None) -> None:
        """Prepare.

        Args:
            commands: Sees what reaches the server; ``None`` if it is not to be shown.
        """
        self._commands = commands
        self._waiting: OrderedDict[str, Click] = OrderedDict()
        self._running: list[Click] = []

    @asynccontextmanager
    async def serving(self, title: str) -> AsyncIterator[Click]:
        """Give the click that a request is, while it is being served."""
        click = Click(title, others=len(self._running))
        for other in self._running:
            other.others += 1
        self._running.append(click)
        try:
            if self._commands is not None:
                click.mark = await asyncio.to_thread(self._commands.mark)
            yield click
        finally:
            self._running.remove(click)

    async def cost_of(self, click: Click) -> Cost | None:
        """Return what *click* has cost so far."""
        return await asyncio.to_thread(self._commands.since, click.mark) if self._commands else None

    def keep(self, click: Click) -> str:
        """Keep *click* for the page that follows, and return the name under which it is found."""
        name = secrets.token_urlsafe(12)
        self._waiting[name] = click
        if len(self._waiting) > _KEPT:
            self._waiting.popitem(last=False)
        return name

    def take(self, name: str | None) -> Click | None:
        """Return the click that is kept under *name*; once."""
        return self._waiting.pop(name, None) if name else None


class ClickMiddleware:
    """Measures each request; the page after a redirect learns what it did by a cookie that lasts a minute."""

    def __init__(self, app: ASGIApp, *, clicks: Clicks) -> None:
        """Wrap *app*."""
        self._app, self._clicks = app, clicks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        async with self._clicks.serving(f"{scope['method']} {scope['path']}") as click:
            scope[_KEY] = click

            async def telling(message: Message) -> None:
                if message["type"] == "http.response.start" and message["status"] == _SEE_OTHER:
                    # The session is saved by now, as its middleware is further inside.
                    click.cost = await self._clicks.cost_of(click)
                    MutableHeaders(scope=message).append("Set-Cookie", self._cookie(click))
                await send(message)

            await self._app(scope, receive, telling)

    def _cookie(self, click: Click) -> str:
        return f"{COOKIE}={self._clicks.keep(click)}; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"


_SEE_OTHER = 303
