"""One round trip to Redis in a container: what an application's own integration tests would do."""

from __future__ import annotations

import pytest

from modkit_redis import AsyncRedisBundle, AsyncRedisModule
from modkit_redis.contract import MISS, LimitExceededError, Slots, StoreUnavailableError
from tests.support import connections_named, stock_client, wait_until

pytestmark = pytest.mark.containers


async def test_ping_set_get_prefix_and_close(container_addr: str) -> None:
    module = AsyncRedisModule(
        config={"addr": container_addr, "key_prefix": ":shop:", "client_name": "shop", "ping_timeout": "5s"}
    )
    await module.init_resources()
    client, prefix = module.client(), module.key_prefix()

    assert await client.ping()
    assert await client.set(f"{prefix}:greeting", "hello")
    assert await client.get("shop:greeting") == b"hello"
    with stock_client(container_addr) as admin:
        assert connections_named(admin, "shop") == 1

        await module.shutdown_resources()

        wait_until(lambda: connections_named(admin, "shop") == 0, "the server sees no connection any more")
    with pytest.raises(StoreUnavailableError, match="closed"):
        await client.ping()


async def test_a_value_is_loaded_once_found_and_deleted(container_addr: str) -> None:
    bundle = AsyncRedisBundle(
        config={"addr": container_addr, "key_prefix": "shop", "cache": {"default_ttl": "1m"}}
    )
    store, loads = bundle.cache.store(), []

    async def load() -> dict[str, str]:
        loads.append("ada")
        return {"name": "Ada"}

    found = [await store.get_or_set("user", load), await store.get_or_set("user", load)]

    assert (found, loads) == ([{"name": "Ada"}] * 2, ["ada"])
    assert await store.delete("user") == 1
    assert await store.get("user") is MISS
    await bundle.shutdown_resources()


async def test_a_session_is_kept_signed_in_and_ended(container_addr: str) -> None:
    settings = {"idle_ttl": "5m", "absolute_ttl": "1h", "per_user_max": 3}
    bundle = AsyncRedisBundle(config={"addr": container_addr, "key_prefix": "shop", "session": settings})
    store = bundle.session.store()
    async with store.open() as session:
        session["cart"] = ["tea"]
    visitor = session.token
    async with store.open(visitor) as session:
        session["cart"].append("cake")
        session.bind("ada", agent="tests")
    ada = session.token

    async with store.open(ada) as session:
        found = session.user, session["cart"]

    assert found == ("ada", ["tea", "cake"])
    assert await store.load(visitor) is None
    assert [each.agent for each in await store.sessions_of("ada")] == ["tests"]
    assert await store.revoke_all("ada") == 1
    assert await store.load(ada) is None
    await bundle.shutdown_resources()


async def test_a_subject_is_limited_refunded_and_forgotten(container_addr: str) -> None:
    settings = {"limit": "burst=2/hour, day=5/day"}
    bundle = AsyncRedisBundle(config={"addr": container_addr, "key_prefix": "shop", "ratelimit": settings})
    store = bundle.ratelimit.store()

    decisions = [await store.hit(("user", "ada")) for _ in range(3)]

    assert [bool(each) for each in decisions] == [True, True, False]
    assert decisions[2].refused_by == ("burst",)
    assert [each.remaining for each in decisions[2].states] == [0, 3]
    await store.refund(decisions[1])
    assert (await store.peek(("user", "ada"))).remaining == 1
    await store.reset(("user", "ada"))
    assert (await store.peek(("user", "ada"))).remaining == 2
    jobs = Slots(1, "jobs")
    async with store.hold(("user", "ada"), jobs) as held:
        another = store.hold(("user", "ada"), jobs)
        with pytest.raises(LimitExceededError):
            await another.__aenter__()
    assert held.remaining == 0
    await bundle.shutdown_resources()
