"""The base module: one client and the prefix of its keys."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, TypeVar, cast

import redis
import redis.asyncio
from dependency_injector import providers
from dependency_injector.providers import Provider

from modkit_redis.client._async import AsyncRedisExecutor
from modkit_redis.client._sync import RedisExecutor
from modkit_redis.client.config import RedisSettings
from modkit_redis.client.lifecycle import open_async_client, open_client
from modkit_redis.contract.errors import BuildError, ConfigError
from modkit_redis.kernel.facade import Awaited, Blocking
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from modkit_redis.kernel.resources import AsyncLazy, Lazy

T = TypeVar("T")


class _Client(Lazy[T]):
    """Ours, unless one was brought along: that one is neither pinged nor closed."""

    parts = (*Lazy.parts, "_settings", "_brought", "_prefix")
    _settings: Any = None
    _brought: Any = None
    _prefix: Any = None
    other_world: tuple[type, str] = (object, "")

    def __init__(
        self,
        provides: Callable[..., T] | None = None,
        settings: Provider[Any] | None = None,
        *,
        brought: Provider[T | None] | None = None,
        prefix: Provider[str] | None = None,
        **labels: Any,
    ) -> None:
        self._settings, self._brought, self._prefix = settings, brought, prefix
        super().__init__(provides, settings, member="client", **labels)

    def _build(self, key: object = None, kept: object = None, **given: Any) -> T:
        brought = self._brought()
        if brought is None:
            made: Any = super()._build()
            made.connection_pool.guard.on_close = self._forget
            return cast(T, made)
        _check_brought(brought, self.token, *self.other_world)
        client: T = brought
        return client

    def _forget(self) -> None:
        """Make a new client on the next use: the application has closed this one itself."""
        with self._lock:
            self._built = {}

    def _take(self) -> list[T]:
        taken: list[Any] = super()._take()
        for client in taken:
            client.connection_pool.guard.close("shutdown_resources()")
        return taken

    def _ping_timeout(self) -> timedelta:
        """Load what is needed, so that a bad setting fails at start-up; return 0 for no ping."""
        if self.overridden or self._brought() is not None:
            self._prefix()
            return timedelta(0)
        timeout: timedelta = self._settings().ping_timeout
        return timeout


class ClientResource(_Client[redis.Redis]):
    """A client, pinged by ``init_resources()`` if its settings say so."""

    other_world = (redis.asyncio.Redis, "AsyncRedisModule or AsyncRedisBundle")

    def init(self) -> None:
        """Load the settings; connect and ping if they say so."""
        if deadline := self._ping_timeout():
            client = self()
            try:
                RedisExecutor(client).execute("PING", deadline=deadline)
            except Exception as error:  # noqa: BLE001  # it is raised again
                self.shutdown()
                raise BuildError(self.token, "ping") from error.with_traceback(None)


class AsyncClientResource(_Client[redis.asyncio.Redis], AsyncLazy[redis.asyncio.Redis]):
    """The same; ``init_resources()`` is always awaitable."""

    other_world = (redis.Redis, "RedisModule or RedisBundle")

    async def init(self) -> None:  # type: ignore[override]  # the stub: BaseResource[T].init gives T
        """Load the settings; connect and ping if they say so."""
        if deadline := self._ping_timeout():
            client = self()
            try:
                await AsyncRedisExecutor(client).execute("PING", deadline=deadline)
            except BaseException as error:
                await self.shutdown()
                if not isinstance(error, Exception):
                    raise
                raise BuildError(self.token, "ping") from error.with_traceback(None)


def _input(default: object) -> Provider[Any]:
    return providers.Object(default)


class RedisModule(Blocking):
    """One client and the prefix of its keys."""

    exports: ClassVar[tuple[str, ...]] = ("client", "key_prefix")
    inputs: ClassVar[tuple[str, ...]] = ("config", "name", "env_file", "client")

    _config, _name, _env_file, _client = _input(FROM_ENVIRONMENT), _input(""), _input(None), _input(None)
    _settings = Lazy(RedisSettings.load, _config, _name, _env_file, name=_name, member="settings")
    key_prefix = Lazy(
        RedisSettings.load_key_prefix, _config, _name, _env_file, name=_name, member="key_prefix"
    )
    client = ClientResource(open_client, _settings, brought=_client, prefix=key_prefix, name=_name)


class AsyncRedisModule(Awaited):
    """One client for asyncio and the prefix of its keys."""

    exports: ClassVar[tuple[str, ...]] = ("client", "key_prefix")
    inputs: ClassVar[tuple[str, ...]] = ("config", "name", "env_file", "client")

    _config, _name, _env_file, _client = _input(FROM_ENVIRONMENT), _input(""), _input(None), _input(None)
    _settings = Lazy(RedisSettings.load, _config, _name, _env_file, name=_name, member="settings")
    key_prefix = Lazy(
        RedisSettings.load_key_prefix, _config, _name, _env_file, name=_name, member="key_prefix"
    )
    client = AsyncClientResource(open_async_client, _settings, brought=_client, prefix=key_prefix, name=_name)


def _check_brought(client: object, token: str, other_world: type, use: str) -> None:
    if isinstance(client, other_world):
        raise ConfigError(
            token, f"was given a {other_world.__module__}.{other_world.__name__}: use {use} for it"
        )
    get_retry = getattr(client, "get_retry", None)
    retry = get_retry() if get_retry else None
    if retry is not None and (times := retry.get_retries()) != 0:
        warnings.warn(
            f"the client brought for {token} repeats a command up to {times} times when a connection fails, "
            "so an INCR may count more than once; stores are not affected, your own commands are. "
            "Make it with retry=Retry(NoBackoff(), 0).",
            stacklevel=2,
        )
