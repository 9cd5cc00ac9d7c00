"""Trap 37: a client that is closed while threads use it; test_traps_closing_tasks.py is about tasks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import pytest
import redis

from modkit_redis import RedisModule
from modkit_redis.client import RedisExecutor
from modkit_redis.contract import StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.faults.black_hole import black_hole
from tests.faults.freezer import frozen
from tests.faults.parsers import PARSERS, use_parser
from tests.support import connections_named, stock_client, wait_until
from tests.timing import lasting

CLOSERS: Final[dict[str, Callable[[RedisModule], object]]] = {
    "shutdown_resources()": lambda module: module.shutdown_resources(),
    "its own close()": lambda module: module.client().close(),
}
every_closer = pytest.mark.parametrize("by", CLOSERS)


def listen(client: redis.Redis) -> object:
    with client.pubsub() as subscription:
        subscription.subscribe("news")
        while True:
            subscription.parse_response()


def pop_in_pipeline(client: redis.Redis) -> object:
    pipeline = client.pipeline(transaction=False)
    _ = pipeline.blpop(["none"], 0)
    return pipeline.execute()


WAITS: Final[dict[str, Callable[[redis.Redis], object]]] = {
    "blpop": lambda client: client.blpop(["none"], 0),
    "pipeline": pop_in_pipeline,
    "executor": lambda client: RedisExecutor(client).execute("BLPOP", "none", 0),
    "subscribe": listen,
}


@contextmanager
def in_thread(call: Callable[[], object]) -> Iterator[Future[object]]:
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(call)


def assert_closed(call: Future[object], by: str) -> None:
    error = call.exception(5)
    assert isinstance(error, StoreUnavailableError), error
    assert (error.reason, getattr(error, "closed_by", None)) == ("closed", by)


@every_closer
@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("wait", WAITS)
def test_trap_37_a_command_in_flight_ends_and_no_connection_is_left(
    addr: str, prefix: str, admin: redis.Redis, by: str, wait: str, parser: str
) -> None:
    module = RedisModule(config={"addr": addr, "client_name": prefix, "read_timeout": "1m"})
    client = use_parser(module.client(), parser)
    with in_thread(lambda: WAITS[wait](client)) as call:
        wait_until(lambda: is_waiting(admin, prefix), "it waits")

        with lasting(0):
            CLOSERS[by](module)
            assert_closed(call, by)

    wait_until(lambda: connections_named(admin, prefix) == 0, "the connection is gone")
    with pytest.raises(StoreUnavailableError, match="closed by"):
        client.ping()
    assert connections_named(admin, prefix) == 0


def is_waiting(admin: redis.Redis, name: str) -> bool:
    mine = [each for each in admin.client_list() if each["name"] == name]
    return any("b" in each["flags"] or each["sub"] == "1" for each in mine)


@every_closer
def test_trap_37_a_command_that_is_still_being_written_ends(private_server: EmbeddedServer, by: str) -> None:
    module = RedisModule(config={"addr": private_server.addr, "read_timeout": "1m"})
    client = module.client()
    client.ping()
    begun = threading.Event()

    def write() -> object:
        begun.set()
        return client.set("k", b"x" * (32 << 20))

    with frozen(private_server.pid), in_thread(write) as call:
        assert begun.wait(5)

        with lasting(0):
            CLOSERS[by](module)
            assert_closed(call, by)

    with stock_client(private_server.addr) as admin:
        wait_until(lambda: len(admin.client_list()) == 1, "the connection is gone")
        assert not admin.exists("k")


@every_closer
def test_trap_37_who_waits_for_a_connection_gets_none(
    addr: str, prefix: str, admin: redis.Redis, by: str
) -> None:
    module = RedisModule(config={"addr": addr, "pool_size": 1, "pool_timeout": "1m", "client_name": prefix})
    client = module.client()
    with in_thread(lambda: client.blpop([prefix], 0)) as first, in_thread(client.ping) as second:
        wait_until(lambda: is_waiting(admin, prefix), "the first waits for Redis")

        with lasting(0):
            CLOSERS[by](module)
            for call in first, second:
                if call.exception(5):
                    assert_closed(call, by)

    assert first.exception()
    wait_until(lambda: connections_named(admin, prefix) == 0, "the connection is gone")


@every_closer
def test_trap_37_who_is_connecting_gets_no_connection(by: str) -> None:
    with black_hole() as address:
        module = RedisModule(config={"addr": address, "dial_timeout": "300ms", "retries": 100})
        client: Any = module.client()
        with in_thread(client.ping) as call:
            wait_until(lambda: bool(client.connection_pool._in_use_connections), "it connects")

            with lasting(0.2):
                CLOSERS[by](module)
                assert_closed(call, by)


@every_closer
def test_trap_37_a_connection_that_comes_back_while_the_client_is_closed_is_closed_too(
    addr: str, prefix: str, admin: redis.Redis, by: str
) -> None:
    module = RedisModule(config={"addr": addr, "client_name": prefix})
    pool = module.client().connection_pool
    connection: Any = pool.get_connection()

    def close_in_between() -> bool:
        CLOSERS[by](module)
        return False

    connection.should_reconnect = close_in_between  # asked in the middle of a release
    pool.release(connection)

    wait_until(lambda: connections_named(admin, prefix) == 0, "the connection is gone")


def test_trap_37_after_close_under_load_no_connection_is_left(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    for turn in range(10):
        name = f"{prefix}-{turn}"
        module = RedisModule(config={"addr": addr, "client_name": name, "pool_size": 4})
        client = module.client()
        begun = threading.Barrier(9)

        def work(client: redis.Redis = client, begun: threading.Barrier = begun) -> object:
            client.ping()
            begun.wait()
            while True:
                client.ping()

        with ThreadPoolExecutor(8) as threads:
            calls = [threads.submit(work) for _ in range(8)]
            begun.wait()
            client.close()
            for call in calls:
                assert_closed(call, "its own close()")

        wait_until(lambda name=name: connections_named(admin, name) == 0, "no connection is left")  # type: ignore[misc]  # it is bound
