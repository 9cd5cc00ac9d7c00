"""Health checks as ASGI middleware."""

from __future__ import annotations

from typing import Any

from modkit_redis.web.health import AsyncReadiness, HealthAnswer, HealthPaths


class HealthMiddleware:
    """Answers health checks, and passes everything else on.

    It stands outside all other middleware, so that a health check counts against no limit and asks for
    no session.
    """

    def __init__(self, app: Any, *, readiness: AsyncReadiness, paths: HealthPaths = HealthPaths()) -> None:  # noqa: B008  # it is frozen
        """Wrap *app*.

        Args:
            app: The application.
            readiness: Asked for readiness; the lifespan is to be given the same one.
            paths: Where checks are answered.
        """
        self._app, self._readiness, self._paths = app, readiness, paths

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = self._paths.find(scope["method"], _path_below(scope.get("root_path", ""), scope["path"]))
        if found is None:
            await self._app(scope, receive, send)
            return
        answer = await self._readiness.check() if found == "ask" else found
        await send_answer(answer, scope, send)


async def send_answer(answer: HealthAnswer, scope: Any, send: Any) -> None:
    """Send *answer*, to ``HEAD`` without its body."""
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


def _path_below(root: str, path: str) -> str:
    """Return what *path* is in an application at *root*; not every server puts that before it."""
    return path.removeprefix(root) if path.startswith(f"{root}/") else path
