"""Serves the style sheet, the script and the icon, before anything asks for a session."""

from __future__ import annotations

from pathlib import Path

from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

_PREFIX = "/static/"


class AssetsMiddleware:
    """Serves files below ``/static/``, and passes everything else on."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap *app*."""
        self._app = app
        self._files = StaticFiles(directory=Path(__file__).parent / "static")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http" and scope["path"].startswith(_PREFIX):
            await self._files({**scope, "path": scope["path"].removeprefix(_PREFIX[:-1])}, receive, send)
        else:
            await self._app(scope, receive, send)
