"""An application that a test runs in a process of its own, and ends while a request is on its way."""

from __future__ import annotations

import asyncio
import os
import sys

from dependency_injector import containers
from fastapi import FastAPI

from modkit_redis import AsyncRedisBundle, mount, wire_strict
from modkit_redis.contract import AsyncCacheStore
from modkit_redis.web.fastapi import Inject, health_routes, lifespan
from modkit_redis.web.health import AsyncReadiness


class App(containers.DeclarativeContainer):
    redis = mount(
        AsyncRedisBundle,
        config={
            "addr": os.environ["TEST_ADDR"],
            "key_prefix": os.environ["TEST_PREFIX"],
            "client_name": os.environ["TEST_PREFIX"],
            "ping_timeout": "5s",
            "cache": {"default_ttl": "5m"},
        },
    )


container = App()
readiness = AsyncReadiness(container.redis.client)
app = FastAPI(lifespan=lifespan(container, readiness=readiness))
app.include_router(health_routes(readiness))


@app.get("/slow")
async def slow(store: AsyncCacheStore = Inject["redis.cache.store"]) -> str:
    """Say that it began, and end when the test says so."""
    await store.set("began", b"1")
    while not await store.get("go-on"):  # noqa: ASYNC110  # what it waits for is in Redis
        await asyncio.sleep(0.01)
    return "finished"


wire_strict(container, modules=[sys.modules[__name__]])
