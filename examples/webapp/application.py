"""Puts the application together: container, features, middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from examples.webapp import about, guard, page
from examples.webapp.assets import AssetsMiddleware
from examples.webapp.clicks import ClickMiddleware, Clicks
from examples.webapp.container import App
from examples.webapp.features import features_of
from examples.webapp.options import Options
from examples.webapp.watching import Commands
from modkit_redis.contract import SessionLostError, StoreUnavailableError
from modkit_redis.web import AsyncReadiness, SessionCookie
from modkit_redis.web.asgi import HealthMiddleware, ResponseCacheMiddleware, SessionMiddleware
from modkit_redis.web.fastapi import RefusedError, install, lifespan


def create_app(options: Options) -> FastAPI:
    """Return the application; nothing connects before it starts."""
    container = App(settings=options.settings(), query_takes=options.query_takes)
    features = features_of(options)
    commands = Commands(options) if options.has("commands") else None
    clicks = Clicks(commands)
    readiness = AsyncReadiness(container.redis.client)

    @asynccontextmanager
    async def watched(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if commands is not None:
                commands.close()

    app = FastAPI(
        lifespan=lifespan(
            container, watched, modules=[each.module for each in features], readiness=readiness
        ),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.site = page.Site(options, features, clicks)
    app.include_router(page.router)
    app.include_router(about.router)
    for each in features:
        app.include_router(each.router)
    if options.has("sessions"):
        # for_development: without HTTPS, browsers would not keep a cookie that is for HTTPS alone.
        cookie = SessionCookie.for_development()
        app.add_middleware(SessionMiddleware, store=container.redis.session.store, cookie=cookie)
    if options.has("cache"):
        app.add_middleware(
            ResponseCacheMiddleware,
            store=container.redis.cache.store,
            ttl=about.LIVES_S,
            applies=about.is_kept,
        )
    install(app)
    for error, answer in (
        (RefusedError, page.refused),
        (RequestValidationError, page.not_understood),
        (HTTPException, page.missing),
        (SessionLostError, page.session_lost),
        (StoreUnavailableError, page.unavailable),
    ):
        app.add_exception_handler(error, answer)
    # The last one added is the first to see a request.
    app.add_middleware(ClickMiddleware, clicks=clicks)
    app.add_middleware(AssetsMiddleware)
    app.add_middleware(guard.GuardMiddleware)
    app.add_middleware(HealthMiddleware, readiness=readiness)
    return app
