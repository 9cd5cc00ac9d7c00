"""Health checks as WSGI middleware."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modkit_redis.web.health import HealthPaths, Readiness


class HealthMiddleware:
    """Answers health checks, and passes everything else on.

    It stands outside all other middleware, so that a health check counts against no limit and asks for
    no session.
    """

    def __init__(self, app: Any, *, readiness: Readiness, paths: HealthPaths = HealthPaths()) -> None:  # noqa: B008  # it is frozen
        """Wrap *app*.

        Args:
            app: The application.
            readiness: Asked for readiness; whoever ends the application drains the same one.
            paths: Where checks are answered.
        """
        self._app, self._readiness, self._paths = app, readiness, paths

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer, or pass on."""
        method = environ["REQUEST_METHOD"]
        found = self._paths.find(method, environ.get("PATH_INFO", ""))
        if found is None:
            passed_on: Iterable[bytes] = self._app(environ, start_response)
            return passed_on
        answer = self._readiness.check() if found == "ask" else found
        start_response(answer.status_line, list(answer.headers))
        return [] if method == "HEAD" else [answer.body]
