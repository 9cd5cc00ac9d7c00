# Generated from ../_async/test_traps_lifecycle.py by .ci/unasync.py; do not edit.
"""Traps of a client's life: it is made without I/O, closed for good, and touches no other client."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest
import redis

from modkit_redis import RedisBundle, RedisModule
from modkit_redis.contract import BuildError, CloseError, StoreUnavailableError
from tests.faults.mute import mute_peer
from tests.faults.proxy import Proxy
from tests.support import connections_named, wait_until

Connect = Callable[..., redis.Redis]


@contextmanager
def no_warnings() -> Iterator[None]:
    """Fail if anything warns, of a resource left open for example."""
    with warnings.catch_warnings(record=True) as warned:
        gc.collect()  # what other tests have left is not this one's
        warned.clear()
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(each.message) for each in warned] == []


@pytest.mark.parametrize("kind", [RedisModule, RedisBundle])
def test_trap_36_building_a_client_does_no_io(
    proxy: Proxy, kind: type[RedisModule | RedisBundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a socket was made, or a name looked up")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    for address in proxy.addr, "no-such-host.test:6379", "unix:/no/such/socket":
        module = kind(config={"addr": address})
        module.init_resources()
        client = module.client()
        _ = client.pipeline()
        _ = client.pubsub()
        module.shutdown_resources()

    assert proxy.accepted == 0


def test_trap_37_whoever_holds_a_connection_dials_no_other_after_close(
    connect: Connect, proxy: Proxy
) -> None:
    client = connect(proxy.addr, retries=5)
    single, pipeline, subscription = client.client(), client.pipeline(), client.pubsub()
    single.ping()
    pipeline.watch("none")
    subscription.subscribe("news")
    before = proxy.accepted

    client.close()

    for use in single.ping, pipeline.ping, lambda: subscription.subscribe("more"), client.ping:
        with pytest.raises(StoreUnavailableError, match="closed by"):
            use()
    pipeline.reset()
    assert proxy.accepted == before
    subscription.close()
    single.close()


def test_trap_38_closing_twice_is_fine_and_nothing_is_left_open(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    with no_warnings():
        module = RedisModule(config={"addr": addr, "client_name": prefix})
        client = module.client()
        client.set(prefix, "1")
        with client.pubsub() as subscription:
            subscription.subscribe(prefix)

        for _ in range(2):
            client.close()
        for _ in range(2):
            module.shutdown_resources()
        for _ in range(2):
            client.connection_pool.disconnect()

        del client, module, subscription

    wait_until(lambda: connections_named(admin, prefix) == 0, "nothing is left open")


@pytest.mark.parametrize("outcome", ["dial", "read", "reset"])
def test_trap_38_after_a_failure_nothing_is_left_open(proxy: Proxy, closed_port: str, outcome: str) -> None:
    with mute_peer() as mute, no_warnings():
        address = {"dial": closed_port, "read": mute, "reset": proxy.addr}[outcome]
        module = RedisModule(config={"addr": address, "read_timeout": "100ms"})
        proxy.reset_reply(b"PING")

        with pytest.raises(StoreUnavailableError):
            module.client().ping()

        module.shutdown_resources()
        del module


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_trap_39_dropping_one_client_does_not_cut_another(addr: str, prefix: str) -> None:
    kept, dropped = (RedisModule(config={"addr": addr, "client_name": prefix}) for _ in range(2))
    client, other = kept.client(), dropped.client()
    mine = client.client_id()
    other.ping()

    other.close()
    assert client.client_id() == mine
    dropped.shutdown_resources()
    assert client.client_id() == mine
    dropped.client().ping()
    del dropped, other
    gc.collect()  # with its connection open
    assert client.client_id() == mine
    _ = client.pipeline()
    _ = client.pubsub()
    gc.collect()
    assert client.client_id() == mine

    kept.shutdown_resources()


@pytest.mark.parametrize("fault", ["refused", "no answer", "wrong password", "reset"])
def test_trap_40_a_failed_start_up_ping_leaves_no_connection_and_can_be_tried_again(
    proxy: Proxy,
    prefix: str,
    admin: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    closed_port: str,
    fault: str,
) -> None:
    address = closed_port if fault == "refused" else proxy.addr
    settings = {"ADDR": address, "CLIENT_NAME": prefix, "PING_TIMEOUT": "300ms"}
    if fault == "wrong password":
        settings |= {"USERNAME": prefix, "PASSWORD": "wrong"}
    elif fault == "reset":
        proxy.reset_reply(b"PING")
    elif fault == "no answer":
        proxy.swallow(b"PING")
    for name, value in settings.items():
        monkeypatch.setenv(f"REDIS_{name}", value)
    module = RedisModule()

    with no_warnings():
        with pytest.raises(BuildError) as caught:
            module.init_resources()
        assert isinstance(caught.value.__cause__, StoreUnavailableError)
        wait_until(lambda: connections_named(admin, prefix) == 0, "its connection is gone")

    module.shutdown_resources()
    monkeypatch.setenv("REDIS_ADDR", proxy.addr)
    monkeypatch.delenv("REDIS_PASSWORD", raising=False)
    monkeypatch.delenv("REDIS_USERNAME", raising=False)
    monkeypatch.setenv("REDIS_PING_TIMEOUT", "5s")
    module.init_resources()
    assert connections_named(admin, prefix) == 1
    module.shutdown_resources()


def test_trap_41_an_error_while_closing_is_raised_with_its_cause(
    addr: str, prefix: str, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = RedisModule(config={"addr": addr, "client_name": prefix})
    module.client().ping()
    reason = OSError("it does not close")

    def fail(*_: object, **__: object) -> NoReturn:
        raise reason

    with monkeypatch.context() as patch:
        patch.setattr(module.client().connection_pool, "close", fail)
        held = module.client().connection_pool
        with pytest.raises(CloseError, match=r"not closed: redis\.client") as caught:
            module.shutdown_resources()

    assert caught.value.exceptions == (reason,)
    with pytest.raises(StoreUnavailableError, match="closed by"):
        held.get_connection()
    held.disconnect()


@pytest.mark.parametrize("way", ["close", "with"])
def test_trap_46_closing_the_exported_client_oneself_closes_it_for_good(
    addr: str, prefix: str, admin: redis.Redis, way: str
) -> None:
    module = RedisModule(config={"addr": addr, "client_name": prefix})
    client = module.client()
    if way == "close":
        client.ping()
        client.close()
    else:
        with client:
            client.ping()

    with pytest.raises(StoreUnavailableError, match=r"closed by its own a?close\(\)") as caught:
        client.ping()

    assert caught.value.reason == "closed"
    assert connections_named(admin, prefix) == 0
    another = module.client()
    assert another is not client
    assert another.ping()
    assert connections_named(admin, prefix) == 1
    with pytest.raises(StoreUnavailableError, match="closed"):
        client.ping()
    module.shutdown_resources()
    with pytest.raises(StoreUnavailableError, match=r"closed by shutdown_resources\(\)"):
        another.ping()
