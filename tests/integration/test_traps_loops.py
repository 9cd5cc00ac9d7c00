"""Traps of clients for asyncio and more than one event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, nullcontext

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.contract import StoreUnavailableError
from tests.certificates import Certificates
from tests.faults.forking import in_child
from tests.faults.tls import TlsProxy, server_context
from tests.support import connections_named, wait_until


@pytest.fixture
def plain(addr: str) -> dict[str, object]:
    return {"addr": addr}


@pytest.fixture
def tls(addr: str, certificates: Certificates) -> Iterator[dict[str, object]]:
    with TlsProxy(addr, server_context(certificates.server)) as proxy:
        yield {"addr": proxy.addr, "tls": True, "tls_ca_file": certificates.ca}


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


@contextmanager
def running_elsewhere(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Run *loop* in another thread."""
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        wait_until(loop.is_running, "it runs")
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@pytest.mark.parametrize("first_loop", ["running", "stopped", "closed"])
@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_trap_47_closing_from_another_event_loop_closes_the_sockets(
    request: pytest.FixtureRequest, prefix: str, admin: redis.Redis, kind: str, first_loop: str
) -> None:
    module = AsyncRedisModule(config={**request.getfixturevalue(kind), "client_name": prefix})
    client = module.client()
    with asyncio.Runner() as first:
        first.run(_twice(client))
        assert connections_named(admin, prefix) == 2
        if first_loop == "closed":
            first.close()

        with running_elsewhere(first.get_loop()) if first_loop == "running" else nullcontext():
            asyncio.run(_shut_down(module))

            wait_until(lambda: connections_named(admin, prefix) == 0, "the connections are gone")

        with pytest.raises(StoreUnavailableError, match="closed"):
            asyncio.run(client.execute_command("PING"))
        assert asyncio.run(module.client().execute_command("PING"))  # a new one, for the next loop
        asyncio.run(_shut_down(module))


async def _twice(client: redis.asyncio.Redis) -> None:
    await asyncio.gather(client.execute_command("PING"), client.execute_command("PING"))


async def _shut_down(module: AsyncRedisModule) -> None:
    await module.shutdown_resources()


def test_trap_33_after_a_fork_the_parent_keeps_its_tls_connection(tls: dict[str, object]) -> None:
    module = AsyncRedisModule(config=tls)
    client = module.client()

    async def use_and_end() -> int:
        theirs = int(await client.client_id())
        await module.shutdown_resources()
        return theirs

    with asyncio.Runner() as runner:
        mine = runner.run(client.execute_command("CLIENT ID"))

        assert int(in_child(lambda: asyncio.run(use_and_end()))) != mine

        assert runner.run(client.execute_command("CLIENT ID")) == mine
        runner.run(_shut_down(module))
