"""Count page visits with asyncio: the same tokens, and a client whose commands are awaited.

REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop python examples/quickstart_async.py
"""

from __future__ import annotations

import asyncio
import sys

import redis.asyncio
from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import AsyncRedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_CLIENT, TOKEN_KEY_PREFIX, ConfigError, KeySpace


@inject
async def visit(
    page: str,
    client: redis.asyncio.Redis = Provide[TOKEN_CLIENT],
    prefix: str = Provide[TOKEN_KEY_PREFIX],
) -> int:
    """Count one visit of *page* and return how many there were."""
    return await client.incr(KeySpace(prefix, "visits").key(page))


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(AsyncRedisBundle)


async def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    try:
        await app.redis.init_resources()
        counts = await asyncio.gather(*(visit("home") for _ in range(3)))
        print(f"home: visits {sorted(counts)}")
    finally:
        await app.redis.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except ConfigError as error:
        sys.exit(f"{error}\nFor example: REDIS_ADDR=localhost:6379 python {sys.argv[0]}")
