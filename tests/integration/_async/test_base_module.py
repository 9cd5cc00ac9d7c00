"""The base module against a real server: its client, its prefix, its end."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.contract import BuildError, ConfigError, StoreUnavailableError
from tests.faults.mute import mute_peer
from tests.support import connections_named, wait_until


def settings(addr: str, name: str, **more: object) -> Mapping[str, object]:
    return {"addr": addr, "key_prefix": name, "client_name": name, **more}


async def test_the_client_is_redis_pys_own(addr: str, prefix: str) -> None:
    module = AsyncRedisModule(config=settings(addr, prefix))
    client = module.client()

    await client.set(f"{module.key_prefix()}:greeting", "hello")

    assert isinstance(client, redis.asyncio.Redis)
    assert module.key_prefix() == prefix
    assert await client.get(f"{prefix}:greeting") == b"hello"
    assert [key.decode() async for key in client.scan_iter(match=f"{prefix}:*")] == [f"{prefix}:greeting"]
    await module.shutdown_resources()


async def test_a_pipeline_and_a_subscription_work(addr: str, prefix: str) -> None:
    module = AsyncRedisModule(config=settings(addr, prefix))
    client = module.client()

    async with client.pipeline() as pipeline:
        for _ in range(2):
            _ = pipeline.incr(f"{prefix}:n")
        counted = await pipeline.execute()
    async with client.pubsub() as subscription:
        await subscription.subscribe(prefix)
        await client.publish(prefix, "news")
        messages = [await subscription.get_message(timeout=5) for _ in range(2)]

    assert counted == [1, 2]
    assert [message and message["data"] for message in messages] == [1, b"news"]
    await module.shutdown_resources()


async def test_building_a_client_sends_nothing(addr: str, prefix: str, admin: redis.Redis) -> None:
    module = AsyncRedisModule(config=settings(addr, prefix))

    await module.init_resources()
    client = module.client()

    assert client.connection_pool is not None
    assert connections_named(admin, prefix) == 0
    await module.shutdown_resources()


async def test_a_start_up_ping_connects_once(addr: str, prefix: str, admin: redis.Redis) -> None:
    module = AsyncRedisModule(config=settings(addr, prefix, ping_timeout="5s"))

    await module.init_resources()

    assert connections_named(admin, prefix) == 1
    await module.client().ping()
    assert connections_named(admin, prefix) == 1
    await module.shutdown_resources()


async def test_a_start_up_ping_to_a_closed_port_fails_at_once(closed_port: str) -> None:
    module = AsyncRedisModule(config=settings(closed_port, "x", ping_timeout="30s"))
    started = time.monotonic()

    with pytest.raises(BuildError) as caught:
        await module.init_resources()

    assert time.monotonic() - started < 5
    assert str(caught.value) == (
        f"redis.client: ping failed: connect to {closed_port}: Redis is unavailable (refused)"
    )
    assert isinstance(caught.value.__cause__, StoreUnavailableError)
    assert isinstance(caught.value.__cause__, redis.ConnectionError)


async def test_a_start_up_ping_to_a_mute_peer_ends_within_its_timeout() -> None:
    with mute_peer() as address:
        module = AsyncRedisModule(config=settings(address, "x", ping_timeout="200ms", read_timeout="1m"))
        started = time.monotonic()

        with pytest.raises(BuildError, match=r"redis\.client: ping failed: .*\(deadline\)"):
            await module.init_resources()

        assert 0.15 < time.monotonic() - started < 2


async def test_a_failed_start_up_ping_leaves_no_connection_and_can_be_tried_again(
    addr: str, prefix: str, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch, closed_port: str
) -> None:
    monkeypatch.setenv("REDIS_PING_TIMEOUT", "5s")
    monkeypatch.setenv("REDIS_CLIENT_NAME", prefix)
    monkeypatch.setenv("REDIS_ADDR", closed_port)
    module = AsyncRedisModule()
    with pytest.raises(BuildError):
        await module.init_resources()
    monkeypatch.setenv("REDIS_ADDR", addr)
    await module.shutdown_resources()  # the settings are read again after it

    await module.init_resources()

    assert connections_named(admin, prefix) == 1
    await module.shutdown_resources()


async def test_a_ping_that_the_server_refuses_leaves_no_connection(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    admin.acl_setuser(prefix, enabled=True, passwords=["+secret"], commands=["+client"])
    try:
        module = AsyncRedisModule(
            config=settings(addr, prefix, ping_timeout="5s", username=prefix, password="secret")
        )
        with pytest.raises(BuildError, match=r"ping failed: PING: refused by Redis \(noperm\)"):
            await module.init_resources()

        wait_until(lambda: connections_named(admin, prefix) == 0, "its connection is gone")
    finally:
        admin.acl_deluser(prefix)


async def test_after_shutdown_the_server_sees_no_connection(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    module = AsyncRedisModule(config=settings(addr, prefix))
    await module.client().ping()
    assert connections_named(admin, prefix) == 1

    await module.shutdown_resources()

    wait_until(lambda: connections_named(admin, prefix) == 0, "its connection is gone")
    await module.shutdown_resources()  # nothing to do


async def test_a_closed_client_never_reconnects(addr: str, prefix: str, admin: redis.Redis) -> None:
    module = AsyncRedisModule(config=settings(addr, prefix))
    client = module.client()
    pipeline = client.pipeline()
    _ = pipeline.set(f"{prefix}:late", "1")
    subscription = client.pubsub()
    await module.shutdown_resources()

    with pytest.raises(StoreUnavailableError) as command:
        await client.get("a")
    with pytest.raises(StoreUnavailableError) as queued:
        await pipeline.execute()
    with pytest.raises(StoreUnavailableError) as subscribed:
        await subscription.subscribe("a")
    with pytest.raises(StoreUnavailableError) as scanned:
        [key.decode() async for key in client.scan_iter()]

    assert {each.value.reason for each in (command, queued, subscribed, scanned)} == {"closed"}
    assert isinstance(command.value, redis.ConnectionError)
    assert connections_named(admin, prefix) == 0
    assert not admin.exists(f"{prefix}:late")


async def test_the_next_use_after_a_shutdown_builds_a_new_client(addr: str, prefix: str) -> None:
    module = AsyncRedisModule(config=settings(addr, prefix))
    first = module.client()
    await module.shutdown_resources()

    second = module.client()

    assert second is not first
    assert await second.ping()
    await module.shutdown_resources()


async def test_closing_a_client_oneself_closes_it_for_good(addr: str, prefix: str) -> None:
    module = AsyncRedisModule(config=settings(addr, prefix))
    async with module.client() as client:
        await client.ping()

    with pytest.raises(StoreUnavailableError, match="closed"):
        await client.ping()

    await module.shutdown_resources()


async def test_every_setting_of_the_handshake_reaches_the_server(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    admin.acl_setuser(prefix, enabled=True, passwords=["+secret"], commands=["+@all"], keys=["*"])
    try:
        module = AsyncRedisModule(config=settings(addr, prefix, username=prefix, password="secret", db=3))
        await module.client().ping()

        [mine] = [each for each in admin.client_list() if each["name"] == prefix]
        assert (mine["user"], mine["db"], mine["resp"]) == (prefix, "3", "2")
        await module.shutdown_resources()
    finally:
        admin.acl_deluser(prefix)


async def test_init_reports_all_bad_settings_before_any_input_or_output(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    module = AsyncRedisModule(config=settings(addr, prefix, db="one", read_timeout="5", ping_timeout="1s"))

    with pytest.raises(ConfigError) as caught:
        await module.init_resources()

    assert str(caught.value) == (
        "2 settings are wrong:\n"
        "  redis.db must be a whole number from 0 to 2147483647\n"
        "  redis.read_timeout has no unit: write it with units, for example '250ms', '5s' or '1m30s'"
    )
    assert connections_named(admin, prefix) == 0
