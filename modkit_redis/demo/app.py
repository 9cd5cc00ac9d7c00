"""The application of the tour: a container with the bundle, for each world."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from dependency_injector import containers, providers

from modkit_redis import (
    AsyncRedisBundle,
    BundleSettings,
    CacheSettings,
    RedisBundle,
    RedisSettings,
    SessionSettings,
    mount,
)

_CACHE: Final = CacheSettings(default_ttl=timedelta(minutes=5))
_SESSION: Final = SessionSettings(
    idle_ttl=timedelta(minutes=30), absolute_ttl=timedelta(hours=12), per_user_max=10
)


class App(containers.DeclarativeContainer):
    """An application."""

    settings = providers.Dependency(instance_of=RedisSettings)
    redis = mount(RedisBundle, config=providers.Callable(BundleSettings, settings, _CACHE, _SESSION))


class AsyncApp(containers.DeclarativeContainer):
    """An application for asyncio."""

    settings = providers.Dependency(instance_of=RedisSettings)
    redis = mount(AsyncRedisBundle, config=providers.Callable(BundleSettings, settings, _CACHE, _SESSION))
