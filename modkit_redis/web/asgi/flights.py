"""One request makes the response for all that ask for it, by ``get_or_set``.

The application runs in the task of its request, so that its context variables and its cancellation are as
without a cache. The loader does no more than wait for the response.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from enum import Enum
from typing import Final

from modkit_redis.contract.cache import AsyncCacheStore
from modkit_redis.contract.errors import ModkitRedisError

PASS_FOR: Final = timedelta(seconds=10)
"""For how long requests wait for nobody, after a response that could not be stored."""

WAIT_AT_MOST: Final = timedelta(seconds=30)
"""How long a request waits for one that is made for another, which may never come."""

_UNENDED: Final[set[asyncio.Task[object]]] = set()


class Role(Enum):
    """What a request is to do."""

    LEADS = "make the response"


class _AbandonedError(ModkitRedisError):
    """The response will not be there: its application failed, or its client is gone."""


class Flight:
    """The part of one request in what others may wait for as well."""

    def __init__(self, store: AsyncCacheStore, key: str, ttl: float) -> None:
        """Wait for nothing yet.

        Args:
            store: Where the response is to be.
            key: Its key.
            ttl: For how many seconds, if it does not say less.
        """
        self._store, self._key, self._ttl = store, key, ttl
        loop = asyncio.get_running_loop()
        self._leads: asyncio.Future[None] = loop.create_future()
        self._made: asyncio.Future[bytes | None] = loop.create_future()
        self._task: asyncio.Task[object] | None = None

    async def join(self) -> object:
        """Return what another has made, or ``Role.LEADS`` where this request is to make it.

        ``None`` stands for what cannot be stored, or will not be there: each request makes its own.

        Raises:
            ModkitRedisError: What the store raises.
        """
        self._task = asyncio.create_task(self._get())
        _UNENDED.add(self._task)
        self._task.add_done_callback(_ended)
        try:
            await asyncio.wait(
                (self._task, self._leads),
                timeout=WAIT_AT_MOST.total_seconds(),
                return_when=asyncio.FIRST_COMPLETED,
            )
        except asyncio.CancelledError:
            self.abandon()
            self._task.cancel()
            raise
        if self._leads.done() and not self._task.done():
            return Role.LEADS
        if not self._task.done():
            self.abandon()
            self._task.cancel()
            return None
        try:
            return self._task.result()
        except _AbandonedError:
            return None

    async def land(self, made: bytes, ttl: float) -> None:
        """Give the response to all, and see it stored for *ttl* seconds.

        Raises:
            ModkitRedisError: What the store raises: it is not stored.
        """
        self._give(made)
        if self._task is not None:
            await asyncio.shield(self._task)
        if ttl < self._ttl:
            await self._store.touch(self._key, ttl=ttl)

    def pass_by(self) -> None:
        """Let each make its own, and so for a while."""
        self._give(None)

    def abandon(self) -> None:
        """Let another try, unless the response is there."""
        if not self._made.done():
            self._made.set_exception(_AbandonedError())
            self._made.exception()  # perhaps nobody waits for it

    def _give(self, made: bytes | None) -> None:
        if not self._made.done():
            self._made.set_result(made)

    async def _get(self) -> object:
        # What is old is not served, as the request that would make the new one in the background has ended.
        return await self._store.get_or_set(
            self._key,
            self._wait,
            ttl=self._ttl,
            stale_for=0,
            stale_if_error=0,
            negative_ttl=PASS_FOR,
            early_refresh=False,
        )

    async def _wait(self) -> bytes | None:
        if not self._leads.done():
            self._leads.set_result(None)
        return await asyncio.shield(self._made)


def _ended(task: asyncio.Task[object]) -> None:
    _UNENDED.discard(task)
    if not task.cancelled():
        task.exception()
