"""``cached``: ``get_or_set`` around a function that is given its store."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.sentinels import Lifetime
from modkit_redis.contract.values import Duration
from modkit_redis.kernel.choosing import Chooser

F = TypeVar("F", bound=Callable[..., Any])


def cached(
    *,
    key: Callable[..., str],
    ttl: Lifetime | None = None,
    store: str = "cache",
    stale_for: Duration | None = None,
    stale_if_error: Duration | None = None,
    negative_ttl: Duration | None = None,
    early_refresh: bool | None = None,
    type: object = None,
) -> Callable[[F], F]:
    """Cache what a function returns, by ``get_or_set`` of the store that it is given.

    The function is a plain one or an ``async def``, and its store the one for its world. ``@inject`` stands
    above, so that the store is injected like anything else::

        @inject
        @cached(key=lambda user_id: f"user:{user_id}", ttl=60)
        def user(user_id: int, cache: CacheStore = Provide["redis.cache.store"]) -> dict[str, object]: ...

    Args:
        key: Returns the key. It is given the arguments that its parameters name, defaults included.
        ttl: As of ``get_or_set``, and likewise all that follows but *store*.
        store: Name of the parameter that takes the store.
        stale_for: How much longer a value is returned while a new one is loaded in the background.
        stale_if_error: How much longer it is returned if the function raises.
        negative_ttl: How long a returned ``None`` is kept.
        early_refresh: Whether the function may be called in the background before the value expires.
        type: What the value is read as.

    Raises:
        DeclarationError: When it decorates a function without the parameters that *store* and *key* name, or
            one that yields.
    """
    options = {
        "ttl": ttl,
        "stale_for": stale_for,
        "stale_if_error": stale_if_error,
        "negative_ttl": negative_ttl,
        "early_refresh": early_refresh,
        "type": type,
    }

    def decorate(function: F) -> F:
        on_yield = "yields, and what it yields cannot be cached: return a list"
        choose = Chooser(function, key, called="key", store=store, on_yield=on_yield)

        def prepared(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, str]:
            found, name = choose(args, kwargs)
            if not hasattr(found, "get_or_set"):
                raise ArgumentError(
                    store, "must be a cache store: put @inject above @cached, and wire the module"
                )
            return found, name

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                found, name = prepared(args, kwargs)
                return await found.get_or_set(name, functools.partial(function, *args, **kwargs), **options)

            return cast(F, awaited)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            found, name = prepared(args, kwargs)
            return found.get_or_set(name, functools.partial(function, *args, **kwargs), **options)

        return cast(F, called)

    return decorate
