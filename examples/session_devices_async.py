"""Show a user's devices in asyncio, end one of them, then all but the present one, and write an audit log.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop
export REDIS_SESSION_IDLE_TTL=30m REDIS_SESSION_ABSOLUTE_TTL=12h REDIS_SESSION_PER_USER_MAX=10
python examples/session_devices_async.py
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import AsyncRedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_SESSION_STORE, AsyncSessionStore, ConfigError, SessionEvent

AUDIT: Counter[str] = Counter()  # stands for a log; events carry handles, never tokens


def tell(event: SessionEvent) -> None:
    AUDIT[event.kind] += 1


@inject
async def sign_in(agent: str, store: AsyncSessionStore = Provide[TOKEN_SESSION_STORE]) -> str | None:
    async with store.open() as session:
        session.bind("ada", address="192.0.2.7", agent=agent)
    return session.token


@inject
async def end(token: str | None, agent: str, store: AsyncSessionStore = Provide[TOKEN_SESSION_STORE]) -> None:
    """End a session of the user who is signed in: only those that are theirs are looked at."""
    async with store.open(token) as session:
        for device in await store.sessions_of(session.user) if session.user else ():
            if device.agent == agent:
                print(f"ending {agent}: {await store.revoke(device.handle)}")


@inject
async def change_password(token: str | None, store: AsyncSessionStore = Provide[TOKEN_SESSION_STORE]) -> None:
    async with store.open(token) as session:
        if session.user and session.info:
            session.rotate()
            ended = await store.revoke_all(session.user, keep=session.info.handle)
            print(f"signed out on {ended} other devices, {len(await store.sessions_of(session.user))} left")


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(AsyncRedisBundle, session_events=tell)


async def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    try:
        await app.redis.init_resources()
        laptop, *_ = [await sign_in(agent) for agent in ("Firefox", "Safari", "curl", "a TV")]
        await end(laptop, "curl")
        await change_password(laptop)
        await app.redis.session.store().revoke_all("ada")  # this run leaves nothing behind
        print(dict(AUDIT))
    finally:
        await app.redis.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except ConfigError as error:
        example = "REDIS_ADDR=localhost:6379 REDIS_SESSION_IDLE_TTL=30m REDIS_SESSION_ABSOLUTE_TTL=12h"
        sys.exit(f"{error}\nFor example: {example} REDIS_SESSION_PER_USER_MAX=10 python {sys.argv[0]}")
