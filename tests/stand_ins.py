"""Caches in a dict: what a test of an application may put in the place of a store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, TypeVar, overload

from modkit_redis.contract import MISS, NO_EXPIRY, Duration, Lifetime, Miss, NoExpiry

T = TypeVar("T")
D = TypeVar("D")


class DictCache:
    """A ``CacheStore`` that forgets nothing by itself."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    @overload
    def get(self, key: str, default: D, *, type: type[T]) -> T | D: ...
    @overload
    def get(self, key: str, *, type: type[T]) -> T | Miss: ...
    @overload
    def get(self, key: str, default: object = MISS, *, type: object = None) -> object: ...
    def get(self, key: str, default: object = MISS, *, type: object = None) -> object:
        return self.values.get(key, default)

    def set(
        self,
        key: str,
        value: object,
        *,
        ttl: Lifetime | None = None,
        only_if: Literal["absent", "present"] | None = None,
        type: object = None,
    ) -> bool:
        if only_if and (key in self.values) != (only_if == "present"):
            return False
        self.values[key] = value
        return True

    def delete(self, *keys: str) -> int:
        return sum(self.values.pop(key, MISS) is not MISS for key in keys)

    @overload
    def get_many(self, keys: Sequence[str], *, type: type[T]) -> Sequence[T | Miss]: ...
    @overload
    def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]: ...
    def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]:
        return [self.values.get(key, MISS) for key in keys]

    def set_many(
        self, values: Mapping[str, object], *, ttl: Lifetime | None = None, type: object = None
    ) -> None:
        self.values.update(values)

    def get_or_set(
        self,
        key: str,
        loader: Callable[[], T],
        *,
        ttl: Lifetime | None = None,
        stale_for: Duration | None = None,
        stale_if_error: Duration | None = None,
        negative_ttl: Duration | None = None,
        early_refresh: bool | None = None,
        type: object = None,
    ) -> T:
        if key not in self.values:
            self.values[key] = loader()
        return self.values[key]  # type: ignore[return-value]  # it is what a loader of this key gave

    def ttl(self, key: str) -> NoExpiry | Miss:
        return NO_EXPIRY if key in self.values else MISS

    def touch(self, key: str, *, ttl: Lifetime | None = None) -> bool:
        return key in self.values

    def clear(self) -> None:
        self.values.clear()


class AsyncDictCache:
    """An ``AsyncCacheStore`` that forgets nothing by itself."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    @overload
    async def get(self, key: str, default: D, *, type: type[T]) -> T | D: ...
    @overload
    async def get(self, key: str, *, type: type[T]) -> T | Miss: ...
    @overload
    async def get(self, key: str, default: object = MISS, *, type: object = None) -> object: ...
    async def get(self, key: str, default: object = MISS, *, type: object = None) -> object:
        return self.values.get(key, default)

    async def set(
        self,
        key: str,
        value: object,
        *,
        ttl: Lifetime | None = None,
        only_if: Literal["absent", "present"] | None = None,
        type: object = None,
    ) -> bool:
        if only_if and (key in self.values) != (only_if == "present"):
            return False
        self.values[key] = value
        return True

    async def delete(self, *keys: str) -> int:
        return sum(self.values.pop(key, MISS) is not MISS for key in keys)

    @overload
    async def get_many(self, keys: Sequence[str], *, type: type[T]) -> Sequence[T | Miss]: ...
    @overload
    async def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]: ...
    async def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]:
        return [self.values.get(key, MISS) for key in keys]

    async def set_many(
        self, values: Mapping[str, object], *, ttl: Lifetime | None = None, type: object = None
    ) -> None:
        self.values.update(values)

    async def get_or_set(
        self,
        key: str,
        loader: Callable[[], Awaitable[T]],
        *,
        ttl: Lifetime | None = None,
        stale_for: Duration | None = None,
        stale_if_error: Duration | None = None,
        negative_ttl: Duration | None = None,
        early_refresh: bool | None = None,
        type: object = None,
    ) -> T:
        if key not in self.values:
            self.values[key] = await loader()
        return self.values[key]  # type: ignore[return-value]  # it is what a loader of this key gave

    async def ttl(self, key: str) -> NoExpiry | Miss:
        return NO_EXPIRY if key in self.values else MISS

    async def touch(self, key: str, *, ttl: Lifetime | None = None) -> bool:
        return key in self.values

    async def clear(self) -> None:
        self.values.clear()
