"""The bundle: one client with its capabilities, and the same again under each instance name."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, cast

from dependency_injector import providers
from dependency_injector.providers import Provider

from modkit_redis.cache import AsyncCacheModule, CacheModule, CacheSettings
from modkit_redis.client.config import RedisSettings
from modkit_redis.client.module import AsyncRedisModule, RedisModule
from modkit_redis.contract.errors import DeclarationError, InvalidNameError
from modkit_redis.contract.names import CAPABILITIES, SETTING_WORDS, checked_name
from modkit_redis.kernel.facade import Awaited, Blocking, Module, mount
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from modkit_redis.ratelimit import AsyncRateLimitModule, RateLimitModule, RateLimitSettings
from modkit_redis.session import AsyncSessionModule, SessionModule, SessionSettings

_SECTIONS: Final = (*CAPABILITIES, "named")
"""Sections of a bundle's configuration that are not the base module's."""


@dataclass(frozen=True, slots=True)
class BundleSettings:
    """Settings of a bundle, as objects.

    Attributes:
        redis: Settings of the client.
        cache: Settings of the cache; needed only by who uses it.
        session: Settings of sessions; likewise.
        ratelimit: Settings of the rate limiter; likewise.
        named: Settings of each named instance.
    """

    redis: RedisSettings
    cache: CacheSettings | None = None
    session: SessionSettings | None = None
    ratelimit: RateLimitSettings | None = None
    named: Mapping[str, BundleSettings] = field(default_factory=dict)


class Bundle(Module):
    """What both bundles have in common: instances nested below names of their own.

    Attributes:
        names: The names of the nested instances.
    """

    names: ClassVar[tuple[str, ...]] = ()
    if TYPE_CHECKING:
        _config: ClassVar[Provider[Any]]
        _env_file: ClassVar[Provider[Any]]

    def __init_subclass__(cls) -> None:
        for name, provider in cls.providers.items():
            if name[0] == "_" or name in (*cls.exports, *CAPABILITIES):
                continue
            if isinstance(provider, providers.Container):
                if provider.container._hidden["_name"]() != checked_name(name):
                    raise DeclarationError(f"{cls.__name__}.{name}", f"must be made with .instance({name!r})")
                for other in cls.names:
                    _check_beside(other, name)
                cls.names, cls.exports = (*cls.names, name), (*cls.exports, name)
        super().__init_subclass__()

    @classmethod
    def instance(cls, name: str, **inputs: Any) -> Self:
        """Return a bundle to be nested in a subclass: ``analytics = RedisBundle.instance("analytics")``.

        Args:
            name: Its name, and that of the attribute; it reads ``REDIS_<NAME>_…``.
            inputs: Its own inputs; without ``config`` its section ``named.<name>`` is used, or its own
                part of the environment where the bundle around it reads the environment.

        Raises:
            InvalidNameError: If tokens or settings made from *name* could collide with others.
        """
        plain = next(base for base in cls.__mro__ if issubclass(base, Bundle) and not base.names)
        inherited: dict[str, Any] = {}
        if "config" not in inputs:
            config = providers.Callable(part, cls._config, "named", checked_name(name))
            inherited = {"config": config, "env_file": cls._env_file}
        return cast(Self, mount(plain, name=checked_name(name), **{**inherited, **inputs}))

    @classmethod
    def named(cls, *names: str) -> type[Self]:
        """Return this bundle with an instance nested for each of *names*.

        Raises:
            InvalidNameError: If tokens or settings made from a name could collide with others.
        """
        members = {name: cls.instance(name) for name in names}
        body = {"__module__": cls.__module__, "__doc__": cls.__doc__, **members}
        return cast("type[Self]", types.new_class(cls.__name__, (cls,), exec_body=lambda ns: ns.update(body)))


def _check_beside(other: str, name: str) -> None:
    """Refuse *name* if a setting could be of it and of *other*, as REDIS_A_CACHE_… of `a` and `a_cache`."""
    short, long = sorted((other, name), key=len)
    rest = long.removeprefix(f"{short}_")
    begins_a_setting = rest in SETTING_WORDS or rest.startswith(tuple(f"{each}_" for each in CAPABILITIES))
    if rest != long and begins_a_setting:
        reason = f"cannot stand beside {other!r}: REDIS_{long.upper()}_… would begin settings of both"
        raise InvalidNameError(name, reason)


def _input(default: object) -> Provider[Any]:
    return providers.Object(default)


def own(config: Any) -> Any:
    """Return the base module's part of a bundle's configuration."""
    if isinstance(config, Mapping):
        return {key: value for key, value in config.items() if key not in _SECTIONS}
    return config.redis if isinstance(config, BundleSettings) else config


def part(config: Any, *path: str) -> Any:
    """Return what is below *path* in a bundle's configuration: ``None`` if nothing, never the environment."""
    if config is FROM_ENVIRONMENT:
        return config
    for step in path:
        config = config.get(step) if isinstance(config, Mapping) else getattr(config, step, None)
    return config


class RedisBundle(Bundle, Blocking):
    """One client with its cache, its sessions and its rate limiter."""

    exports: ClassVar[tuple[str, ...]] = ("client", "key_prefix", *CAPABILITIES)
    inputs: ClassVar[tuple[str, ...]] = (
        "config",
        "name",
        "env_file",
        "client",
        "cache_events",
        "session_events",
    )

    _config, _name, _env_file, _client = _input(FROM_ENVIRONMENT), _input(""), _input(None), _input(None)
    _cache_events, _session_events = _input(None), _input(None)
    _base = mount(
        RedisModule, config=providers.Callable(own, _config), name=_name, env_file=_env_file, client=_client
    )
    client, key_prefix = _base.client, _base.key_prefix
    cache = mount(
        CacheModule,
        redis=_base,
        config=providers.Callable(part, _config, "cache"),
        name=_name,
        env_file=_env_file,
        events=_cache_events,
    )
    session = mount(
        SessionModule,
        redis=_base,
        config=providers.Callable(part, _config, "session"),
        name=_name,
        env_file=_env_file,
        events=_session_events,
    )
    ratelimit = mount(
        RateLimitModule,
        redis=_base,
        config=providers.Callable(part, _config, "ratelimit"),
        name=_name,
        env_file=_env_file,
    )


class AsyncRedisBundle(Bundle, Awaited):
    """One client for asyncio with its cache, its sessions and its rate limiter."""

    exports: ClassVar[tuple[str, ...]] = ("client", "key_prefix", *CAPABILITIES)
    inputs: ClassVar[tuple[str, ...]] = (
        "config",
        "name",
        "env_file",
        "client",
        "cache_events",
        "session_events",
    )

    _config, _name, _env_file, _client = _input(FROM_ENVIRONMENT), _input(""), _input(None), _input(None)
    _cache_events, _session_events = _input(None), _input(None)
    _base = mount(
        AsyncRedisModule,
        config=providers.Callable(own, _config),
        name=_name,
        env_file=_env_file,
        client=_client,
    )
    client, key_prefix = _base.client, _base.key_prefix
    cache = mount(
        AsyncCacheModule,
        redis=_base,
        config=providers.Callable(part, _config, "cache"),
        name=_name,
        env_file=_env_file,
        events=_cache_events,
    )
    session = mount(
        AsyncSessionModule,
        redis=_base,
        config=providers.Callable(part, _config, "session"),
        name=_name,
        env_file=_env_file,
        events=_session_events,
    )
    ratelimit = mount(
        AsyncRateLimitModule,
        redis=_base,
        config=providers.Callable(part, _config, "ratelimit"),
        name=_name,
        env_file=_env_file,
    )
