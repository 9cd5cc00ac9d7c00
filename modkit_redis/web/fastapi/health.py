"""Health checks as routes."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from modkit_redis.web.health import OK, AsyncReadiness, HealthAnswer, HealthPaths

_PATHS = HealthPaths()


def health_routes(readiness: AsyncReadiness, *, paths: HealthPaths = _PATHS) -> APIRouter:
    """Return a router that answers health checks, and is not in the OpenAPI document.

    ``app.include_router(health_routes(readiness))``. Dependencies and middleware of the application apply to
    it; ``HealthMiddleware`` stands outside them.

    Args:
        readiness: Asked for readiness; the lifespan is to be given the same one.
        paths: Where checks are answered.
    """
    router = APIRouter(include_in_schema=False)

    async def live() -> Response:
        return _response(OK)

    async def ready() -> Response:
        return _response(await readiness.check())

    for path, endpoint in ((paths.live, live), (paths.ready, ready)):
        if path:
            router.add_api_route(path, endpoint, methods=["GET", "HEAD"])
    return router


def _response(answer: HealthAnswer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers))
