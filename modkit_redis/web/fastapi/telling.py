"""What dependencies have to tell about limits, and the middleware that puts it on every response."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modkit_redis.web.headers import LEGACY_NAMES, LIST_NAMES, Headers, merged
from modkit_redis.web.refusals import Refusal

_KEY: Final = "modkit_redis.fastapi.told"
_TOLD: Final = frozenset(each.lower() for each in (*LIST_NAMES, *LEGACY_NAMES))


@dataclass(slots=True)
class Told:
    """Headers about all that was decided about one request.

    Attributes:
        headers: They.
        is_sent: Whether the middleware sends them, on whatever response there is.
    """

    headers: Headers = field(default_factory=list)
    is_sent: bool = False

    def add(self, headers: Headers) -> None:
        """Add what is to be told about a further decision."""
        self.headers = merged(headers, self.headers)

    def put_on(self, response: Response) -> None:
        """Put them on what FastAPI makes its response of, if nobody else sends them."""
        if not self.is_sent:
            for name, value in self.headers:
                response.headers[name] = value

    def put_into(self, answer: Refusal) -> Refusal:
        """Return *answer* with them in the place of its own, or without any if the middleware sends them."""
        others = tuple(each for each in answer.headers if each[0].lower() not in _TOLD)
        return replace(answer, headers=others if self.is_sent else (*others, *self.headers))


def told_in(scope: Scope) -> Told:
    """Return what there is to tell about a request."""
    found: Told = scope.setdefault(_KEY, Told())
    return found


class LimitHeadersMiddleware:
    """Puts what dependencies have decided on every response, also on a route's own and on errors."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap *app*."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] not in ("http", "websocket") or _KEY in scope:
            await self._app(scope, receive, send)
            return
        told = scope[_KEY] = Told(is_sent=True)

        async def telling(message: Message) -> None:
            if told.headers and message["type"] in _STARTS:
                message = {**message, "headers": _with(message.get("headers", ()), told.headers)}
            await send(message)

        await self._app(scope, receive, telling)


_STARTS: Final = ("http.response.start", "websocket.http.response.start")


def _with(standing: Any, added: Headers) -> list[tuple[bytes, bytes]]:
    texts = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in standing]
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in merged(texts, added)]
