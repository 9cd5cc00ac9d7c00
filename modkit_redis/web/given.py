"""Where middleware takes its store from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar, cast

T = TypeVar("T")

Given: TypeAlias = T | Callable[[], T]
"""A store, or what returns it: a provider, so that an override in a test takes effect at the next request."""

AsyncGiven: TypeAlias = T | Callable[[], T | Awaitable[T]]
"""Likewise for asyncio, where a provider may have to be awaited."""


def store_of(given: Given[T]) -> T:
    """Return the store."""
    found: Any = given() if callable(given) else given
    return cast(T, found)


async def async_store_of(given: AsyncGiven[T]) -> T:
    """Return the store."""
    found: Any = given() if callable(given) else given
    return cast(T, await found if isawaitable(found) else found)
