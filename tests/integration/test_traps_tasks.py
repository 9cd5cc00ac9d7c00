"""Traps of tasks and event loops; test_traps_threads.py holds the same for threads."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final, NoReturn

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.contract import StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.blocking import known_to
from tests.faults.parsers import PARSERS, use_parser
from tests.faults.proxy import Proxy
from tests.support import connections_named, stock_client, wait_until
from tests.timing import lasting

Connect = Callable[..., redis.asyncio.Redis]
NOTHING: Final[tuple[object, ...]] = (None, 0, [], [0, 0])  # what the blocking commands say when their time is over
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


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until *holds*, and let the event loop run."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)
    assert holds(), what


async def pipelined(pipeline: redis.asyncio.client.Pipeline) -> list[Any]:
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
        proxy.delay = 0.06

        task = asyncio.create_task(call())
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        proxy.delay = 0
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


def test_trap_34_another_event_loop_gets_a_typed_error(addr: str, prefix: str) -> None:
    module = AsyncRedisModule(config={"addr": addr, "client_name": prefix})
    client = module.client()

    async def ways() -> list[Awaitable[object]]:
        pipeline = client.pipeline()
        _ = pipeline.get("a")
        executor = AsyncRedisExecutor(client)
        subscription = client.pubsub()
        return [client.get("a"), pipeline.execute(), executor.execute("PING"), subscription.subscribe("a")]

    async def use() -> list[object]:
        return await asyncio.gather(*await ways(), return_exceptions=True)

    with asyncio.Runner() as first, asyncio.Runner() as second:
        assert first.run(client.execute_command("PING"))

        errors = second.run(use())

        for error in errors:
            assert isinstance(error, StoreUnavailableError) and error.reason == "event-loop"
            assert isinstance(error, redis.ConnectionError)
            assert "belongs to another event loop" in str(error)
        assert first.run(client.execute_command("PING"))  # where it belongs it still works
        first.run(_shut_down(module))


@pytest.mark.parametrize("first_loop", ["running", "stopped", "closed"])
def test_trap_47_closing_from_another_event_loop_closes_the_sockets(
    addr: str, prefix: str, admin: redis.Redis, first_loop: str
) -> None:
    module = AsyncRedisModule(config={"addr": addr, "client_name": prefix})
    client = module.client()
    first = asyncio.Runner()
    loop = first.get_loop()
    first.run(_twice(client))
    assert connections_named(admin, prefix) == 2
    thread = threading.Thread(target=loop.run_forever)
    if first_loop == "running":
        thread.start()
        wait_until(loop.is_running, "it runs")
    elif first_loop == "closed":
        first.close()

    asyncio.run(_shut_down(module))

    wait_until(lambda: connections_named(admin, prefix) == 0, "the connections are gone")
    with pytest.raises(StoreUnavailableError, match="closed"):
        asyncio.run(client.execute_command("PING"))
    assert asyncio.run(module.client().execute_command("PING"))  # a new one, for the next loop
    asyncio.run(_shut_down(module))
    if first_loop == "running":
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
    first.close()


async def _twice(client: redis.asyncio.Redis) -> None:
    await asyncio.gather(client.execute_command("PING"), client.execute_command("PING"))


async def _shut_down(module: AsyncRedisModule) -> None:
    await module.shutdown_resources()


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


@pytest.mark.parametrize("times", [100, pytest.param(1000, marks=pytest.mark.slow)])
async def test_trap_32_random_cancellations_lose_neither_replies_nor_connections(
    connect: Connect, addr: str, prefix: str, times: int
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201  # pytest shows it when this fails
    chance = random.Random(seed)
    client = connect(addr, pool_size=5, pool_timeout="30s", client_name=prefix)
    wrong: list[object] = []

    async def work(number: int) -> None:
        for turn in range(5):
            said = f"{number}-{turn}".encode()
            if (heard := await chance.choice(LOAD)(client, said)) != said:
                wrong.append((said, heard))

    for number in range(times):
        tasks = [asyncio.create_task(work(number * 10 + each)) for each in range(4)]
        await asyncio.sleep(chance.random() * 0.002)
        victims = [task for task in tasks if chance.random() < 0.5]
        for task in victims:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() or task.exception() is None for task in tasks)

    pool: Any = client.connection_pool
    assert wrong == []
    assert not pool._in_use_connections
    held = [await pool.get_connection() for _ in range(5)]  # all five can still be had
    for each in held:
        await pool.release(each)


async def _by_pipeline(client: redis.asyncio.Redis, said: bytes) -> object:
    async with client.pipeline(transaction=False) as pipeline:
        _ = pipeline.echo(b"other")
        _ = pipeline.echo(said)
        return (await pipeline.execute())[1]


async def _by_watched_transaction(client: redis.asyncio.Redis, said: bytes) -> object:
    async with client.pipeline() as pipeline:
        await pipeline.watch("none")
        pipeline.multi()
        _ = pipeline.echo(said)
        return (await pipeline.execute())[0]


LOAD: Final[list[Callable[[redis.asyncio.Redis, bytes], Awaitable[object]]]] = [
    lambda client, said: client.execute_command("ECHO", said),
    lambda client, said: AsyncRedisExecutor(client).execute("ECHO", said),
    lambda client, said: AsyncRedisExecutor(client).execute("ECHO", said, deadline=5),
    _by_pipeline,
    _by_watched_transaction,
]


async def test_200_concurrent_callers_on_the_default_settings_see_no_error(
    connect: Connect, addr: str, prefix: str
) -> None:
    client = connect(addr, key_prefix=prefix)

    async def call(number: int) -> list[object]:
        await client.set(f"{prefix}:{number}", number)
        return [await client.get(f"{prefix}:{number}") for _ in range(10)]

    replies = await asyncio.gather(*(call(number) for number in range(200)))

    assert replies == [[str(number).encode()] * 10 for number in range(200)]
