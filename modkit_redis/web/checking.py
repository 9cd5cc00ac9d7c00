"""Checks of what middleware is given."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Final, NamedTuple

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.web.cookies import SessionCookie


class Kind(NamedTuple):
    """A kind of store.

    Attributes:
        name: What it is called.
        method: What each of them has.
    """

    name: str
    method: str


SESSIONS: Final = Kind("a session store", "load")
LIMITER: Final = Kind("a rate limiter", "hit")
CACHE: Final = Kind("a cache store", "get_or_set")


def check_store(store: object, kind: Kind, *, is_async: bool) -> None:
    """Refuse what is neither a store of the right world nor a provider; what a provider gives is seen later.

    Raises:
        ArgumentError: If so.
    """
    method = getattr(store, kind.method, None)
    if callable(store) or (callable(method) and iscoroutinefunction(method) == is_async):
        return
    world, bundle = ("asyncio", "AsyncRedisBundle") if is_async else ("threads", "RedisBundle")
    raise ArgumentError("store", f"must be {kind.name} for {world}, or a provider of one, as {bundle} has")


def checked_cookie(cookie: SessionCookie | None) -> SessionCookie:
    """Return *cookie*, or the default one.

    Raises:
        ArgumentError: If it is none.
    """
    if cookie is not None and not isinstance(cookie, SessionCookie):
        raise ArgumentError("cookie", f"must be a SessionCookie, not {type(cookie).__name__}")
    return cookie or SessionCookie()
