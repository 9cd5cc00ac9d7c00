"""An outage of some length: one load at a time, nobody waits for longer than needed, and all comes back."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import pytest
import redis

from modkit_redis.cache.entries.scripts import ACQUIRE, FILL, RELEASE, RENEW, STORE, TOUCH
from modkit_redis.contract import MISS, StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.caching import (
    AsyncCaches,
    AsyncCall,
    Seen,
    async_at_once,
    async_lapse,
    async_until,
    load_scripts,
    within,
)
from tests.faults.mute import mute_peer
from tests.faults.proxy import Proxy
from tests.support import stock_client

TIMEOUT: Final = 0.2
LEASE: Final = 0.4
CLIENT: Final = {"read_timeout": "200ms", "dial_timeout": "200ms"}


class Loader:
    """Counts its loads, and how many there are at a time."""

    def __init__(self) -> None:
        self.loads = self.now = self.most = 0

    async def load(self) -> str:
        self.loads += 1
        self.now += 1
        self.most = max(self.most, self.now)
        number = self.loads
        await async_lapse(0.05)
        self.now -= 1
        return f"loaded {number}"


@pytest.fixture
async def caches() -> AsyncIterator[AsyncCaches]:
    caches = AsyncCaches()
    yield caches
    await caches.aclose()


@pytest.fixture
def private_admin(private_server: EmbeddedServer) -> Iterator[redis.Redis]:
    with stock_client(private_server.addr) as admin:
        load_scripts(admin)
        yield admin


@pytest.mark.parametrize("callers", [1, 50])
async def test_in_an_outage_one_loads_at_a_time_for_all_callers(
    closed_port: str, caches: AsyncCaches, callers: int
) -> None:
    cache, loader = caches.open(closed_port, "", on_outage="miss"), Loader()

    async def load() -> str:
        # All have asked by now, the leader twice: what they wait for is this load, or the next.
        await async_until(lambda: len(cache.seen.of("degraded")) > callers, "all have asked")
        return await loader.load()

    with within(1):
        answers = await async_at_once([lambda: cache.store.get_or_set("key", load)] * callers)

    assert {*answers} <= {"loaded 1", "loaded 2"}
    assert loader.loads <= 2
    assert loader.most == 1


@pytest.mark.parametrize("bound", ["read_timeout", "deadline"])
async def test_fifty_callers_of_a_server_that_is_silent_are_answered_in_time(
    caches: AsyncCaches, bound: str
) -> None:
    with mute_peer() as addr:
        client = {"read_timeout": "200ms"} if bound == "read_timeout" else {"read_timeout": "1m"}
        deadline = {"deadline": "200ms"} if bound == "deadline" else {}
        cache, loader = caches.open(addr, "", client, on_outage="miss", **deadline), Loader()

        # Each asks once, and then one after another at most twice for the lease.
        with within(3 * TIMEOUT + 2 * 0.05):
            answers = await async_at_once([lambda: cache.store.get_or_set("key", loader.load)] * 50)

    assert {*answers} <= {"loaded 1", "loaded 2"}
    assert loader.most == 1


async def test_fifty_callers_of_a_server_that_is_gone_raise_and_load_nothing(
    closed_port: str, caches: AsyncCaches
) -> None:
    cache, loader = caches.open(closed_port, ""), Loader()

    with within(1):
        answers = await async_at_once([lambda: cache.store.get_or_set("key", loader.load)] * 50)

    assert {type(answer) for answer in answers if isinstance(answer, StoreUnavailableError)} == {
        type(answer) for answer in answers
    }
    assert loader.loads == 0


async def test_in_an_outage_keys_do_not_wait_for_each_other(closed_port: str, caches: AsyncCaches) -> None:
    cache, seen = caches.open(closed_port, "", on_outage="miss"), Seen()

    async def load() -> str:
        seen.append(cache.seen[0])
        await async_until(lambda: len(seen) == 2, "the other loads at the same time")
        return "loaded"

    answers = await async_at_once(
        [lambda: cache.store.get_or_set("one", load), lambda: cache.store.get_or_set("other", load)]
    )

    assert answers == ["loaded", "loaded"]


async def test_in_an_outage_what_a_loader_raises_reaches_the_caller(
    closed_port: str, caches: AsyncCaches
) -> None:
    cache = caches.open(closed_port, "", on_outage="miss")

    async def fail() -> str:
        raise LookupError("no such row")

    with pytest.raises(LookupError, match="no such row"):
        await cache.store.get_or_set("key", fail)

    assert cache.seen.kinds() == ["degraded", "miss", "degraded", "load-error"]


async def test_what_was_loaded_in_an_outage_is_not_stored(
    private_server: EmbeddedServer, caches: AsyncCaches
) -> None:
    cache, loader = caches.open(private_server.addr, "", on_outage="miss"), Loader()
    private_server.kill()
    assert await cache.store.get_or_set("key", loader.load) == "loaded 1"

    private_server.restart()

    assert await cache.store.get("key") is MISS
    assert await cache.store.get_or_set("key", loader.load) == "loaded 2"
    assert await cache.store.get("key") == "loaded 2"


@pytest.mark.parametrize("is_executed", [True, False])
async def test_after_a_lost_fill_nobody_waits_for_longer_than_needed(
    proxy: Proxy, addr: str, admin: redis.Redis, prefix: str, caches: AsyncCaches, *, is_executed: bool
) -> None:
    load_scripts(admin)
    cache = caches.open(proxy.addr, prefix, CLIENT, lease="400ms")
    other = caches.open(addr, prefix, CLIENT, lease="400ms")
    loader, others = Loader(), Loader()
    if is_executed:
        proxy.swallow(FILL.sha.encode())
    else:
        proxy.reset_request(FILL.sha.encode())

    leader = AsyncCall(lambda: cache.store.get_or_set("key", loader.load))
    await async_until(lambda: loader.loads == 1, "the leader loads")
    waiter = AsyncCall(lambda: other.store.get_or_set("key", others.load))
    with within(0.05 + TIMEOUT):
        assert await leader.result() == "loaded 1"
    with within(0.1 if is_executed else LEASE + 0.1 + 0.05):  # a poll, and the lease where it is still there
        assert await waiter.result() == "loaded 1"

    assert (loader.loads, others.loads) == (1, 0 if is_executed else 1)
    assert cache.seen.kinds() == ["miss", "load", "degraded"]


async def test_callers_of_one_process_share_a_value_whose_fill_was_lost(
    proxy: Proxy, admin: redis.Redis, prefix: str, caches: AsyncCaches
) -> None:
    load_scripts(admin)
    cache, loader = caches.open(proxy.addr, prefix, {**CLIENT, "pool_size": 20}, lease="400ms"), Loader()
    proxy.swallow(FILL.sha.encode())

    with within(0.05 + TIMEOUT):
        answers = await async_at_once([lambda: cache.store.get_or_set("key", loader.load)] * 20)

    assert answers == ["loaded 1"] * 20
    assert loader.loads == 1


async def test_a_lease_that_could_not_be_renewed_once_is_renewed_the_next_time(
    proxy: Proxy, addr: str, admin: redis.Redis, prefix: str, caches: AsyncCaches
) -> None:
    load_scripts(admin)
    cache = caches.open(proxy.addr, prefix, CLIENT, lease="450ms")
    other, others = caches.open(addr, prefix, CLIENT, lease="450ms"), Loader()
    proxy.reset_request(RENEW.sha.encode())

    async def load() -> str:
        await async_lapse(0.9)
        return "loaded"

    leader = AsyncCall(lambda: cache.store.get_or_set("key", load))
    await async_until(proxy.has_struck, "a renewal was lost")
    waiter = AsyncCall(lambda: other.store.get_or_set("key", others.load))

    assert await leader.result() == await waiter.result() == "loaded"
    assert others.loads == 0
    assert cache.seen.kinds() == ["miss", "load"]


@pytest.mark.parametrize("outage", ["raise", "miss"])
async def test_who_waits_for_another_process_hears_of_an_outage(
    private_server: EmbeddedServer, caches: AsyncCaches, outage: str
) -> None:
    leading = caches.open(private_server.addr, "", CLIENT)
    waiting, loader = caches.open(private_server.addr, "", CLIENT, on_outage=outage), Loader()
    is_dead: list[bool] = []

    async def load_until_it_is_dead() -> str:
        await async_until(lambda: bool(is_dead), "the server is dead")
        return "loaded by the other"

    leader = AsyncCall(lambda: leading.store.get_or_set("key", load_until_it_is_dead))
    with stock_client(private_server.addr) as admin:
        await async_until(lambda: bool(admin.exists("cache:key")), "the other has the lease")
    waiter = AsyncCall(lambda: waiting.store.get_or_set("key", loader.load))
    await async_until(lambda: "miss" in waiting.seen.kinds(), "it waits")
    await async_lapse(0.03)

    private_server.kill()

    with within(TIMEOUT + 0.1):
        if outage == "raise":
            with pytest.raises(StoreUnavailableError):
                await waiter.result()
        else:
            assert await waiter.result() == "loaded 1"
    is_dead.append(True)
    assert await leader.result() == "loaded by the other"


async def test_a_full_pool_is_an_outage_to_reads_and_raises_from_writes(
    addr: str, prefix: str, caches: AsyncCaches
) -> None:
    client = {"pool_size": 1, "pool_timeout": "30ms"}
    cache, loader = caches.open(addr, prefix, client, on_outage="miss"), Loader()
    strict = caches.open(addr, prefix, client)
    await cache.store.set("key", "there")
    pools: list[Any] = [each.module.client().connection_pool for each in (cache, strict)]
    held = [await pool.get_connection() for pool in pools]

    assert await cache.store.get("key", "none") == "none"
    assert await cache.store.get_many(["key"]) == [MISS]
    assert await cache.store.ttl("key") is MISS
    assert await cache.store.get_or_set("key", loader.load) == "loaded 1"
    calls: list[Callable[[], Any]] = [
        lambda: cache.store.set("key", "new"),
        lambda: cache.store.touch("key"),
        lambda: cache.store.delete("key"),
        lambda: cache.store.clear(),
        lambda: strict.store.get("key"),
        lambda: strict.store.get_or_set("key", loader.load),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailableError) as caught:
            await call()
        assert caught.value.reason == "pool-timeout"
    for pool, connection in zip(pools, held, strict=True):
        await pool.release(connection)

    assert await cache.store.get("key") == await strict.store.get("key") == "there"
    assert loader.loads == 1


async def test_a_pool_of_one_is_enough_for_callers_that_wait_for_each_other(
    addr: str, prefix: str, caches: AsyncCaches
) -> None:
    cache = caches.open(addr, prefix, {"pool_size": 1, "pool_timeout": "5s"})
    inner = Loader()

    async def load() -> str:
        return "outer " + await cache.store.get_or_set("inner", inner.load)

    answers = await async_at_once([lambda: cache.store.get_or_set("outer", load)] * 20)

    assert answers == ["outer loaded 1"] * 20


@pytest.mark.parametrize("script", [ACQUIRE, FILL, RELEASE, RENEW, STORE, TOUCH], ids=lambda each: each.name)
async def test_scripts_may_be_flushed_at_any_time(
    private_server: EmbeddedServer, private_admin: redis.Redis, caches: AsyncCaches, script: Any
) -> None:
    with Proxy(private_server.addr) as proxy:
        cache, loader = caches.open(proxy.addr, "", lease="150ms"), Loader()
        proxy.at(script.sha.encode(), private_admin.script_flush)

        async def load() -> str:
            if script is RENEW:
                await async_until(proxy.has_struck, "the lease is renewed")
            if script is RELEASE:
                raise LookupError
            return await loader.load()

        assert await cache.store.set("there", 1, only_if="absent")
        assert await cache.store.touch("there")
        if script is RELEASE:
            with pytest.raises(LookupError):
                await cache.store.get_or_set("key", load)
            assert private_admin.exists("cache:key") == 0
        else:
            assert await cache.store.get_or_set("key", load) == "loaded 1"
            assert await cache.store.get("key") == "loaded 1"
        assert proxy.has_struck()
        assert not cache.seen.of("degraded")


async def restart(server: EmbeddedServer) -> None:
    server.restart()


async def flush(server: EmbeddedServer) -> None:
    with stock_client(server.addr) as admin:
        admin.flushall()


@pytest.mark.parametrize("generations", [False, True])
@pytest.mark.parametrize("lose", [restart, flush])
async def test_a_server_that_lost_its_data_during_a_load_stores_nothing_of_it(
    private_server: EmbeddedServer, caches: AsyncCaches, lose: Any, *, generations: bool
) -> None:
    cache, loader = caches.open(private_server.addr, "", generations=generations), Loader()
    await cache.store.set("there", 1)

    async def load() -> str:
        await lose(private_server)
        return await loader.load()

    assert await cache.store.get_or_set("key", load) == "loaded 1"

    assert {"fill-refused", "degraded"} & {*cache.seen.kinds()}
    assert await cache.store.get("key") is MISS
    assert await cache.store.get_or_set("key", loader.load) == "loaded 2"
    assert await cache.store.get_or_set("key", loader.load) == "loaded 2"


@pytest.mark.parametrize("generations", [False, True])
async def test_who_asks_after_another_process_has_cleared_all_is_not_given_an_older_value(
    addr: str, prefix: str, caches: AsyncCaches, *, generations: bool
) -> None:
    cache = caches.open(addr, prefix, generations=generations)
    other = caches.open(addr, prefix, generations=generations)
    loads: list[str] = []

    async def load() -> str:
        loads.append("value")
        if len(loads) == 1:
            await async_until(lambda: len(cache.seen.of("miss")) == 2, "the other has asked")
            await async_lapse(0.05)
            return "old"
        return "new"

    leader = AsyncCall(lambda: cache.store.get_or_set("key", load))
    await async_until(lambda: bool(loads), "it is loaded")
    await other.store.clear()

    follower = AsyncCall(lambda: cache.store.get_or_set("key", load))

    assert await follower.result() == "new"
    assert await leader.result() == "old"
    assert cache.seen.of("fill-refused")


@pytest.mark.parametrize("script", [ACQUIRE, FILL], ids=lambda each: each.name)
async def test_trouble_in_the_background_is_told_and_no_more(
    proxy: Proxy,
    admin: redis.Redis,
    prefix: str,
    caches: AsyncCaches,
    caplog: pytest.LogCaptureFixture,
    script: Any,
) -> None:
    load_scripts(admin)
    cache, loader = caches.open(proxy.addr, prefix, CLIENT, stale_for="1m", lease="400ms"), Loader()
    await cache.store.set("key", "old", ttl=0.02)
    await async_until(lambda: admin.pttl(f"{prefix}:cache:key") < 60_000, "it is stale")
    proxy.reset_request(script.sha.encode())

    assert await cache.store.get_or_set("key", loader.load) == "old"
    await async_until(lambda: bool(cache.seen.of("degraded")), "the trouble is told")

    with within(LEASE + 0.5):
        while await cache.store.get_or_set("key", loader.load) == "old":
            await async_lapse(0.01)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_loader_that_fails_in_the_background_is_logged_by_name(
    addr: str, admin: redis.Redis, prefix: str, caches: AsyncCaches, caplog: pytest.LogCaptureFixture
) -> None:
    cache = caches.open(addr, prefix, stale_for="1m")
    await cache.store.set("key", "old", ttl=0.02)
    await async_until(lambda: admin.pttl(f"{prefix}:cache:key") < 60_000, "it is stale")

    async def fail() -> str:
        raise LookupError("s3cret")

    assert await cache.store.get_or_set("key", fail) == "old"
    await async_until(lambda: bool(cache.seen.of("load-error")), "it has failed")
    await async_until(lambda: bool(caplog.records), "it is logged")

    assert [record.getMessage() for record in caplog.records] == ["a value could not be loaded: LookupError"]
    assert await cache.store.get_or_set("key", fail) == "old"
