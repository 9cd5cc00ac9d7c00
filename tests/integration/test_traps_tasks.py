"""Traps of tasks and event loops; test_traps_threads.py holds the same for threads."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack
from typing import Any, NoReturn

import pytest
import redis.asyncio
from redis.asyncio.client import Pipeline

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.contract import StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.blocking import NOTHING, known_to
from tests.faults.parsers import PARSERS, use_parser
from tests.faults.proxy import Proxy
from tests.support import stock_client
from tests.timing import lasting, until

Connect = Callable[..., redis.asyncio.Redis]
every_parser = pytest.mark.parametrize("parser", PARSERS)


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    modules: list[AsyncRedisModule] = []

    def connect(addr: str, **settings: object) -> redis.asyncio.Redis:
        modules.append(AsyncRedisModule(config={"addr": addr, **settings}))
        return modules[-1].client()

    yield connect
    for module in modules:
        await module.shutdown_resources()


async def pipelined(pipeline: Pipeline) -> list[Any]:
    for _ in range(2):
        _ = pipeline.echo("another's")
    return await pipeline.execute()


@pytest.mark.parametrize("bound", ["dial timeout", "deadline"])
async def test_trap_15_a_slow_look_up_of_a_name_is_bounded_by_the_dial_timeout(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    answered = threading.Event()

    def look_up(*_: object, **__: object) -> NoReturn:
        answered.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    executor = AsyncRedisExecutor(
        connect("slow.test:6379", dial_timeout="200ms" if bound == "dial timeout" else "30s")
    )
    try:
        with lasting(0.2), pytest.raises(StoreUnavailableError) as caught:
            await executor.execute("PING", deadline=0.2 if bound == "deadline" else None)
    finally:
        answered.set()

    assert caught.value.reason == bound.replace(" ", "-")


async def test_trap_16_each_blocking_command_may_wait_longer_than_the_read_timeout(
    connect: Connect, private_server: EmbeddedServer
) -> None:
    with stock_client(private_server.addr) as admin:
        commands = known_to(admin, "k", 0.5)
    client = connect(private_server.addr, read_timeout="250ms")

    with lasting(0.5):
        replies = await asyncio.gather(*(client.execute_command(*command) for command in commands))

    assert all(reply in NOTHING for reply in replies)


async def test_trap_16_a_wait_for_ever_has_no_bound(connect: Connect, private_server: EmbeddedServer) -> None:
    client = connect(private_server.addr, read_timeout="200ms")
    with stock_client(private_server.addr) as admin:
        commands = known_to(admin, "k", 0)
        calls = [asyncio.ensure_future(client.execute_command(*command)) for command in commands]
        pushed = asyncio.ensure_future(client.blpop(["pushed"]))
        await until(lambda: admin.info("clients")["blocked_clients"] == len(commands) + 1, "all wait")

        done, _ = await asyncio.wait([*calls, pushed], timeout=0.5)

        assert not done
        admin.rpush("pushed", "at last")
        assert await pushed == (b"pushed", b"at last")
        for each in admin.client_list():
            admin.client_unblock(int(each["id"]))
        assert all(reply in NOTHING for reply in await asyncio.gather(*calls))


@every_parser
@pytest.mark.parametrize("seconds", [0, 0.01, 0.03])
async def test_trap_28_a_cancelled_read_shifts_no_reply(
    connect: Connect, proxy: Proxy, prefix: str, parser: str, seconds: float
) -> None:
    client = use_parser(connect(proxy.addr, pool_size=1), parser)
    executor = AsyncRedisExecutor(client)
    calls: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: client.execute_command("ECHO", "another's"),
        lambda: pipelined(client.pipeline()),
        lambda: pipelined(client.pipeline(transaction=False)),
        lambda: executor.execute("ECHO", "another's"),
        lambda: executor.execute_many([("ECHO", "another's"), ("ECHO", "another's")]),
        lambda: executor.execute("ECHO", "another's", deadline=5),
    ]
    for call in calls:
        await client.ping()
        proxy.delay = 5

        task = asyncio.create_task(call())
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        proxy.delay = 0
        assert await client.get(prefix) is None


@every_parser
async def test_trap_28_a_cancelled_read_shifts_no_reply_of_its_own_connection(
    connect: Connect, proxy: Proxy, prefix: str, parser: str
) -> None:
    client = use_parser(connect(proxy.addr), parser)

    async def echo(by: redis.asyncio.Redis) -> object:
        return await by.echo("another's")

    async with client.client() as single, client.pipeline() as pipeline:
        for each in single, pipeline:
            await pipeline.watch("none")
            proxy.delay = 5

            task = asyncio.create_task(echo(each))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

            proxy.delay = 0
            await pipeline.watch("none")
            assert await each.get(prefix) is None


async def test_trap_29_a_dead_connection_is_seen_although_its_descriptor_is_another_ones_now(
    connect: Connect, proxy: Proxy, prefix: str
) -> None:
    client = connect(proxy.addr)
    pool = client.connection_pool
    connection: Any = await pool.get_connection()
    transport = connection._writer.transport
    descriptor = transport.get_extra_info("socket").fileno()
    await pool.release(connection)
    proxy.reset_all()
    await until(lambda: transport._sock is None, "the event loop has closed it")

    with ExitStack() as stack:
        others = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(20)]
        assert descriptor in {each.fileno() for each in others}
        assert await client.get(prefix) is None


@pytest.mark.parametrize("order", ["cancel, release", "release, cancel"])
async def test_trap_31_a_waiter_cancelled_at_release_time_does_not_cost_the_next_one_its_turn(
    connect: Connect, addr: str, order: str
) -> None:
    client = connect(addr, pool_size=1, pool_timeout="5s")
    pool = client.connection_pool
    for _ in range(50):
        held = await pool.get_connection()
        first, second, third = (asyncio.create_task(client.execute_command("PING")) for _ in range(3))
        await asyncio.sleep(0)

        if order == "cancel, release":
            first.cancel()
        await pool.release(held)
        first.cancel()

        assert all(await asyncio.wait_for(asyncio.gather(second, third), 2))
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_trap_31_a_waiter_whose_time_ends_at_release_time_does_not_cost_the_next_one_its_turn(
    connect: Connect, addr: str
) -> None:
    client = connect(addr, pool_size=1, pool_timeout="20ms")
    pool = client.connection_pool
    for _ in range(10):
        held = await pool.get_connection()
        waiters = [asyncio.create_task(client.execute_command("PING")) for _ in range(5)]
        await asyncio.sleep(0.02)
        await pool.release(held)

        await asyncio.wait(waiters)

        assert all(isinstance(each.exception(), StoreUnavailableError | None) for each in waiters)
        assert await client.ping()


async def test_trap_44_a_command_makes_no_task(connect: Connect, addr: str, prefix: str) -> None:
    client = connect(addr)
    executor = AsyncRedisExecutor(client)
    await client.ping()
    made: list[str] = []

    def count(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(repr(coroutine))
        return asyncio.Task(coroutine, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(count)
    for _ in range(10):
        await client.set(prefix, "1")
        await client.get(prefix)
        await client.set(prefix, b"x" * 100_000)
        await executor.execute("GET", prefix)
        await executor.execute("GET", prefix, deadline=5)
        await executor.execute_many([("GET", prefix), ("GET", prefix)])

    assert made == []


async def test_200_concurrent_callers_on_the_default_settings_see_no_error(
    connect: Connect, addr: str, prefix: str
) -> None:
    client = connect(addr, key_prefix=prefix)

    async def call(number: int) -> list[object]:
        await client.set(f"{prefix}:{number}", number)
        return [await client.get(f"{prefix}:{number}") for _ in range(10)]

    replies = await asyncio.gather(*(call(number) for number in range(200)))

    assert replies == [[str(number).encode()] * 10 for number in range(200)]
