"""Sessions as a module: one store on the client of the base module."""

from __future__ import annotations

from typing import Any, ClassVar

from dependency_injector import providers
from dependency_injector.providers import Provider

from modkit_redis.kernel.facade import Awaited, Blocking
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from modkit_redis.kernel.resources import AsyncPerClient, Lazy, PerClient
from modkit_redis.session._async import AsyncRedisSessionStore
from modkit_redis.session._sync import RedisSessionStore
from modkit_redis.session.config import SessionSettings


def _input(default: object) -> Provider[Any]:
    return providers.Object(default)


class SessionModule(Blocking):
    """A session store."""

    exports: ClassVar[tuple[str, ...]] = ("store",)
    inputs: ClassVar[tuple[str, ...]] = ("redis", "config", "name", "env_file", "events")

    _redis = providers.DependenciesContainer()
    _config, _name, _env_file, _events = _input(FROM_ENVIRONMENT), _input(""), _input(None), _input(None)
    _settings = Lazy(SessionSettings.load, _config, _name, _env_file, name=_name, member="session.settings")
    store = PerClient(
        RedisSessionStore, _redis, settings=_settings, events=_events, name=_name, member="session.store"
    )


class AsyncSessionModule(Awaited):
    """A session store for asyncio."""

    exports: ClassVar[tuple[str, ...]] = ("store",)
    inputs: ClassVar[tuple[str, ...]] = ("redis", "config", "name", "env_file", "events")

    _redis = providers.DependenciesContainer()
    _config, _name, _env_file, _events = _input(FROM_ENVIRONMENT), _input(""), _input(None), _input(None)
    _settings = Lazy(SessionSettings.load, _config, _name, _env_file, name=_name, member="session.settings")
    store = AsyncPerClient(
        AsyncRedisSessionStore, _redis, settings=_settings, events=_events, name=_name, member="session.store"
    )
