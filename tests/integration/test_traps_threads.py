"""Traps of threads; test_traps_tasks.py holds the same for tasks, test_traps_signals.py those of signals."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest
import redis

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.client import RedisExecutor
from modkit_redis.contract import StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.blocking import NOTHING, known_to
from tests.support import stock_client, wait_until
from tests.timing import lasting, pass_time

Connect = Callable[..., redis.Redis]


@pytest.fixture
def connect() -> Iterator[Connect]:
    modules: list[RedisModule] = []

    def connect(addr: str, **settings: object) -> redis.Redis:
        modules.append(RedisModule(config={"addr": addr, **settings}))
        return modules[-1].client()

    yield connect
    for module in modules:
        module.shutdown_resources()


@pytest.mark.parametrize("bound", ["dial timeout", "deadline"])
def test_trap_15_a_slow_look_up_of_a_name_is_not_bounded_and_ends_with_the_look_up(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def look_up(*_: object, **__: object) -> NoReturn:
        asked.set()
        answered.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    executor = RedisExecutor(connect("slow.test:6379", dial_timeout="10ms", read_timeout="10ms"))
    deadline = 0.01 if bound == "deadline" else None
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(executor.execute, "PING", deadline=deadline)
        assert asked.wait(5)
        pass_time(0.2)
        assert not call.done()  # no system call can be told to give up; see the documentation

        answered.set()
        with pytest.raises(StoreUnavailableError) as caught:
            call.result(5)

    assert caught.value.reason == "dns"


def test_trap_16_each_blocking_command_may_wait_longer_than_the_read_timeout(
    connect: Connect, private_server: EmbeddedServer
) -> None:
    with stock_client(private_server.addr) as admin:
        commands = known_to(admin, "k", 0.5)
    client = connect(private_server.addr, read_timeout="250ms")

    with ThreadPoolExecutor(len(commands)) as threads, lasting(0.5):
        replies = list(threads.map(lambda command: client.execute_command(*command), commands))

    assert all(reply in NOTHING for reply in replies)


def test_trap_16_a_wait_for_ever_has_no_bound(connect: Connect, private_server: EmbeddedServer) -> None:
    client = connect(private_server.addr, read_timeout="200ms")
    with stock_client(private_server.addr) as admin, ThreadPoolExecutor(16) as threads:
        commands = known_to(admin, "k", 0)
        calls = [threads.submit(client.execute_command, *command) for command in commands]
        calls.append(threads.submit(client.blpop, ["pushed"]))
        wait_until(lambda: admin.info("clients")["blocked_clients"] == len(calls), "all wait")

        pass_time(0.5)

        assert not any(call.done() for call in calls)
        admin.rpush("pushed", "at last")
        assert calls.pop().result(5) == (b"pushed", b"at last")
        for each in admin.client_list():
            admin.client_unblock(int(each["id"]))
        assert all(call.result(5) in NOTHING for call in calls)


def test_trap_31_a_waiter_whose_time_is_over_does_not_cost_the_next_one_its_turn(
    connect: Connect, addr: str
) -> None:
    client = connect(addr, pool_size=1, pool_timeout="50ms")
    pool = client.connection_pool
    for _ in range(5):
        held = pool.get_connection()
        with ThreadPoolExecutor(8) as threads:
            calls = [threads.submit(client.ping) for _ in range(8)]
            assert all(isinstance(call.exception(5), StoreUnavailableError) for call in calls)
        pool.release(held)

        assert client.ping()


@pytest.mark.parametrize("kind", [RedisModule, AsyncRedisModule])
def test_trap_35_a_first_access_by_many_threads_builds_one_client(
    kind: type[RedisModule | AsyncRedisModule],
) -> None:
    for _ in range(20):
        module = kind(config={"addr": "localhost:6379"})
        start = threading.Barrier(32)

        def access(module: Any = module, start: threading.Barrier = start) -> object:
            start.wait()
            return module.client()

        with ThreadPoolExecutor(32) as threads:
            clients = [call.result(10) for call in [threads.submit(access) for _ in range(32)]]

        assert len({id(each) for each in clients}) == 1


def test_200_concurrent_callers_on_the_default_settings_see_no_error(
    connect: Connect, addr: str, prefix: str
) -> None:
    client = connect(addr, key_prefix=prefix)
    start = threading.Barrier(200)

    def call(number: int) -> list[object]:
        start.wait()
        client.set(f"{prefix}:{number}", number)
        return [client.get(f"{prefix}:{number}") for _ in range(10)]

    with ThreadPoolExecutor(200) as threads:
        replies = list(threads.map(call, range(200)))

    assert replies == [[str(number).encode()] * 10 for number in range(200)]
