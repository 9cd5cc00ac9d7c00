"""Checks of what middleware is given."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TypeVar

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.web.cookies import SessionCookie

T = TypeVar("T")


def checked_store(store: T, *, is_async: bool) -> T:
    """Return *store*, which may be a provider of one.

    Raises:
        ArgumentError: If it can be no session store, or is one of the other world.
    """
    load = getattr(store, "load", None)
    if callable(store):
        return store
    if load is None:
        raise ArgumentError("store", "must be redis.session.store of a container, or what returns one")
    if iscoroutinefunction(load) is not is_async:
        mine, bundle = ("asyncio", "AsyncRedisBundle") if is_async else ("threads", "RedisBundle")
        raise ArgumentError("store", f"must be one for {mine}, as {bundle} has")
    return store


def checked_cookie(cookie: SessionCookie | None) -> SessionCookie:
    """Return *cookie*, or the default one.

    Raises:
        ArgumentError: If it is none.
    """
    if cookie is not None and not isinstance(cookie, SessionCookie):
        raise ArgumentError("cookie", f"must be a SessionCookie, not {type(cookie).__name__}")
    return cookie or SessionCookie()
