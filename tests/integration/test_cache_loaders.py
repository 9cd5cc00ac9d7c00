"""Loaders written for the other world are refused, and free their key; both worlds side by side."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import ArgumentError
from tests.caching import AsyncCaches, Caches


async def awaited() -> str:
    raise AssertionError("this store does not await")


class Awaitable:
    """Neither a coroutine nor a future."""

    def __await__(self) -> Generator[None, None, str]:
        yield from ()
        return "value"


AWAITABLE: Final[dict[str, Any]] = {
    "async def": awaited,
    "lambda": lambda: awaited(),
    "partial": functools.partial(awaited),
    "awaitable": Awaitable,
}
BLOCKING: Final[dict[str, Any]] = {
    "def": lambda: "value",
    "None": lambda: None,
    "class": dict,
    "generator": lambda: iter("value"),
}


@pytest.fixture
def cache(addr: str, prefix: str) -> Iterator[Any]:
    caches = Caches()
    yield caches.open(addr, prefix).store
    caches.close()


@pytest.fixture
async def async_cache(addr: str, prefix: str) -> AsyncIterator[Any]:
    caches = AsyncCaches()
    yield caches.open(addr, prefix).store
    await caches.aclose()


@pytest.mark.parametrize("loader", AWAITABLE)
def test_a_loader_to_be_awaited_is_none_for_threads(
    cache: Any, admin: redis.Redis, prefix: str, loader: str
) -> None:
    with pytest.raises(ArgumentError, match=r"^loader must return the value, not an awaitable"):
        cache.get_or_set("key", AWAITABLE[loader])

    assert admin.exists(f"{prefix}:cache:key") == 0


@pytest.mark.parametrize("loader", BLOCKING)
async def test_a_loader_that_cannot_be_awaited_is_none_for_tasks(
    async_cache: Any, admin: redis.Redis, prefix: str, loader: str
) -> None:
    with pytest.raises(ArgumentError, match=r"^loader must return an awaitable: write `async def`"):
        await async_cache.get_or_set("key", BLOCKING[loader])

    assert admin.exists(f"{prefix}:cache:key") == 0


async def test_any_awaitable_will_do_for_tasks(async_cache: Any) -> None:
    assert await async_cache.get_or_set("key", Awaitable) == "value"
