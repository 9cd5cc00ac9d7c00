"""The cache as a module: one store on the client of the base module."""

from __future__ import annotations

from typing import Any, ClassVar

from dependency_injector import providers
from dependency_injector.providers import Provider

from modkit_redis.cache._async import AsyncRedisCacheStore
from modkit_redis.cache._sync import RedisCacheStore
from modkit_redis.cache.config import CacheSettings
from modkit_redis.kernel.facade import Awaited, Blocking
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from modkit_redis.kernel.resources import AsyncPerClient, Lazy, PerClient


def _input(default: object) -> Provider[Any]:
    return providers.Object(default)


class CacheModule(Blocking):
    """A cache store."""

    exports: ClassVar[tuple[str, ...]] = ("store",)
    inputs: ClassVar[tuple[str, ...]] = ("redis", "config", "name", "env_file", "events")

    _redis = providers.DependenciesContainer()
    _config, _name, _env_file, _events = _input(FROM_ENVIRONMENT), _input(""), _input(None), _input(None)
    _settings = Lazy(CacheSettings.load, _config, _name, _env_file, name=_name, member="cache.settings")
    store = PerClient(
        RedisCacheStore, _redis, settings=_settings, events=_events, name=_name, member="cache.store"
    )


class AsyncCacheModule(Awaited):
    """A cache store for asyncio."""

    exports: ClassVar[tuple[str, ...]] = ("store",)
    inputs: ClassVar[tuple[str, ...]] = ("redis", "config", "name", "env_file", "events")

    _redis = providers.DependenciesContainer()
    _config, _name, _env_file, _events = _input(FROM_ENVIRONMENT), _input(""), _input(None), _input(None)
    _settings = Lazy(CacheSettings.load, _config, _name, _env_file, name=_name, member="cache.settings")
    store = AsyncPerClient(
        AsyncRedisCacheStore, _redis, settings=_settings, events=_events, name=_name, member="cache.store"
    )
