"""Random faults under a mixed load: every answer is of the key that was asked for, and all comes back."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import MISS, StoreUnavailableError
from tests.caching import AsyncCache, AsyncCaches, AsyncCall, async_lapse, async_until, within
from tests.chaos import check_pool, harm, heal
from tests.faults.proxy import Proxy

KEYS: Final = [f"key{number}" for number in range(6)]
TIMEOUTS: Final = {f"{each}_timeout": "2s" for each in ("dial", "read", "write")}


@pytest.fixture
async def caches() -> AsyncIterator[AsyncCaches]:
    caches = AsyncCaches()
    yield caches
    await caches.aclose()


class Worker:
    """Asks for random things until it is over, and keeps what it was told wrongly."""

    def __init__(self, cache: AsyncCache, chance: random.Random) -> None:
        self.store, self.chance = cache.store, chance
        self.is_over = False
        self.answered = self.failed = 0
        self.wrong: list[object] = []

    async def work(self) -> None:
        while not self.is_over:
            key = self.chance.choice(KEYS)
            try:
                for asked, got in await self.act(key):
                    if got is not MISS and (not isinstance(got, list) or got[0] != asked):
                        self.wrong.append((asked, got))
                self.answered += 1
            except StoreUnavailableError:
                self.failed += 1

    async def act(self, key: str) -> list[tuple[str, object]]:
        async def load() -> list[object]:
            if self.chance.random() < 0.3:
                await async_lapse(0.01)
            return [key, self.chance.random()]

        match self.chance.randrange(6):
            case 0:
                return [(key, await self.store.get(key))]
            case 1:
                return list(zip(KEYS, await self.store.get_many(KEYS), strict=True))
            case 2:
                await self.store.set(key, [key, 0], ttl=self.chance.choice([0.02, 60]))
                return []
            case 3:
                await self.store.delete(key)
                return []
            case _:
                return [(key, await self.store.get_or_set(key, load))]


@pytest.mark.parametrize("times", [60, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("plan", "outage"),
    [
        ("plain", "raise"),
        ("grace", "miss"),
        pytest.param("plain", "miss", marks=pytest.mark.slow),
        pytest.param("grace", "raise", marks=pytest.mark.slow),
        pytest.param("generations", "raise", marks=pytest.mark.slow),
        pytest.param("generations", "miss", marks=pytest.mark.slow),
    ],
)
async def test_random_faults_give_nobody_the_value_of_another_key(
    proxy: Proxy,
    prefix: str,
    admin: redis.Redis,
    caches: AsyncCaches,
    chance: random.Random,
    plan: str,
    times: int,
    outage: str,
) -> None:
    settings: dict[str, Any] = {
        "plain": {},
        "grace": {"stale_for": "1s", "stale_if_error": "1s", "early_refresh": True},
        "generations": {"generations": True},
    }
    client = {"client_name": prefix, "pool_size": 4, "pool_timeout": "10s", **TIMEOUTS}
    cache = caches.open(proxy.addr, prefix, client, on_outage=outage, lease="200ms", **settings[plan])
    workers = [Worker(cache, random.Random(chance.random())) for _ in range(6)]
    calls = [AsyncCall(worker.work) for worker in workers]
    while proxy.resets < times and not any(call.done() for call in calls):
        harm(proxy, chance)
        await async_lapse(chance.random() * 0.003)
    heal(proxy)
    for worker in workers:
        worker.is_over = True
    for call in calls:
        await call.result()

    assert [each for worker in workers for each in worker.wrong] == []
    assert all(worker.answered for worker in workers)
    flights = cache.store._loads._flights
    await async_until(lambda: not flights._background, "nothing is loaded in the background any more")
    assert not flights._airborne
    pool: Any = cache.module.client().connection_pool
    await async_until(lambda: not pool._in_use_connections, "no lease is being renewed any more")
    check_pool(pool, admin, prefix)
    left = {name: admin.pttl(name) for name in admin.scan_iter(match=f"{prefix}:*", count=1000)}
    assert [name for name, ttl in left.items() if ttl == -1 and b"generation" not in name] == []

    async def load() -> list[object]:
        return ["new"]

    with within(0.2 + 0.1 + 0.1):
        for key in KEYS:
            await cache.store.delete(key)
            assert await cache.store.get_or_set(key, load) == ["new"]
            assert await cache.store.get(key) == ["new"]
