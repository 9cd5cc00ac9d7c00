"""What the two worlds do by different means while a value is loaded: call, and wait."""

from __future__ import annotations

import asyncio
import inspect
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from modkit_redis.contract.errors import ArgumentError

T = TypeVar("T")

Loader: TypeAlias = Callable[[], T]
"""Loads a value."""

AsyncLoader: TypeAlias = Callable[[], Awaitable[T]]
"""Loads a value when it is awaited."""


def loaded(loader: Callable[[], object]) -> object:
    """Return what *loader* gives.

    Raises:
        ArgumentError: If that is to be awaited.
    """
    value = loader()
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise ArgumentError(
            "loader",
            "must return the value, not an awaitable: this store does not await, an AsyncCacheStore does",
        )
    return value


async def async_loaded(loader: Callable[[], object]) -> object:
    """Return what *loader* gives when it is awaited.

    Raises:
        ArgumentError: If it cannot be awaited.
    """
    awaitable = loader()
    if not inspect.isawaitable(awaitable):
        raise ArgumentError("loader", "must return an awaitable: write `async def`")
    return await awaitable


def pause(seconds: float) -> None:
    """Wait for half to one and a half times *seconds*."""
    time.sleep(_spread(seconds))


async def async_pause(seconds: float) -> None:
    """Wait for half to one and a half times *seconds*."""
    await asyncio.sleep(_spread(seconds))


def _spread(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311  # it guards nothing
