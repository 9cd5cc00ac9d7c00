"""The cache store: each method checks its arguments, asks Redis once, and interprets the answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal, TypeVar, cast, overload

import redis.asyncio

from modkit_redis.cache._core import Absence, Entry, Found
from modkit_redis.cache.codec import Codec
from modkit_redis.cache.config import CacheSettings
from modkit_redis.cache.entries import AsyncEntries
from modkit_redis.cache.loads import AsyncLoads
from modkit_redis.cache.loads.request import Request
from modkit_redis.cache.loads.waiting import AsyncLoader
from modkit_redis.cache.planning import Planner
from modkit_redis.cache.reading import NO_VALUE, TROUBLE, Reader
from modkit_redis.cache.telling import Teller
from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.events import CacheEvents
from modkit_redis.contract.sentinels import MISS, NO_EXPIRY, Lifetime, Miss, NoExpiry
from modkit_redis.contract.values import Duration

T = TypeVar("T")
D = TypeVar("D")

_LONGEST_MS: Final = 2**53  # others may have set a TTL that no timedelta can hold


class AsyncRedisCacheStore:
    """A cache in Redis; see ``AsyncCacheStore`` for what each method does."""

    def __init__(
        self,
        *,
        client: redis.asyncio.Redis,
        key_prefix: str,
        settings: CacheSettings,
        events: CacheEvents | None = None,
    ) -> None:
        """Make a store; nothing is sent.

        Args:
            client: The client whose pool is used.
            key_prefix: What all keys begin with.
            settings: Its settings.
            events: Called with each event.
        """
        self._settings = settings
        self._planner = Planner(settings)
        self._codec = Codec(settings.codec, settings.compress_above, settings.max_bytes)
        self._tell = Teller(events)
        self._read = Reader(self._codec, self._tell, outage_is_miss=settings.on_outage == "miss")
        self._entries = AsyncEntries(client, key_prefix, settings.deadline, generations=settings.generations)
        self._loads = AsyncLoads(self._entries, self._codec, self._read, self._tell, settings)

    @overload
    async def get(self, key: str, default: D, *, type: type[T]) -> T | D: ...
    @overload
    async def get(self, key: str, *, type: type[T]) -> T | Miss: ...
    @overload
    async def get(self, key: str, default: object = MISS, *, type: object = None) -> object: ...
    async def get(self, key: str, default: object = MISS, *, type: object = None) -> object:
        """Return the value, or *default*."""
        name = self._entries.name(key)
        self._codec.check(type)
        try:
            found = await self._entries.look(name, timed=self._planner.default.timed)
        except TROUBLE as error:
            found = self._read.missed(error, key)
        return self._value(found, key, default, type)

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
        name = self._entries.name(key)
        plan = self._planner.plan(ttl)
        if only_if not in (None, "absent", "present"):
            raise ArgumentError("only_if", "must be 'absent' or 'present'")
        encoded = self._codec.encode(value, type)
        lifetime = plan.lifetime(NO_VALUE, self._settings.ttl_jitter)
        try:
            return await self._entries.write(name, encoded, lifetime, plan.grace_ms(lifetime), only_if)
        finally:
            self._loads.detach(name)

    async def delete(self, *keys: str) -> int:
        """Remove *keys* and return how many were there."""
        names = list(dict.fromkeys(self._entries.name(key) for key in keys))
        if not names:
            return 0
        try:
            return await self._entries.remove(names)
        finally:
            self._loads.detach(*names)

    @overload
    async def get_many(self, keys: Sequence[str], *, type: type[T]) -> Sequence[T | Miss]: ...
    @overload
    async def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]: ...
    async def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]:
        """Return a value or ``MISS`` for each of *keys*, in their order."""
        if isinstance(keys, str):
            raise ArgumentError("keys", "must be a sequence of keys, not text")
        if not isinstance(keys, Iterable):
            raise ArgumentError("keys", "must be a sequence of keys")
        keys = list(keys)
        names = {key: self._entries.name(key) for key in keys}
        self._codec.check(type)
        found: dict[str, Found]
        try:
            found = dict(zip(names, await self._entries.look_many(list(names.values())), strict=True))
        except TROUBLE as error:
            found = {key: self._read.missed(error, key) for key in names}
        return [self._value(found[key], key, MISS, type) for key in keys]

    async def set_many(
        self, values: Mapping[str, object], *, ttl: Lifetime | None = None, type: object = None
    ) -> None:
        """Store all *values*."""
        if not isinstance(values, Mapping):
            raise ArgumentError("values", "must be a mapping of keys to values")
        plan = self._planner.plan(ttl)
        jitter = self._settings.ttl_jitter
        written = {
            self._entries.name(key): (self._codec.encode(value, type), plan.lifetime(NO_VALUE, jitter))
            for key, value in values.items()
        }
        try:
            await self._entries.write_many(written, plan.grace_ms(plan.ttl_ms))
        finally:
            self._loads.detach(*written)

    async def get_or_set(
        self,
        key: str,
        loader: AsyncLoader[T],
        *,
        ttl: Lifetime | None = None,
        stale_for: Duration | None = None,
        stale_if_error: Duration | None = None,
        negative_ttl: Duration | None = None,
        early_refresh: bool | None = None,
        type: object = None,
    ) -> T:
        """Return the value; if there is none, load it, store it and return it."""
        name = self._entries.name(key)
        plan = self._planner.plan(ttl, stale_for, stale_if_error, negative_ttl, early_refresh)
        self._codec.check(type)
        if not callable(loader):
            raise ArgumentError("loader", "must be a function without arguments, given without calling it")
        return cast(T, await self._loads.get(Request(key, name, loader, plan, type)))

    async def ttl(self, key: str) -> timedelta | NoExpiry | Miss:
        """Return how much longer ``get`` finds the value; ``MISS`` if it finds none."""
        name = self._entries.name(key)
        try:
            found = await self._entries.head(name)
        except TROUBLE as error:
            found = self._read.missed(error, key)
        if not isinstance(found, Entry) or found.fresh_ms <= 0:
            return MISS
        if found.fresh_ms == math.inf:
            return NO_EXPIRY
        return timedelta(milliseconds=min(found.fresh_ms, _LONGEST_MS))

    async def touch(self, key: str, *, ttl: Lifetime | None = None) -> bool:
        """Let the value live for *ttl* from now, and return whether there was one."""
        name = self._entries.name(key)
        return await self._entries.touch(name, self._planner.plan(ttl).ttl_ms)

    async def clear(self) -> None:
        """Remove every entry of this store that was there when the call began, and nothing else."""
        try:
            await self._entries.clear()
        finally:
            self._loads.detach_all()

    async def aclose(self) -> None:
        """Wait for what is loaded in the background, for as long as the settings say."""
        await self._loads.aclose(self._settings.drain_timeout.total_seconds())

    def _value(self, found: Found, key: str, default: object, type: object) -> object:
        if isinstance(found, Entry) and found.fresh_ms > 0:
            value = self._read.decoded(found, key, type)
            if value is not NO_VALUE:
                self._tell("hit", key)
                return value
        elif found in (Absence.FOREIGN, Absence.WRONG_TYPE):
            self._tell("undecodable", key)
        self._tell("miss", key)
        return default
