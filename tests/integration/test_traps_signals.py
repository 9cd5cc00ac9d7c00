"""Trap 28: a signal handler that raises; test_traps_tasks.py holds the same for cancellation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from redis.client import Pipeline

from modkit_redis import RedisModule
from modkit_redis.client import RedisExecutor
from modkit_redis.client.connections import TcpConnection
from tests.faults.parsers import PARSERS, use_parser
from tests.faults.proxy import Proxy
from tests.faults.signals import Struck, struck_after

Connect = Callable[..., redis.Redis]
every_parser = pytest.mark.parametrize("parser", PARSERS)


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


def test_trap_28_a_signal_while_signing_in_leaves_no_connection_that_is_half_signed_in(
    connect: Connect, addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(addr, pool_size=1, db=3, client_name=prefix)
    send = TcpConnection.send_command

    def send_or_strike(self: TcpConnection, *args: Any, **options: Any) -> None:
        if args[0] == "SELECT":
            raise Struck
        send(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(TcpConnection, "send_command", send_or_strike)
        with pytest.raises(Struck):
            client.ping()

    assert client.client_info()["db"] == 3
