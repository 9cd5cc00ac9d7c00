"""After a fork, parent and child use different connections, and neither cuts the other's."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule, RedisModule
from tests.faults.forking import in_child
from tests.support import connections_named, wait_until

Ids = tuple[int, list[Any]]


COLLECT: Final = """
import asyncio, gc, os, sys, warnings
from modkit_redis import AsyncRedisModule

async def collect():
    gc.collect()

async def shut_down():
    await module.shutdown_resources()

warnings.simplefilter("always")
module = AsyncRedisModule(config={"addr": sys.argv[1]})
with asyncio.Runner() as runner:
    mine = runner.run(module.client().execute_command("CLIENT ID"))
    if not (child := os.fork()):
        asyncio.run(collect())
        os._exit(0)
    os.waitpid(child, 0)
    assert runner.run(module.client().execute_command("CLIENT ID")) == mine
    print("the same connection")
    runner.run(shut_down())
"""


@pytest.fixture
def module(addr: str, prefix: str) -> Iterator[RedisModule]:
    module = RedisModule(config={"addr": addr, "pool_size": 2, "client_name": prefix})
    yield module
    module.shutdown_resources()


def use(client: redis.Redis, said: str) -> Ids:
    """Return the id of a connection and what came back over it."""
    return int(client.client_id()), [client.echo(said) for _ in range(50)]


def test_trap_33_parent_and_child_use_different_connections(module: RedisModule) -> None:
    client = module.client()
    mine, _ = use(client, "before")
    answer: list[str] = []
    child = threading.Thread(target=lambda: answer.append(in_child(lambda: use(client, "child"))))

    child.start()
    while child.is_alive():  # both at once
        assert use(client, "parent") == (mine, [b"parent"] * 50)
    child.join()

    theirs, said = eval(answer[0])  # noqa: S307  # our own repr
    assert theirs != mine
    assert said == [b"child"] * 50


@pytest.mark.parametrize("ending", ["close", "forget", "shut down"])
def test_trap_33_a_child_that_ends_cuts_nothing_of_the_parent(
    module: RedisModule, admin: redis.Redis, prefix: str, ending: str
) -> None:
    clients = [module.client()]
    mine, _ = use(clients[0], "before")

    def end() -> str:
        if ending == "close":
            clients.pop().close()
        elif ending == "shut down":
            module.shutdown_resources()
        clients.clear()
        gc.collect()
        return "ended"

    assert in_child(end) == repr("ended")
    assert use(clients[0], "after") == (mine, [b"after"] * 50)
    assert connections_named(admin, prefix) == 1


def test_trap_33_connections_in_use_at_the_fork_cost_the_child_none(
    module: RedisModule, admin: redis.Redis, prefix: str
) -> None:
    client = module.client()
    pool = client.connection_pool
    held = pool.get_connection()
    popped: list[object] = []
    waiting = threading.Thread(target=lambda: popped.append(client.blpop([prefix])))
    waiting.start()
    wait_until(lambda: "blpop" in {each["cmd"] for each in admin.client_list()}, "the thread waits")

    def both() -> list[Any]:
        pool.release(held)  # it is the parent's
        taken = [pool.get_connection() for _ in range(2)]
        for each in taken:
            pool.release(each)
        return [each is held for each in taken] + [client.echo("child")]

    assert in_child(both) == repr([False, False, b"child"])
    held.send_command("ECHO", "mine")
    assert held.read_response() == b"mine"
    pool.release(held)
    admin.rpush(prefix, "at last")
    waiting.join(5)
    assert popped == [(prefix.encode(), b"at last")]


async def async_use(client: redis.asyncio.Redis, said: str) -> Ids:
    """Return the id of a connection and what came back over it."""
    return int(await client.client_id()), [await client.echo(said) for _ in range(50)]


async def shut_down(module: AsyncRedisModule) -> None:
    await module.shutdown_resources()


def test_trap_33_a_client_for_asyncio_made_before_the_fork_works_in_parent_and_child(
    addr: str, prefix: str
) -> None:
    module = AsyncRedisModule(config={"addr": addr, "client_name": prefix})
    client = module.client()

    async def use_and_end(said: str) -> Ids:
        ids = await async_use(client, said)
        await module.shutdown_resources()
        return ids

    child, said = eval(in_child(lambda: asyncio.run(use_and_end("child"))))  # noqa: S307  # our own repr
    parent, _ = asyncio.run(use_and_end("parent"))

    assert child != parent
    assert said == [b"child"] * 50


def test_trap_33_what_a_child_collects_as_garbage_is_not_taken_from_the_parents_event_loop(addr: str) -> None:
    program = [sys.executable, "-c", COLLECT, addr]  # pytest keeps what warns while it is collected

    done = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)

    assert (done.stdout, done.stderr) == ("the same connection\n", "")


@pytest.mark.parametrize("ending", ["use", "close", "forget", "shut down"])
def test_trap_33_a_client_for_asyncio_used_before_the_fork_keeps_its_connection_in_the_parent(
    addr: str, prefix: str, admin: redis.Redis, ending: str
) -> None:
    module = AsyncRedisModule(config={"addr": addr, "client_name": prefix})
    clients = [module.client()]
    with asyncio.Runner() as runner:
        mine, _ = runner.run(async_use(clients[0], "before"))

        async def end() -> object:
            if ending == "use":
                assert (await async_use(clients[0], "child"))[0] != mine
            if ending == "close":
                await clients[0].aclose()
            if ending == "shut down":
                await module.shutdown_resources()
                assert (await async_use(module.client(), "child"))[0] != mine
            if ending == "forget":
                clients.clear()
                gc.collect()
            return "ended"

        assert in_child(lambda: asyncio.run(end())) == repr("ended")

        assert runner.run(async_use(clients[0], "after")) == (mine, [b"after"] * 50)
        wait_until(lambda: connections_named(admin, prefix) == 1, "only the parent's is left")
        runner.run(shut_down(module))
