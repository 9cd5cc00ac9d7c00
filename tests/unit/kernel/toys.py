"""Modules of things that know no Redis, in both worlds, and what the tests do with them."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis.kernel import mount
from modkit_redis.kernel.facade import Awaited, Blocking, Module
from modkit_redis.kernel.resources import AsyncLazy, AsyncPerClient, Lazy, PerClient


class Opened:
    """Something that tells a log when it is opened and closed."""

    def __init__(
        self,
        what: str,
        log: list[str],
        failing: Container[str],
        *,
        client: object = None,
        key_prefix: str = "",
    ) -> None:
        self.what, self.client, self.key_prefix = what, client, key_prefix
        self._log, self._failing = log, failing
        log.append(f"open {what}")

    def close(self) -> None:
        self._log.append(f"close {self.what}")
        if self.what in self._failing:
            raise OSError(f"the {self.what} is stuck")

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.close()


def _input(default: object) -> providers.Provider[Any]:
    return providers.Object(default)


class Base(Blocking):
    """Exports what a store is built from."""

    exports = ("client", "key_prefix")
    inputs = ("prefix", "log", "failing", "name")

    _prefix, _log, _failing, _name = _input("app"), _input([]), _input(()), _input("")
    _settings: Lazy[object] = Lazy(object, name=_name, member="settings")
    key_prefix = Lazy(str, _prefix, name=_name, member="key_prefix")
    client = Lazy(Opened, "client", _log, _failing, client=_settings, name=_name, member="client")


class AsyncBase(Awaited):
    """The same, closed by an awaitable."""

    exports = ("client", "key_prefix")
    inputs = ("prefix", "log", "failing", "name")

    _prefix, _log, _failing, _name = _input("app"), _input([]), _input(()), _input("")
    _settings: Lazy[object] = Lazy(object, name=_name, member="settings")
    key_prefix = Lazy(str, _prefix, name=_name, member="key_prefix")
    client = AsyncLazy(Opened, "client", _log, _failing, client=_settings, name=_name, member="client")


class Toys(Blocking):
    """Exports a store."""

    exports = ("store",)
    inputs = ("redis", "log", "failing", "name")

    _redis = providers.DependenciesContainer()
    _log, _failing, _name = _input([]), _input(()), _input("")
    store = PerClient(
        Opened, _redis, what="store", log=_log, failing=_failing, name=_name, member="toys.store"
    )


class AsyncToys(Awaited):
    """The same, closed by an awaitable."""

    exports = ("store",)
    inputs = ("redis", "log", "failing", "name")

    _redis = providers.DependenciesContainer()
    _log, _failing, _name = _input([]), _input(()), _input("")
    store = AsyncPerClient(
        Opened, _redis, what="store", log=_log, failing=_failing, name=_name, member="toys.store"
    )


@dataclass(frozen=True)
class World:
    """What there is of each in one of the two worlds."""

    name: str
    base: type[Module]
    toys: type[Module]

    def application(self, log: list[str] | None = None, failing: Container[str] = ()) -> Any:
        """Return an application with a base as ``redis`` and a store as ``toys``."""
        return self.application_class(log, failing)()

    def application_class(self, log: list[str] | None = None, failing: Container[str] = ()) -> Any:
        given: dict[str, Any] = {"log": [] if log is None else log, "failing": failing}

        class App(containers.DeclarativeContainer):
            redis = mount(self.base, **given)
            toys = mount(self.toys, redis=redis, **given)

        return App


SYNC, ASYNC = World("sync", Base, Toys), World("async", AsyncBase, AsyncToys)

in_both_worlds = pytest.mark.parametrize("world", [SYNC, ASYNC], ids=lambda world: world.name)
