"""What an injection costs: a store of ours, beside dependency-injector's own Singleton and Resource.

Run: python benchmarks/inject.py. Budget: a derived store in at most 10 µs, sync and async.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar

from dependency_injector import containers, providers
from dependency_injector.wiring import Provide, inject

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.kernel.facade import Module
from modkit_redis.kernel.resources import AsyncPerClient, PerClient

ROUNDS = 20_000


class Store:
    """Stands for the store of a capability."""

    def __init__(self, *, client: object, key_prefix: str) -> None:
        self.client, self.key_prefix = client, key_prefix


class StoreModule(Module):
    """A capability."""

    exports: ClassVar[tuple[str, ...]] = ("store",)
    inputs: ClassVar[tuple[str, ...]] = ("redis",)
    _redis = providers.DependenciesContainer()
    store = PerClient(Store, _redis, member="bench.store")


class AsyncStoreModule(Module):
    """A capability for asyncio."""

    exports: ClassVar[tuple[str, ...]] = ("store",)
    inputs: ClassVar[tuple[str, ...]] = ("redis",)
    _redis = providers.DependenciesContainer()
    store = AsyncPerClient(Store, _redis, member="bench.store")


class App(containers.DeclarativeContainer):
    """One of each."""

    base = providers.Container(RedisModule, config=providers.Object({"addr": "localhost:6379"}))
    abase = providers.Container(AsyncRedisModule, config=providers.Object({"addr": "localhost:6379"}))
    ours = providers.Container(StoreModule, redis=base)
    aours = providers.Container(AsyncStoreModule, redis=abase)
    singleton = providers.Singleton(Store, client=None, key_prefix="")
    resource = providers.Resource(Store, client=None, key_prefix="")


@inject
def plain_singleton(store: Store = Provide["singleton"]) -> Store:
    """Take a Singleton."""
    return store


@inject
def plain_resource(store: Store = Provide["resource"]) -> Store:
    """Take a native Resource."""
    return store


@inject
def our_client(client: Any = Provide["base.client"]) -> object:
    """Take the client."""
    return client


@inject
def our_store(store: Store = Provide["ours.store"]) -> Store:
    """Take a store."""
    return store


@inject
async def async_singleton(store: Store = Provide["singleton"]) -> Store:
    """Take a Singleton."""
    return store


@inject
async def our_async_client(client: Any = Provide["abase.client"]) -> object:
    """Take the client."""
    return client


@inject
async def our_async_store(store: Store = Provide["aours.store"]) -> Store:
    """Take a store."""
    return store


def microseconds(call: Callable[[], object]) -> float:
    """Return what one call takes, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(ROUNDS):
            call()
        best = min(best, (time.perf_counter() - started) / ROUNDS * 1e6)
    return best


async def async_microseconds(call: Callable[[], Any]) -> float:
    """Return what one awaited call takes, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(ROUNDS):
            await call()
        best = min(best, (time.perf_counter() - started) / ROUNDS * 1e6)
    return best


async def main() -> None:
    """Measure and print one table."""
    app = App()
    app.wire(modules=[sys.modules[__name__]])
    sync_base = microseconds(plain_singleton)
    async_base = await async_microseconds(async_singleton)
    rows = [
        ("sync", "Singleton", sync_base, sync_base),
        ("sync", "native Resource", microseconds(plain_resource), sync_base),
        ("sync", "our client", microseconds(our_client), sync_base),
        ("sync", "our store", microseconds(our_store), sync_base),
        ("async", "Singleton", async_base, async_base),
        ("async", "our client", await async_microseconds(our_async_client), async_base),
        ("async", "our store", await async_microseconds(our_async_store), async_base),
    ]
    print(f"{'world':8}{'injected':20}{'µs':>8}{'× Singleton':>14}")
    for world, what, cost, base in rows:
        print(f"{world:8}{what:20}{cost:8.2f}{cost / base:14.2f}")
    app.unwire()
    closing: Any = app.shutdown_resources()
    await closing


if __name__ == "__main__":
    asyncio.run(main())
