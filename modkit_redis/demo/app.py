"""The application of the tour: a container with the bundle, for each world."""

from __future__ import annotations

from dependency_injector import containers, providers

from modkit_redis import AsyncRedisBundle, RedisBundle, RedisSettings, mount


class App(containers.DeclarativeContainer):
    """An application."""

    settings = providers.Dependency(instance_of=RedisSettings)
    redis = mount(RedisBundle, config=settings)


class AsyncApp(containers.DeclarativeContainer):
    """An application for asyncio."""

    settings = providers.Dependency(instance_of=RedisSettings)
    redis = mount(AsyncRedisBundle, config=settings)
