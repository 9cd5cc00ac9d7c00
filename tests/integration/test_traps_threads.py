"""Traps of threads and signals; test_traps_tasks.py holds the same for tasks."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import pytest
import redis
from redis.client import Pipeline

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.client import RedisExecutor
from modkit_redis.contract import StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.blocking import NOTHING, known_to
from tests.faults.parsers import PARSERS, use_parser
from tests.faults.proxy import Proxy
from tests.support import stock_client, wait_until
from tests.timing import lasting, pass_time

Connect = Callable[..., redis.Redis]
every_parser = pytest.mark.parametrize("parser", PARSERS)


class Struck(BaseException):
    """What the signal handler raises."""


@pytest.fixture
def connect() -> Iterator[Connect]:
    modules: list[RedisModule] = []

    def connect(addr: str, **settings: object) -> redis.Redis:
        modules.append(RedisModule(config={"addr": addr, **settings}))
        return modules[-1].client()

    yield connect
    for module in modules:
        module.shutdown_resources()


def pipelined(pipeline: Pipeline) -> list[Any]:
    for _ in range(2):
        _ = pipeline.echo("another's")
    return pipeline.execute()


@contextmanager
def struck_after(seconds: float, kind: type[BaseException] = Struck) -> Iterator[None]:
    """Let a signal handler raise after *seconds*."""

    def strike(_: int, __: FrameType | None) -> NoReturn:
        raise kind

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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


@every_parser
@pytest.mark.parametrize("kind", [Struck, KeyboardInterrupt, RuntimeError])
def test_trap_28_a_signal_during_a_read_shifts_no_reply(
    connect: Connect, proxy: Proxy, prefix: str, parser: str, kind: type[BaseException]
) -> None:
    client = use_parser(connect(proxy.addr, pool_size=1), parser)
    executor = RedisExecutor(client)
    calls: list[Callable[[], object]] = [
        lambda: client.echo("another's"),
        lambda: pipelined(client.pipeline()),
        lambda: pipelined(client.pipeline(transaction=False)),
        lambda: executor.execute("ECHO", "another's"),
        lambda: executor.execute_many([("ECHO", "another's"), ("ECHO", "another's")]),
    ]
    for call in calls:
        client.ping()
        proxy.delay = 0.1

        with pytest.raises(kind), struck_after(0.03, kind):
            call()

        proxy.delay = 0
        assert client.get(prefix) is None


@every_parser
def test_trap_28_a_signal_during_a_read_shifts_no_reply_of_its_own_connection(
    connect: Connect, proxy: Proxy, prefix: str, parser: str
) -> None:
    client = use_parser(connect(proxy.addr), parser)
    with client.client() as single, client.pipeline() as pipeline:
        for each in single, pipeline:
            pipeline.watch("none")
            proxy.delay = 0.06

            with pytest.raises(Struck), struck_after(0.01):
                each.echo("another's")

            proxy.delay = 0
            pipeline.watch("none")
            assert each.get(prefix) is None


@every_parser
@pytest.mark.parametrize("read_before", [0, 1])
def test_trap_28_a_signal_between_sending_and_reading_shifts_no_reply(
    connect: Connect,
    proxy: Proxy,
    prefix: str,
    parser: str,
    read_before: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = use_parser(connect(proxy.addr, pool_size=1), parser)
    client.ping()
    proxy.delay = 0.02  # the replies come when the connection is back in the pool
    left, parse = [read_before], getattr(redis.Redis, "parse_response")  # noqa: B009  # it has no types

    def parse_or_strike(*args: Any, **options: Any) -> Any:
        if not left[0]:
            raise Struck
        left[0] -= 1
        return parse(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(redis.Redis, "parse_response", parse_or_strike)
        with pytest.raises(Struck):
            pipelined(client.pipeline(transaction=False)) if read_before else client.echo("another's")

    assert client.get(prefix) is None


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
