"""Answer GET from a cache in Starlette, and evict what a write has changed. Needs Starlette and httpx.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop REDIS_CACHE_DEFAULT_TTL=5m
python examples/response_cache_app.py
"""

from __future__ import annotations

import asyncio
import sys

import httpx
from dependency_injector import containers
from dependency_injector.wiring import Provide, inject
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modkit_redis import AsyncRedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_CACHE_STORE, AsyncCacheStore, ConfigError
from modkit_redis.web.asgi import ResponseCacheMiddleware, evict_responses

PRICES = {"tea": 350, "cake": 420}


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(AsyncRedisBundle)


async def show(request: Request) -> Response:
    print("(asking the database for all prices)")
    return JSONResponse(PRICES, headers={"Cache-Control": "public, max-age=60"})


@inject
async def change(request: Request, cache: AsyncCacheStore = Provide[TOKEN_CACHE_STORE]) -> Response:
    PRICES.update(await request.json())
    await evict_responses("prices", store=cache)  # first the database, then the cache
    return Response(status_code=204)


def web(app: App) -> Starlette:
    """Return the application for a server."""
    starlette = Starlette(routes=[Route("/prices", show), Route("/prices", change, methods=["PATCH"])])
    starlette.add_middleware(ResponseCacheMiddleware, store=app.redis.cache.store, ttl=60, group="prices")
    return starlette


async def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    try:
        await app.redis.init_resources()
        transport = httpx.ASGITransport(web(app))  # a server does the same
        async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as client:
            answers = [await client.get("/prices") for _ in range(2)]
            answers.append(await client.get("/prices", headers={"If-None-Match": answers[0].headers["etag"]}))
            await client.patch("/prices", json={"tea": 380})
            answers.append(await client.get("/prices"))
        for each in answers:
            print(f"{each.status_code} {each.text or 'what you have'} ({each.headers['cache-status']})")
        await app.redis.cache.store().clear()  # this run leaves nothing behind
    finally:
        await app.redis.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except ConfigError as error:
        example = "REDIS_ADDR=localhost:6379 REDIS_CACHE_DEFAULT_TTL=5m"
        sys.exit(f"{error}\nFor example: {example} python {sys.argv[0]}")
