"""What a cache has left in Redis and in this process, and what it sends."""

from __future__ import annotations

from typing import Any

import redis

from modkit_redis.cache import AsyncRedisCacheStore, RedisCacheStore
from modkit_redis.testing import ServerWatch
from tests.crews import async_until, until

_NOBODY = (bytes(8), b"\xff" * 8)


def leases(admin: redis.Redis, prefix: str) -> list[bytes]:
    """Return the keys that somebody holds the lease of."""
    found = {key: admin.getrange(key, 0, 39) for key in admin.scan_iter(f"{prefix}:cache:*", _type="string")}
    return [key for key, head in found.items() if is_held(head)]


def is_held(head: Any) -> bool:
    """Tell whether these are the first bytes of an entry with a lease."""
    return head[:2] == b"\xc5M" and head[8:16] not in _NOBODY


def lifetimes(admin: redis.Redis, prefix: str) -> dict[bytes, int]:
    """Return the TTL of each key of the cache in milliseconds; -1 for none."""
    return {key: admin.pttl(key) for key in admin.scan_iter(f"{prefix}:cache:*")}


async def async_idle(store: AsyncRedisCacheStore) -> None:
    """Wait until nothing in this process is busy for *store* (I16)."""
    flights = store._loads._flights
    await async_until(
        lambda: not (flights._airborne or flights._tasks or flights._background), "the store is idle"
    )


def idle(store: RedisCacheStore) -> None:
    """Wait until nothing in this process is busy for *store* (I16)."""
    flights, heart = store._loads._flights, store._loads._leads._heart
    until(lambda: not (flights._airborne or flights._background or heart._held), "the store is idle")


class Counter:
    """What arrives at a server from those who are connected already."""

    def __init__(self, watch: ServerWatch) -> None:
        self._watch = watch

    def begin(self) -> None:
        self._watch.commands()
        self._watch.round_trips()

    def spent(self) -> tuple[int, list[str]]:
        """Return the round trips and the names of the commands since it began."""
        trips, commands = self._watch.round_trips(), self._watch.commands()
        return trips, [each.split(" ")[0].upper() for each in commands]
