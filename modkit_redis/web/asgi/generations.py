"""Eviction by group: a generation for each, which is part of the key of what is stored in it.

A response is stored under the generation that was read before it was made, and is looked for under the one
that is read together with it. So what began before an eviction cannot be found after it. A generation that is
lost is never drawn again.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final, NamedTuple

from modkit_redis.contract.cache import AsyncCacheStore
from modkit_redis.contract.sentinels import MISS

LIFETIME: Final = timedelta(days=30)
"""How long a generation stays; then its group is empty, and begins another."""

_REMEMBERED: Final = 1024


class Looked(NamedTuple):
    """What a look has found.

    Attributes:
        key: Where the response is to be.
        value: What is there; ``MISS`` for nothing.
    """

    key: str
    value: object


class Generations:
    """Looks for responses; it remembers the generations, so that one round trip asks for both."""

    def __init__(self) -> None:
        """Know none."""
        self._known: dict[str, str] = {}

    async def look(self, store: AsyncCacheStore, group: str, digest: str) -> Looked:
        """Return what is there for a request, in one round trip; in two or three after an eviction.

        Args:
            store: Where to look.
            group: The group.
            digest: What tells the request from others.

        Raises:
            ModkitRedisError: What the store raises.
        """
        known = self._known.get(group, "")
        guess = [_entry_key(known, digest)] if known else []
        present, *values = await store.get_many([_group_key(group), *guess])
        if present == known and values:
            return Looked(guess[0], values[0])
        is_there = isinstance(present, str) and bool(present)
        generation = present if isinstance(present, str) and present else await _begun(store, group)
        self._remember(group, generation)
        key = _entry_key(generation, digest)
        return Looked(key, await store.get(key) if is_there else MISS)

    def _remember(self, group: str, generation: str) -> None:
        if len(self._known) >= _REMEMBERED and group not in self._known:
            del self._known[next(iter(self._known))]
        self._known[group] = generation


async def evict_responses(group: str = "", *, store: AsyncCacheStore) -> None:
    """Let nobody have the responses of *group* any more; one round trip, however many there are.

    A response that is being made at this moment will not be found either. What is evicted stays in Redis
    until its TTL.

    Args:
        group: The group; the one of middleware that was given none when omitted.
        store: The store of the middleware.

    Raises:
        ArgumentError: If *group* cannot be one; nothing was sent.
        StoreUnavailableError: If Redis does not answer; the responses may still be there.
        CommandRefusedError: If Redis refuses; they are still there.
    """
    await store.set(_group_key(group), _drawn(), ttl=LIFETIME)


async def _begun(store: AsyncCacheStore, group: str) -> str:
    drawn, key = _drawn(), _group_key(group)
    if await store.set(key, drawn, ttl=LIFETIME, only_if="absent"):
        return drawn
    present = await store.get(key)
    # Where there is still none, what is stored under the drawn one is found by nobody.
    return present if isinstance(present, str) and present else drawn


def _drawn() -> str:
    return secrets.token_hex(8)


def _group_key(group: str) -> str:
    return f"response-group-{group}"


def _entry_key(generation: str, digest: str) -> str:
    return f"response-{generation}-{digest}"
