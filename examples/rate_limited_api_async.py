"""Limit an API in asyncio: two limits at once, headers for clients, an estimate that is settled, slots.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop
export REDIS_RATELIMIT_LIMIT='burst=5/minute, day=1000/day'
python examples/rate_limited_api_async.py
"""

from __future__ import annotations

import asyncio
import math
import sys

from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import AsyncRedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_RATELIMIT_STORE as TOKEN
from modkit_redis.contract import AsyncRateLimitStore, ConfigError, LimitExceededError, Slots

REPORTS, TOKENS = Slots(1, "reports"), "tokens=1000/hour"


@inject
async def answer(client: str, limiter: AsyncRateLimitStore = Provide[TOKEN]) -> str:
    decision = await limiter.hit(("client", client))
    left = ", ".join(f"{each.limit.name} {each.remaining}" for each in decision.states)
    wait = math.ceil(decision.retry_after.total_seconds()) if decision.retry_after else None
    return f"200, left: {left}" if decision else f"429, left: {left}, Retry-After: {wait}"


@inject
async def complete(client: str, limiter: AsyncRateLimitStore = Provide[TOKEN]) -> int:
    async with limiter.reserve(("client", client), cost=600, limit=TOKENS) as reservation:
        await reservation.settle(250)  # what it really took is known only now
    return (await limiter.peek(("client", client), limit=TOKENS)).remaining


@inject
async def report(client: str, limiter: AsyncRateLimitStore = Provide[TOKEN]) -> str:
    try:
        async with limiter.hold(("client", client), REPORTS):
            return "made"
    except LimitExceededError as error:
        return f"refused by {error.decision.refused_by[0]}"


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(AsyncRedisBundle)


async def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    try:
        await app.redis.init_resources()
        for _ in range(6):
            print(await answer("ada"))
        print(f"tokens left: {await complete('ada')}")
        store = app.redis.ratelimit.store()
        async with store.hold(("client", "ada"), REPORTS):  # another report, of another process
            print(f"a report is {await report('ada')}")
        print(f"after that it is {await report('ada')}")
        await store.reset(("client", "ada"))  # this run leaves nothing behind
        await store.reset(("client", "ada"), limit=TOKENS)
    finally:
        await app.redis.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except ConfigError as error:
        example = "REDIS_ADDR=localhost:6379 REDIS_RATELIMIT_LIMIT=5/minute"
        sys.exit(f"{error}\nFor example: {example} python {sys.argv[0]}")
