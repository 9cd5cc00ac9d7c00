"""What a cache store can do.

The protocol for asyncio is the same with awaited methods and an awaited loader.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Literal, Protocol, TypeVar, overload

from modkit_redis.contract.sentinels import MISS, Lifetime, Miss, NoExpiry
from modkit_redis.contract.values import Duration

T = TypeVar("T")
D = TypeVar("D")


class CacheStore(Protocol):
    """A cache in Redis (``redis.cache.store``).

    Keys are text; the store puts them below its key prefix. Values are what JSON can hold, and bytes; with
    ``type=`` and the extra ``msgspec`` also dataclasses, structs, typed dictionaries and the like. What
    cannot come back equal is refused. Every value that is returned is the caller's own copy.

    Besides what each method names, all of them raise ``CommandRefusedError`` where Redis answers and refuses.
    """

    @overload
    def get(self, key: str, default: D, *, type: type[T]) -> T | D: ...
    @overload
    def get(self, key: str, *, type: type[T]) -> T | Miss: ...
    @overload
    def get(self, key: str, default: object = MISS, *, type: object = None) -> object: ...
    def get(self, key: str, default: object = MISS, *, type: object = None) -> object:
        """Return the value, or *default*; one round trip.

        What is no value of this store, and what cannot be read as *type*, is a miss; so is a cached ``None``
        for a *type* that has none.

        Raises:
            ArgumentError: If *key* cannot be one; nothing was sent.
            StoreUnavailableError: If Redis does not answer, and the settings do not call that a miss.
        """

    def set(
        self,
        key: str,
        value: object,
        *,
        ttl: Lifetime | None = None,
        only_if: Literal["absent", "present"] | None = None,
        type: object = None,
    ) -> bool:
        """Store *value*, and return whether it was stored.

        A load of the same key that is under way will not replace it.

        Args:
            key: Name below the store's key prefix.
            value: What to store.
            ttl: How long ``get`` finds it; the store's default when omitted.
            only_if: Store it only if ``get`` would find none, or find one; decided by the server.
            type: What the value will be read as; needed for what is no plain JSON value.

        Raises:
            ArgumentError: If an argument cannot be used; nothing was sent, and the old value is untouched.
            StoreUnavailableError: If Redis does not answer; the value may or may not have been stored.
        """
        ...

    def delete(self, *keys: str) -> int:
        """Remove *keys* and return how many were there.

        A load that began before will not bring an old value back.

        Raises:
            ArgumentError: If a key cannot be one; nothing was sent.
            StoreUnavailableError: If Redis does not answer; the keys may still be there.
        """
        ...

    @overload
    def get_many(self, keys: Sequence[str], *, type: type[T]) -> Sequence[T | Miss]: ...
    @overload
    def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]: ...
    def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]:
        """Return a value or ``MISS`` for each of *keys*, in their order; one round trip per 500 keys.

        Raises:
            ArgumentError: If a key cannot be one; nothing was sent.
            StoreUnavailableError: If Redis does not answer, and the settings do not call that a miss.
        """
        ...

    def set_many(
        self, values: Mapping[str, object], *, ttl: Lifetime | None = None, type: object = None
    ) -> None:
        """Store all *values*; one round trip per 500. Not atomic.

        Raises:
            ArgumentError: If an argument cannot be used; nothing was sent.
            StoreUnavailableError: If Redis does not answer; any of them may have been stored.
        """

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
        """Return the value; if there is none, load it, store it and return it.

        However many callers in however many processes, one loads at a time. A value whose key was deleted
        or set while it was being loaded is not stored, and returned only to those who had asked before the
        loading began.

        Args:
            key: Name below the store's key prefix.
            loader: Loads the value. What it raises reaches its caller, and those of the same process who came
                before it was called; who came later shares one more load. Nothing is cached.
            ttl: How long the value is fresh; the store's default when omitted.
            stale_for: How much longer it is returned while a new one is loaded in the background; 0 for no
                longer, the store's default when omitted.
            stale_if_error: How much longer it is returned if loading a new one fails, if it is still there
                then; likewise. It hides no ``ArgumentError``.
            negative_ttl: How long a loaded ``None`` is fresh, whatever *type* says; the store's default when
                omitted, and without one as long as any value.
            early_refresh: Whether to load a new one in the background shortly before this one expires; the
                store's default when omitted.
            type: What the value is read as; needed for what is no plain JSON value.

        Raises:
            ArgumentError: If an argument cannot be used, and nothing was sent; or if the loaded value cannot
                be stored, and nothing was stored.
            StoreUnavailableError: If Redis does not answer, and the settings do not call that a miss.
            CommandRefusedError: If the key holds another type of Redis value, or Redis refuses, and the
                settings do not call that a miss.
            Exception: What *loader* raised.
        """
        ...

    def ttl(self, key: str) -> timedelta | NoExpiry | Miss:
        """Return how much longer ``get`` finds the value; ``MISS`` if it finds none.

        Raises:
            ArgumentError: If *key* cannot be one; nothing was sent.
            StoreUnavailableError: If Redis does not answer, and the settings do not call that a miss.
        """
        ...

    def touch(self, key: str, *, ttl: Lifetime | None = None) -> bool:
        """Let the value live for *ttl* from now, and return whether there was one.

        Raises:
            ArgumentError: If an argument cannot be used; nothing was sent.
            StoreUnavailableError: If Redis does not answer; it may or may not have taken effect.
        """
        ...

    def clear(self) -> None:
        """Remove every entry of this store that was there when the call began, and nothing else.

        Raises:
            StoreUnavailableError: If Redis does not answer; some may have been removed.
        """


class AsyncCacheStore(Protocol):
    """A cache in Redis (``redis.cache.store``) for asyncio; see ``CacheStore``."""

    @overload
    async def get(self, key: str, default: D, *, type: type[T]) -> T | D: ...
    @overload
    async def get(self, key: str, *, type: type[T]) -> T | Miss: ...
    @overload
    async def get(self, key: str, default: object = MISS, *, type: object = None) -> object: ...
    async def get(self, key: str, default: object = MISS, *, type: object = None) -> object:
        """Return the value, or *default*."""

    async def set(
        self,
        key: str,
        value: object,
        *,
        ttl: Lifetime | None = None,
        only_if: Literal["absent", "present"] | None = None,
        type: object = None,
    ) -> bool:
        """Store *value*, and return whether it was stored."""
        ...

    async def delete(self, *keys: str) -> int:
        """Remove *keys* and return how many were there."""
        ...

    @overload
    async def get_many(self, keys: Sequence[str], *, type: type[T]) -> Sequence[T | Miss]: ...
    @overload
    async def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]: ...
    async def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]:
        """Return a value or ``MISS`` for each of *keys*, in their order."""
        ...

    async def set_many(
        self, values: Mapping[str, object], *, ttl: Lifetime | None = None, type: object = None
    ) -> None:
        """Store all *values*."""

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
        """Return the value; if there is none, load it, store it and return it."""
        ...

    async def ttl(self, key: str) -> timedelta | NoExpiry | Miss:
        """Return how much longer ``get`` finds the value; ``MISS`` if it finds none."""
        ...

    async def touch(self, key: str, *, ttl: Lifetime | None = None) -> bool:
        """Let the value live for *ttl* from now, and return whether there was one."""
        ...

    async def clear(self) -> None:
        """Remove every entry of this store that was there when the call began, and nothing else."""
