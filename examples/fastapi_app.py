"""A web application with FastAPI: sessions, limits, a cache, health checks.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop REDIS_CACHE_DEFAULT_TTL=5m
export REDIS_SESSION_IDLE_TTL=30m REDIS_SESSION_ABSOLUTE_TTL=12h REDIS_SESSION_PER_USER_MAX=10
python examples/fastapi_app.py, which visits it, or: uvicorn examples.fastapi_app:app
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import httpx
from dependency_injector import containers
from fastapi import Body, Depends, FastAPI, HTTPException

from modkit_redis import AsyncRedisBundle, mount
from modkit_redis.contract import AsyncCacheStore, AsyncSession, ConfigError
from modkit_redis.web import AsyncReadiness, client_address, sign_in
from modkit_redis.web.asgi import HealthMiddleware, SessionMiddleware
from modkit_redis.web.fastapi import Inject, RateLimit, RequiredSession, current_session, install, lifespan


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(AsyncRedisBundle)


container = App()
readiness = AsyncReadiness(container.redis.client)
app = FastAPI(lifespan=lifespan(container, modules=[__name__], readiness=readiness))
install(app)  # headers of limits on all responses, problem details, and both in the OpenAPI document
app.add_middleware(SessionMiddleware, store=container.redis.session.store)
app.add_middleware(HealthMiddleware, readiness=readiness)

Visitor = Annotated[AsyncSession, Depends(current_session)]
User = Annotated[AsyncSession, Depends(RequiredSession())]
ATTEMPTS = "sign-in=3/15m"


@app.post("/sign-in", dependencies=[Depends(RateLimit(ATTEMPTS, by=client_address()))])
async def enter(user: Annotated[str, Body()], password: Annotated[str, Body()], session: Visitor) -> None:
    if password != "correct horse":
        raise HTTPException(403, "that is not the password")
    sign_in(session, user)


@app.get("/me")
async def me(session: User, cache: Annotated[AsyncCacheStore, Inject["redis.cache.store"]]) -> str:
    before = await cache.get("last-visitor") or "nobody"
    await cache.set("last-visitor", session.user)
    return f"Hello, {session.user}! Before you came {before}."


@app.delete("/me")
async def leave(session: Annotated[AsyncSession, Depends(RequiredSession(recent="10m"))]) -> None:
    session.destroy()


async def visit() -> None:
    visitor = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://shop.example")
    async with app.router.lifespan_context(app), visitor:
        print("at first", [(await visitor.get(path)).status_code for path in ("/health/ready", "/me")])
        for password in ("guess", "correct horse", "guess", "guess"):
            answer = await visitor.post("/sign-in", json={"user": "ada", "password": password})
            print("POST /sign-in", answer.status_code, answer.headers["ratelimit"].partition(";t")[0])
        print("GET /me", (await visitor.get("/me")).json())
        print("DELETE /me", (await visitor.delete("/me")).status_code)
        await container.redis.cache.store().delete("last-visitor")  # this run leaves nothing behind
        await container.redis.ratelimit.store().reset(("ip", "127.0.0.1"), limit=ATTEMPTS)


if __name__ == "__main__":
    try:
        asyncio.run(visit())
    except ConfigError as error:
        sys.exit(f"{error}\nFor example: REDIS_ADDR=localhost:6379 python {sys.argv[0]}")
