"""The application of the tour: a container with the bundle, for each world."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from dependency_injector import containers, providers

from modkit_redis import (
    AsyncRedisBundle,
    BundleSettings,
    CacheSettings,
    RateLimitSettings,
    RedisBundle,
    RedisSettings,
    SessionSettings,
    mount,
)
from modkit_redis.contract import Limit

_CACHE: Final = CacheSettings(default_ttl=timedelta(minutes=5))
_SESSION: Final = SessionSettings(
    idle_ttl=timedelta(minutes=30), absolute_ttl=timedelta(hours=12), per_user_max=10
)
_RATELIMIT: Final = RateLimitSettings(limit=(Limit(2, timedelta(hours=1), name="login"),))


class App(containers.DeclarativeContainer):
    """An application."""

    settings = providers.Dependency(instance_of=RedisSettings)
    redis = mount(
        RedisBundle, config=providers.Callable(BundleSettings, settings, _CACHE, _SESSION, _RATELIMIT)
    )


class AsyncApp(containers.DeclarativeContainer):
    """An application for asyncio."""

    settings = providers.Dependency(instance_of=RedisSettings)
    redis = mount(
        AsyncRedisBundle, config=providers.Callable(BundleSettings, settings, _CACHE, _SESSION, _RATELIMIT)
    )
