"""Cache an async function with a decorator, and have its result as a dataclass. Needs the extra ``msgspec``.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop REDIS_CACHE_DEFAULT_TTL=5m
python examples/cached_function_async.py
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace

from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import AsyncRedisBundle, cached, mount, wire_strict
from modkit_redis.contract import TOKEN_CACHE_STORE, AsyncCacheStore, ConfigError


@dataclass(frozen=True)
class User:
    """A row of the database, for which a dict stands."""

    name: str
    roles: tuple[str, ...] = ()


DATABASE = {1: User("Ada", ("author",)), 2: User("Bob")}


def key(user_id: int) -> str:
    """Return the key of a user; whoever writes the user deletes it."""
    return f"user:{user_id}"


@inject
@cached(key=key, ttl=60, type=User)
async def find(user_id: int, cache: AsyncCacheStore = Provide[TOKEN_CACHE_STORE]) -> User:
    print(f"(asking the database for user {user_id})")
    await asyncio.sleep(0.01)
    return DATABASE[user_id]


@inject
async def rename(user_id: int, name: str, cache: AsyncCacheStore = Provide[TOKEN_CACHE_STORE]) -> None:
    DATABASE[user_id] = replace(DATABASE[user_id], name=name)
    await cache.delete(key(user_id))


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(AsyncRedisBundle)


async def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    try:
        await app.redis.init_resources()
        users = await asyncio.gather(*(find(1) for _ in range(50)))  # 50 callers, one query
        print(f"{len(users)} times {users[0]}")
        await rename(1, "Augusta")
        print(f"now {await find(1)}")
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
