"""A slow query behind the cache: one load for however many ask, and an old result while a new one is made."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from dependency_injector.wiring import Provide, inject
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from examples.webapp.clicks import click_of
from modkit_redis.contract import TOKEN_CACHE_STORE, AsyncCacheStore, CacheEvent, StoreUnavailableError
from modkit_redis.web.fastapi import Inject

router = APIRouter()

Store = Annotated[AsyncCacheStore, Inject["redis.cache.store"]]

_SALES = Inject["sales"]
_KEY = "report"
_HEARD: ContextVar[list[str] | None] = ContextVar("heard", default=None)


class Sales:
    """Stands for a database that takes its time."""

    def __init__(self, takes: timedelta) -> None:
        """Prepare.

        Args:
            takes: How long each query takes.
        """
        self._takes = takes

    async def query(self) -> dict[str, Any]:
        """Return how much of what was sold, and when that was found out."""
        await asyncio.sleep(self._takes.total_seconds())
        least = {"Tea": 180, "Coffee": 140, "Cake": 60}
        sold = {name: number + secrets.randbelow(60) for name, number in least.items()}
        return {"at": time.time(), "sold": sold}


@dataclass(frozen=True, slots=True)
class Report:
    """What the card shows.

    Attributes:
        value: The result that is fresh; ``None`` if there is none.
        is_degraded: Whether the cache does not answer, and each query goes straight to the source.
    """

    value: dict[str, Any] | None
    is_degraded: bool


@inject
async def show(_: Request, store: AsyncCacheStore = Provide[TOKEN_CACHE_STORE]) -> Report:
    """Return what the card shows; nothing is loaded for it."""
    with listening() as heard:
        value: Any = await store.get(_KEY, None)
    return Report(value, "degraded" in heard)


@router.post("/report")
async def ask(request: Request, store: Store, sales: Annotated[Sales, _SALES]) -> RedirectResponse:
    """Ask for the report, and tell what the cache had to say."""
    began = time.perf_counter()
    with listening() as heard:
        value = await store.get_or_set(_KEY, sales.query)
    took_ms = (time.perf_counter() - began) * 1000
    badge, said = _meaning(heard)
    click_of(request.scope).tell(
        "report", f"{said} It took {took_ms:,.1f} ms.", badge=badge, value=value, took_ms=took_ms
    )
    return RedirectResponse("/", 303)


@router.post("/report/evict")
async def evict(request: Request, store: Store) -> RedirectResponse:
    """Forget the result."""
    try:
        said = "The result is evicted." if await store.delete(_KEY) else "There was nothing to evict."
    except StoreUnavailableError:
        said = "Nothing was evicted: Redis is away."
    click_of(request.scope).tell("report", said)
    return RedirectResponse("/", 303)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Give the kinds of the events of the cache that the block causes."""
    heard: list[str] = []
    token = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(token)


def hear(event: CacheEvent) -> None:
    """Note an event; the container gives this to the cache."""
    heard = _HEARD.get()
    if heard is not None:
        heard.append(event.kind)


def _meaning(heard: list[str]) -> tuple[str, str]:
    if "degraded" in heard:
        return "direct", "The cache is away, so this came straight from the source."
    if "stale-hit" in heard:
        return "stale", "An old result, at once; a new one is being made."
    if "hit" in heard or "early-refresh" in heard:
        return "hit", "From the cache."
    return "miss", "Nothing was cached, so the query ran."
