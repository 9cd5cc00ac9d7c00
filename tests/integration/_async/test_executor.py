"""The executor against a real server: one round trip each, nothing repeated, bounded."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor, Script
from modkit_redis.client.executor import ScriptCall, load_script
from modkit_redis.contract import ArgumentError, CommandRefusedError, StoreUnavailableError
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.caching import AsyncCall, async_lapse
from tests.faults.mute import mute_peer

ADD = Script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])")


@pytest.fixture
async def module(private_server: EmbeddedServer) -> AsyncIterator[AsyncRedisModule]:
    module = AsyncRedisModule(config={"addr": private_server.addr, "pool_size": 1})
    yield module
    await module.shutdown_resources()


@pytest.fixture
def executor(module: AsyncRedisModule) -> AsyncRedisExecutor:
    return AsyncRedisExecutor(module.client())


@pytest.fixture
def watch(private_server: EmbeddedServer) -> Iterator[ServerWatch]:
    with ServerWatch(private_server.addr) as watch:
        yield watch


async def test_replies_are_raw(executor: AsyncRedisExecutor) -> None:
    assert await executor.execute("SET", "a", b"\xff") == b"OK"
    assert await executor.execute("GET", "a") == b"\xff"
    assert await executor.execute("GET", "none") is None
    assert await executor.execute("MGET", "a", "none") == [b"\xff", None]
    assert await executor.execute("STRLEN", "a") == 1


async def test_a_command_is_one_command(executor: AsyncRedisExecutor, watch: ServerWatch) -> None:
    await executor.execute("PING")
    watch.commands()

    await executor.execute("SET", "a", 1, "PX", 5000)

    assert watch.commands() == ["SET a 1 PX 5000"]


async def test_many_commands_are_answered_in_order(executor: AsyncRedisExecutor, watch: ServerWatch) -> None:
    replies = await executor.execute_many([("SET", "a", "1"), ("GET", "a"), ("GET", "b"), ("INCR", "a")])

    assert replies == [b"OK", b"1", None, 2]
    assert watch.commands()[-4:] == ["SET a 1", "GET a", "GET b", "INCR a"]
    assert await executor.execute_many([]) == []
    assert watch.commands() == []


async def test_after_a_refusal_among_many_all_others_were_carried_out(executor: AsyncRedisExecutor) -> None:
    with pytest.raises(redis.ResponseError, match=r"LPUSH: refused by Redis \(wrong-type\)"):
        await executor.execute_many([("SET", "a", "x"), ("LPUSH", "a", "1"), ("SET", "b", "y")])

    assert await executor.execute_many([("GET", "a"), ("GET", "b")]) == [b"x", b"y"]


async def test_a_command_that_the_server_does_not_know_is_refused_without_its_arguments() -> None:
    with EmbeddedServer(rename_command="UNLINK no-more") as server:
        module = AsyncRedisModule(config={"addr": server.addr})
        executor = AsyncRedisExecutor(module.client())

        with pytest.raises(CommandRefusedError) as caught:
            await executor.execute("UNLINK", "the-users-key")
        await module.shutdown_resources()

    assert str(caught.value) == "UNLINK: refused by Redis (unknown-command)"
    assert "the-users-key" not in repr(caught.value.__cause__) + repr(caught.value.__context__)


async def test_a_script_is_sent_whole_only_once(executor: AsyncRedisExecutor, watch: ServerWatch) -> None:
    assert await executor.run(ADD, ["n"], [2]) == 2
    assert await executor.run(ADD, ["n"], [3]) == 5

    sent = [command.split()[0] for command in watch.commands() if not command.startswith("CLIENT")]
    assert sent == ["EVALSHA", "EVAL", "EVALSHA"]


async def test_a_flushed_script_runs_once_all_the_same(executor: AsyncRedisExecutor) -> None:
    await executor.run(ADD, ["n"], [1])
    await executor.execute("SCRIPT", "FLUSH")

    assert await executor.run(ADD, ["n"], [1]) == 2


async def test_scripts_go_along_with_other_commands_in_one_round_trip(
    executor: AsyncRedisExecutor, watch: ServerWatch
) -> None:
    await executor.run(ADD, ["c"], [1])
    watch.commands()

    replies = await executor.execute_many(
        [("SET", "a", "1"), ScriptCall(ADD, ["a"], [2]), ("GET", "a"), ScriptCall(ADD, ["b"], [5])]
    )

    assert replies == [b"OK", 3, b"3", 5]
    assert [command.split()[0] for command in watch.commands()] == ["SET", "EVALSHA", "GET", "EVALSHA"]


async def test_scripts_that_the_server_does_not_know_run_once_after_the_rest(
    executor: AsyncRedisExecutor, watch: ServerWatch
) -> None:
    replies = await executor.execute_many(
        [ScriptCall(ADD, ["a"], [2]), ("GET", "a"), ScriptCall(ADD, ["a"], [3])]
    )

    assert replies == [2, None, 5]
    sent = [command.split()[0] for command in watch.commands() if not command.startswith("CLIENT")]
    assert sent == ["EVALSHA", "GET", "EVALSHA", "EVAL", "EVAL"]


async def test_an_error_inside_a_script_names_the_script_and_is_not_run_again(
    executor: AsyncRedisExecutor, watch: ServerWatch
) -> None:
    broken = Script("broken", "redis.call('INCR', KEYS[1]) return redis.error_reply('MISCONF no')")

    with pytest.raises(CommandRefusedError) as caught:
        await executor.run(broken, ["n"])

    assert (caught.value.operation, caught.value.reason) == ("broken", "misconf")
    assert await executor.execute("GET", "n") == b"1"


async def test_a_script_is_loaded_from_its_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "shop_scripts"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "double.lua").write_text("return ARGV[1] * 2", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    script = load_script("shop_scripts", "double.lua")

    assert (script.name, script.source) == ("double", "return ARGV[1] * 2")
    assert script.sha == hashlib.sha1(script.source.encode(), usedforsecurity=False).hexdigest()
    assert load_script("shop_scripts", "double.lua") is script


async def test_a_refused_command_is_ours_and_redis_pys(
    executor: AsyncRedisExecutor, private_server: EmbeddedServer
) -> None:
    await executor.execute("CONFIG", "SET", "maxmemory", "1")

    with pytest.raises(CommandRefusedError) as caught:
        await executor.execute("SET", "token", "value")

    assert (caught.value.operation, caught.value.reason) == ("SET", "oom")
    assert isinstance(caught.value, redis.ResponseError)
    assert str(caught.value) == "SET: refused by Redis (oom)"


async def test_a_lost_server_is_a_typed_error_and_a_new_one_is_found(
    executor: AsyncRedisExecutor, private_server: EmbeddedServer
) -> None:
    await executor.execute("PING")
    port = int(private_server.addr.rpartition(":")[2])
    private_server.kill()

    with pytest.raises(StoreUnavailableError) as caught:
        await executor.execute("GET", "a")
    private_server.start(port)

    assert isinstance(caught.value, redis.ConnectionError)
    assert await executor.execute("PING") == b"PONG"


@pytest.mark.parametrize("deadline", [0.2, 1])
async def test_a_deadline_bounds_the_whole_call(deadline: float) -> None:
    with mute_peer() as address:
        module = AsyncRedisModule(config={"addr": address, "read_timeout": "1m", "dial_timeout": "1m"})
        executor = AsyncRedisExecutor(module.client())
        started = time.monotonic()

        with pytest.raises(StoreUnavailableError) as caught:
            await executor.run(ADD, ["n"], [1], deadline=deadline)

        assert deadline * 0.9 < time.monotonic() - started < deadline + 1
        assert caught.value.reason == "deadline"
        assert isinstance(caught.value, redis.TimeoutError)
        await module.shutdown_resources()


async def test_a_deadline_bounds_the_wait_for_a_connection(module: AsyncRedisModule) -> None:
    pool = module.client().connection_pool
    held = await pool.get_connection()
    started = time.monotonic()

    with pytest.raises(StoreUnavailableError) as caught:
        await AsyncRedisExecutor(module.client()).execute("PING", deadline=0.1)

    assert time.monotonic() - started < 0.9  # REDIS_POOL_TIMEOUT is a second
    assert caught.value.reason == "pool-timeout"  # the server was not asked
    await pool.release(held)


async def test_a_connection_that_is_free_in_time_is_used_within_the_same_deadline(
    module: AsyncRedisModule,
) -> None:
    pool = module.client().connection_pool
    held = await pool.get_connection()
    call = AsyncCall(lambda: AsyncRedisExecutor(module.client()).execute("PING", deadline=5))
    await async_lapse(0.02)
    was_done = call.done()

    await pool.release(held)

    assert not was_done
    assert await call.result() == b"PONG"
    again = await pool.get_connection()  # and it was given back
    await pool.release(again)


async def test_a_full_pool_is_a_typed_error_after_its_timeout(module: AsyncRedisModule) -> None:
    pool = module.client().connection_pool
    held = await pool.get_connection()
    started = time.monotonic()

    with pytest.raises(StoreUnavailableError) as caught:
        await AsyncRedisExecutor(module.client()).execute("PING")

    assert 0.9 < time.monotonic() - started < 5
    assert caught.value.reason == "pool-timeout"
    await pool.release(held)


@pytest.mark.parametrize("deadline", [0, -1, float("nan"), True])
async def test_a_deadline_that_is_none_is_refused(executor: AsyncRedisExecutor, deadline: float) -> None:
    with pytest.raises(ArgumentError, match="deadline must be"):
        await executor.execute("PING", deadline=deadline)


async def test_a_clients_own_retries_and_decoding_do_not_reach_the_stores(addr: str, prefix: str) -> None:
    host, _, port = addr.rpartition(":")
    brought = redis.asyncio.Redis(host=host, port=int(port), decode_responses=True, protocol=2)
    executor = AsyncRedisExecutor(brought)

    await executor.execute("SET", f"{prefix}:a", b"\xff")

    assert await executor.execute("GET", f"{prefix}:a") == b"\xff"
    assert await executor.execute("PING", deadline=5) == b"PONG"
    await brought.aclose()


async def test_what_is_no_client_is_refused() -> None:
    with pytest.raises(ArgumentError, match="with a pool, not str"):
        AsyncRedisExecutor("redis")  # type: ignore[arg-type]  # as an override may be
