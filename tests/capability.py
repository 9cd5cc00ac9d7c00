"""A capability made for the tests, in both worlds: notes in Redis; and what tests of both worlds need."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
from dependency_injector import containers, providers
from redis.backoff import NoBackoff

from modkit_redis import (
    AsyncCacheModule,
    AsyncRateLimitModule,
    AsyncRedisBundle,
    AsyncRedisModule,
    AsyncSessionModule,
    CacheModule,
    RateLimitModule,
    RedisBundle,
    RedisModule,
    SessionModule,
    mount,
)
from modkit_redis.client import AsyncRedisExecutor, RedisExecutor
from modkit_redis.contract import KeySpace
from modkit_redis.kernel.facade import Awaited, Blocking
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from modkit_redis.kernel.parsing import integer
from modkit_redis.kernel.resources import AsyncPerClient, Lazy, PerClient
from modkit_redis.kernel.settings import Settings, setting
from tests.support import stock_client


class NotesSettings(Settings):
    """Settings of the notes."""

    section: ClassVar[str] = "notes"

    limit: int = setting(integer(1, 1000), "longest note")


class Notes:
    """Sends its notes only when it is closed, so that Redis shows what was closed after what."""

    def __init__(self, *, client: redis.Redis, key_prefix: str, settings: NotesSettings) -> None:
        self.client, self.key_prefix, self.limit = client, key_prefix, settings.limit
        self._executor, self._keys = RedisExecutor(client), KeySpace(key_prefix, "notes")
        self._unsent: dict[str, str] = {}
        self.closed = False

    def write(self, name: str, text: str) -> None:
        assert not self.closed
        self._unsent[name] = text[: self.limit]

    def close(self) -> None:
        self.closed = True
        for name, text in self._unsent.items():
            self._executor.execute("SET", self._keys.key(name), text)


class AsyncNotes:
    """The same for asyncio."""

    def __init__(self, *, client: redis.asyncio.Redis, key_prefix: str, settings: NotesSettings) -> None:
        self.client, self.key_prefix, self.limit = client, key_prefix, settings.limit
        self._executor, self._keys = AsyncRedisExecutor(client), KeySpace(key_prefix, "notes")
        self._unsent: dict[str, str] = {}
        self.closed = False

    def write(self, name: str, text: str) -> None:
        assert not self.closed
        self._unsent[name] = text[: self.limit]

    async def aclose(self) -> None:
        self.closed = True
        for name, text in self._unsent.items():
            await self._executor.execute("SET", self._keys.key(name), text)


class NotesModule(Blocking):
    """Notes of one client."""

    exports = ("store",)
    inputs = ("redis", "config", "name", "env_file")

    _redis = providers.DependenciesContainer()
    _config: providers.Provider[Any] = providers.Object(FROM_ENVIRONMENT)
    _name: providers.Provider[str] = providers.Object("")
    _env_file: providers.Provider[Any] = providers.Object(None)
    _settings = Lazy(NotesSettings.load, _config, _name, _env_file, name=_name, member="notes.settings")
    store = PerClient(Notes, _redis, settings=_settings, name=_name, member="notes.store")


class AsyncNotesModule(Awaited):
    """Notes of one client for asyncio."""

    exports = ("store",)
    inputs = ("redis", "config", "name", "env_file")

    _redis = providers.DependenciesContainer()
    _config: providers.Provider[Any] = providers.Object(FROM_ENVIRONMENT)
    _name: providers.Provider[str] = providers.Object("")
    _env_file: providers.Provider[Any] = providers.Object(None)
    _settings = Lazy(NotesSettings.load, _config, _name, _env_file, name=_name, member="notes.settings")
    store = AsyncPerClient(AsyncNotes, _redis, settings=_settings, name=_name, member="notes.store")


class NotesBundle(RedisBundle):
    """A bundle that has notes too."""

    exports = ("client", "key_prefix", "notes")

    notes = mount(
        NotesModule, redis=RedisBundle._base, name=RedisBundle._name, env_file=RedisBundle._env_file
    )


class AsyncNotesBundle(AsyncRedisBundle):
    """A bundle for asyncio that has notes too."""

    exports = ("client", "key_prefix", "notes")

    notes = mount(
        AsyncNotesModule,
        redis=AsyncRedisBundle._base,
        name=AsyncRedisBundle._name,
        env_file=AsyncRedisBundle._env_file,
    )


def stock_async_client(addr: str) -> redis.asyncio.Redis:
    """Return a stock client for asyncio."""
    host, _, port = addr.rpartition(":")
    retry = redis.asyncio.retry.Retry(NoBackoff(), 0)
    return redis.asyncio.Redis(host=host, port=int(port), protocol=2, retry=retry)


@dataclass(frozen=True)
class World:
    """What there is of each in one of the two worlds."""

    name: str
    module: type[Any]
    bundle: type[Any]
    cache: type[Any]
    session: type[Any]
    ratelimit: type[Any]
    notes: type[Any]
    notes_bundle: type[Any]
    stock_client: Callable[[str], Any]


SYNC = World(
    "sync",
    RedisModule,
    RedisBundle,
    CacheModule,
    SessionModule,
    RateLimitModule,
    NotesModule,
    NotesBundle,
    stock_client,
)
ASYNC = World(
    "async",
    AsyncRedisModule,
    AsyncRedisBundle,
    AsyncCacheModule,
    AsyncSessionModule,
    AsyncRateLimitModule,
    AsyncNotesModule,
    AsyncNotesBundle,
    stock_async_client,
)

in_both_worlds = pytest.mark.parametrize("world", [SYNC, ASYNC], ids=lambda world: world.name)


def application(module: type[Any], **inputs: object) -> Any:
    """Return an application that mounts *module* as ``redis``."""

    class App(containers.DeclarativeContainer):
        redis = mount(module, **inputs)

    return App()


async def settled(result: Any) -> Any:
    """Return *result*, awaited where the world is one of awaited calls."""
    return await result if inspect.isawaitable(result) else result


def exactly(text: str) -> re.Pattern[str]:
    """Return the pattern of an error whose whole text is *text*."""
    return re.compile(rf"\A{re.escape(text)}\Z")
