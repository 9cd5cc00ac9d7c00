"""The rate limiter as a module: one store on the client of the base module."""

from __future__ import annotations

from typing import Any, ClassVar

from dependency_injector import providers
from dependency_injector.providers import Provider

from modkit_redis.kernel.facade import Awaited, Blocking
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from modkit_redis.kernel.resources import AsyncPerClient, Lazy, PerClient
from modkit_redis.ratelimit._async import AsyncRedisRateLimitStore
from modkit_redis.ratelimit._sync import RedisRateLimitStore
from modkit_redis.ratelimit.config import RateLimitSettings


def _input(default: object) -> Provider[Any]:
    return providers.Object(default)


class RateLimitModule(Blocking):
    """A rate limiter."""

    exports: ClassVar[tuple[str, ...]] = ("store",)
    inputs: ClassVar[tuple[str, ...]] = ("redis", "config", "name", "env_file")

    _redis = providers.DependenciesContainer()
    _config, _name, _env_file = _input(FROM_ENVIRONMENT), _input(""), _input(None)
    _settings = Lazy(
        RateLimitSettings.load, _config, _name, _env_file, name=_name, member="ratelimit.settings"
    )
    store = PerClient(RedisRateLimitStore, _redis, settings=_settings, name=_name, member="ratelimit.store")


class AsyncRateLimitModule(Awaited):
    """A rate limiter for asyncio."""

    exports: ClassVar[tuple[str, ...]] = ("store",)
    inputs: ClassVar[tuple[str, ...]] = ("redis", "config", "name", "env_file")

    _redis = providers.DependenciesContainer()
    _config, _name, _env_file = _input(FROM_ENVIRONMENT), _input(""), _input(None)
    _settings = Lazy(
        RateLimitSettings.load, _config, _name, _env_file, name=_name, member="ratelimit.settings"
    )
    store = AsyncPerClient(
        AsyncRedisRateLimitStore, _redis, settings=_settings, name=_name, member="ratelimit.store"
    )
