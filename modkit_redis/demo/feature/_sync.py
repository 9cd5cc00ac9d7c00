# Generated from _async.py by .ci/unasync.py; do not edit.
"""Counting the visits of pages: this knows tokens, protocols and redis-py's types, and no container."""

from __future__ import annotations

import redis
from dependency_injector.wiring import Provide, inject

from modkit_redis.contract import (
    TOKEN_CACHE_STORE,
    TOKEN_CLIENT,
    TOKEN_KEY_PREFIX,
    CacheStore,
    KeySpace,
)


@inject
def count(
    page: str, client: redis.Redis = Provide[TOKEN_CLIENT], prefix: str = Provide[TOKEN_KEY_PREFIX]
) -> int:
    """Count one visit of *page* and return how many there were."""
    return client.incr(KeySpace(prefix, "visits").key(page))


@inject
def of(
    *pages: str, client: redis.Redis = Provide[TOKEN_CLIENT], prefix: str = Provide[TOKEN_KEY_PREFIX]
) -> dict[str, int]:
    """Return how many visits each of *pages* had, in one round trip."""
    counts = client.mget([KeySpace(prefix, "visits").key(page) for page in pages])
    return {page: int(found or 0) for page, found in zip(pages, counts, strict=True)}


@inject
def report(store: CacheStore = Provide[TOKEN_CACHE_STORE]) -> dict[str, int]:
    """Return how many visits there were a minute ago at most; asking for them stands for a slow query."""
    return store.get_or_set("report", lambda: of("home", "cart"), ttl=60)


@inject
def outdate(store: CacheStore = Provide[TOKEN_CACHE_STORE]) -> int:
    """Have the next report made anew, and return how many were there."""
    return store.delete("report")


@inject
def forget(
    page: str, client: redis.Redis = Provide[TOKEN_CLIENT], prefix: str = Provide[TOKEN_KEY_PREFIX]
) -> bool:
    """Forget the visits of *page* and return whether there were any."""
    return bool(client.delete(KeySpace(prefix, "visits").key(page)))
