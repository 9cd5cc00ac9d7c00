"""``Inject``: what a token stands for, as a parameter of a FastAPI route or dependency."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from inspect import isawaitable
from typing import Any, Final, Literal, TypeVar, cast, overload

import redis.asyncio
from dependency_injector.providers import Provider
from dependency_injector.wiring import Provide, inject
from fastapi import params

from modkit_redis.contract.cache import AsyncCacheStore
from modkit_redis.contract.errors import ArgumentError, ConfigError
from modkit_redis.contract.ratelimit import AsyncRateLimitStore
from modkit_redis.contract.session import AsyncSessionStore

T = TypeVar("T")


class Injected(params.Depends):
    """A dependency that is resolved by the container to which its module is wired.

    It is resolved in the event loop; FastAPI would run ``Depends(Provide[…])`` in a thread.
    """

    def __init__(self, token: str | Provider[Any], module: str) -> None:
        """Prepare.

        Args:
            token: What to inject: an id, or a provider of the container's class.
            module: Name of the module that is to be wired.
        """
        super().__init__(dependency=self)
        facts = {"_token": token, "_module": module, "_resolve": _resolver(token, module)}
        for name, value in facts.items():
            object.__setattr__(self, name, value)  # the parent is frozen

    async def __call__(self) -> Any:
        """Return what the token stands for.

        Raises:
            ConfigError: If the module is not wired, or the token was never resolved.
        """
        found = self._resolve()
        if isawaitable(found):
            found = await found
        if getattr(found, "__IS_MARKER__", False) is True:
            raise ConfigError(str(self), self._help)
        return found

    _token: str | Provider[Any]
    _module: str
    _resolve: Callable[[], Any]

    @property
    def _help(self) -> str:
        wired = f"wire_strict(container, modules=[{self._module!r}])"
        return f"is not wired: call {wired} when the module is loaded and before the first request"

    def __eq__(self, other: object) -> bool:
        return self is other  # typing.Annotated takes what is equal for the same

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Inject[{self._token!r}]"

    __str__ = __repr__


class _Inject:
    """Makes dependencies of tokens: ``Inject["redis.cache.store"]``."""

    @overload
    def __getitem__(self, token: Literal["redis.client"]) -> redis.asyncio.Redis: ...
    @overload
    def __getitem__(self, token: Literal["redis.key_prefix"]) -> str: ...
    @overload
    def __getitem__(self, token: Literal["redis.cache.store"]) -> AsyncCacheStore: ...
    @overload
    def __getitem__(self, token: Literal["redis.session.store"]) -> AsyncSessionStore: ...
    @overload
    def __getitem__(self, token: Literal["redis.ratelimit.store"]) -> AsyncRateLimitStore: ...
    @overload
    def __getitem__(self, token: str) -> Any: ...
    @overload
    def __getitem__(self, token: Callable[[], T]) -> T: ...
    def __getitem__(self, token: Any) -> Any:
        return injected(token, module_of_caller(1))

    def __repr__(self) -> str:
        return "Inject"


Inject: Final = _Inject()
"""What a token stands for, as a default or in ``Annotated``; the module in which it stands is to be wired.

``store: AsyncCacheStore = Inject["redis.cache.store"]``, or ``Annotated[AsyncCacheStore,
Inject["redis.cache.store"]]``, also below ``from __future__ import annotations``. Neither ``Depends`` nor
``@inject`` is needed, and both do no harm. Type checkers know what the tokens of the default instance stand
for in asyncio, and what a provider provides (``Inject[App.redis.cache.store]``); other ids are ``Any``.
"""


def injected(token: object, module: str) -> Injected:
    """Return the one dependency on *token* in *module*: FastAPI may read a signature again after wiring.

    Raises:
        ArgumentError: If *token* cannot be one.
    """
    if not isinstance(token, str | Provider):
        raise ArgumentError("Inject", "must be given a token, as in Inject['redis.cache.store']")
    return _injected(token, module)


@cache
def _injected(token: str | Provider[Any], module: str) -> Injected:
    return Injected(token, module)


def module_of_caller(above: int) -> str:
    """Return the name of the module whose code called the function that calls this, or one *above* it."""
    found: str = sys._getframe(above + 1).f_globals.get("__name__", "__main__")
    return found


def _resolver(token: str | Provider[Any], module: str) -> Callable[[], Any]:
    """Return a function that dependency-injector binds when *module* is wired, and ``wire_strict`` checks."""

    # No coroutine function: dependency-injector takes three times as long for those.
    def resolve(store: Any = Provide[token]) -> Any:
        return store

    resolve.__module__, resolve.__qualname__ = module, f"Inject[{token!r}]"
    return cast("Callable[[], Any]", inject(resolve))
