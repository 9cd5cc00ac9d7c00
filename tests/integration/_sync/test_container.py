# Generated from ../_async/test_container.py by .ci/unasync.py; do not edit.
"""One round trip to Redis in a container: what an application's own integration tests would do."""

from __future__ import annotations

import pytest

from modkit_redis import RedisBundle, RedisModule
from modkit_redis.contract import MISS, LimitExceededError, Slots, StoreUnavailableError
from tests.support import connections_named, stock_client, wait_until

pytestmark = pytest.mark.containers


def test_ping_set_get_prefix_and_close(container_addr: str) -> None:
    module = RedisModule(
        config={"addr": container_addr, "key_prefix": ":shop:", "client_name": "shop", "ping_timeout": "5s"}
    )
    module.init_resources()
    client, prefix = module.client(), module.key_prefix()

    assert client.ping()
    assert client.set(f"{prefix}:greeting", "hello")
    assert client.get("shop:greeting") == b"hello"
    with stock_client(container_addr) as admin:
        assert connections_named(admin, "shop") == 1

        module.shutdown_resources()

        wait_until(lambda: connections_named(admin, "shop") == 0, "the server sees no connection any more")
    with pytest.raises(StoreUnavailableError, match="closed"):
        client.ping()


def test_a_value_is_loaded_once_found_and_deleted(container_addr: str) -> None:
    bundle = RedisBundle(
        config={"addr": container_addr, "key_prefix": "shop", "cache": {"default_ttl": "1m"}}
    )
    store, loads = bundle.cache.store(), []

    def load() -> dict[str, str]:
        loads.append("ada")
        return {"name": "Ada"}

    found = [store.get_or_set("user", load), store.get_or_set("user", load)]

    assert (found, loads) == ([{"name": "Ada"}] * 2, ["ada"])
    assert store.delete("user") == 1
    assert store.get("user") is MISS
    bundle.shutdown_resources()


def test_a_session_is_kept_signed_in_and_ended(container_addr: str) -> None:
    settings = {"idle_ttl": "5m", "absolute_ttl": "1h", "per_user_max": 3}
    bundle = RedisBundle(config={"addr": container_addr, "key_prefix": "shop", "session": settings})
    store = bundle.session.store()
    with store.open() as session:
        session["cart"] = ["tea"]
    visitor = session.token
    with store.open(visitor) as session:
        session["cart"].append("cake")
        session.bind("ada", agent="tests")
    ada = session.token

    with store.open(ada) as session:
        found = session.user, session["cart"]

    assert found == ("ada", ["tea", "cake"])
    assert store.load(visitor) is None
    assert [each.agent for each in store.sessions_of("ada")] == ["tests"]
    assert store.revoke_all("ada") == 1
    assert store.load(ada) is None
    bundle.shutdown_resources()


def test_a_subject_is_limited_refunded_and_forgotten(container_addr: str) -> None:
    settings = {"limit": "burst=2/hour, day=5/day"}
    bundle = RedisBundle(config={"addr": container_addr, "key_prefix": "shop", "ratelimit": settings})
    store = bundle.ratelimit.store()

    decisions = [store.hit(("user", "ada")) for _ in range(3)]

    assert [bool(each) for each in decisions] == [True, True, False]
    assert decisions[2].refused_by == ("burst",)
    assert [each.remaining for each in decisions[2].states] == [0, 3]
    store.refund(decisions[1])
    assert (store.peek(("user", "ada"))).remaining == 1
    store.reset(("user", "ada"))
    assert (store.peek(("user", "ada"))).remaining == 2
    jobs = Slots(1, "jobs")
    with store.hold(("user", "ada"), jobs) as held:
        another = store.hold(("user", "ada"), jobs)
        with pytest.raises(LimitExceededError):
            another.__enter__()
    assert held.remaining == 0
    bundle.shutdown_resources()
