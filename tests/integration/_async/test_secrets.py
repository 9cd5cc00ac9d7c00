"""Trap 25: a password shows in no error, in nothing behind one, and in no log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.contract import BuildError, ConfigError, ModkitRedisError, StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.faults.scripted import Answer, End, ScriptedPeer, to_all
from tests.leaks import chain, leaks
from tests.support import stock_client

SECRET: Final = "s3cret-pa55word"
WRONG: Final = "wr0ng-s3cret-pa55word"

Sign: TypeAlias = Callable[..., None]


@pytest.fixture(autouse=True)
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def locked_server() -> Iterator[EmbeddedServer]:
    """A server that wants the secret."""
    with EmbeddedServer() as server:
        with stock_client(server.addr) as admin:
            admin.config_set("requirepass", SECRET)
        yield server


also = pytest.mark.slow


@pytest.fixture(
    params=["password", "file", pytest.param("url", marks=also), pytest.param("user", marks=also)]
)
def given(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sign:
    """Put an address and a password into the environment, in each way there is."""

    def give(addr: str, password: str = SECRET) -> None:
        if request.param == "url":
            monkeypatch.setenv("REDIS_URL", f"redis://default:{password}@{addr}/0")
            return
        monkeypatch.setenv("REDIS_ADDR", addr)
        if request.param == "file":
            (tmp_path / "password").write_text(f"{password}\n")
            monkeypatch.setenv("REDIS_PASSWORD_FILE", str(tmp_path / "password"))
            return
        monkeypatch.setenv("REDIS_PASSWORD", password)
        if request.param == "user":
            monkeypatch.setenv("REDIS_USERNAME", "default")

    return give


@pytest.fixture
async def module(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncRedisModule]:
    """A module that reads the environment, and pings at the start."""
    monkeypatch.setenv("REDIS_PING_TIMEOUT", "5s")
    monkeypatch.setenv("REDIS_READ_TIMEOUT", "40ms")
    module = AsyncRedisModule()
    yield module
    await module.shutdown_resources()


async def failures(module: AsyncRedisModule) -> list[ModkitRedisError]:
    """Return how each way to use Redis fails."""
    with pytest.raises(BuildError) as ping:
        await module.init_resources()
    client = module.client()
    with pytest.raises(StoreUnavailableError) as command:
        await client.get("key")
    with pytest.raises(StoreUnavailableError) as executed:
        await AsyncRedisExecutor(client).execute("GET", "key", deadline=0.03)
    with pytest.raises(StoreUnavailableError) as queued:
        await queue(client)
    with pytest.raises(StoreUnavailableError) as subscribed:
        await listen(client)
    return [each.value for each in (ping, command, executed, queued, subscribed)]


async def queue(client: redis.asyncio.Redis) -> None:
    async with client.pipeline() as pipeline:
        _ = pipeline.get("key")
        await pipeline.execute()


async def listen(client: redis.asyncio.Redis) -> None:
    async with client.pubsub() as subscription:
        await subscription.subscribe("channel")
        await subscription.get_message(timeout=1)


async def test_trap_25_a_wrong_password_shows_nowhere(
    module: AsyncRedisModule, locked_server: EmbeddedServer, given: Sign, logs: pytest.LogCaptureFixture
) -> None:
    given(locked_server.addr, WRONG)

    for error in await failures(module):
        assert any(isinstance(each, redis.AuthenticationError) for each in chain(error))
        assert leaks("s3cret", error, logs.records) == []


def at_auth(reply: bytes | End) -> Answer:
    """Answer like this when a client signs in."""
    return lambda command: reply if command[0] == b"AUTH" else b"+OK\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"", id="mute"),
        pytest.param(End.HANG_UP, id="hang-up"),
        pytest.param(End.RESET, id="reset"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n", id="garbage"),
        pytest.param(b"+NO\r\n", id="not OK"),
        pytest.param(b"-LOADING wait\r\n", id="loading"),
        pytest.param(b"-ERR wrong number of arguments for 'auth' command\r\n", id="old"),
        pytest.param(f"-ERR unknown command 'AUTH', with args: '{SECRET}'\r\n".encode(), id="echo"),
    ],
)
async def test_trap_25_a_right_password_shows_nowhere_when_signing_in_fails(
    module: AsyncRedisModule, given: Sign, logs: pytest.LogCaptureFixture, reply: bytes | End
) -> None:
    with ScriptedPeer(at_auth(reply)) as peer:
        given(peer.addr)

        for error in await failures(module):
            assert leaks("s3cret", error, logs.records) == []
    assert (peer.commands[0][0], peer.commands[0][-1]) == (b"AUTH", SECRET.encode())


def at_name(command: list[bytes]) -> bytes:
    """Let a client sign in, and refuse what comes next."""
    return b"+OK\r\n" if command[0] == b"AUTH" else b"-ERR unknown command\r\n"


@pytest.mark.parametrize("answer", [at_name, to_all(End.RESET)], ids=["refused", "reset"])
async def test_trap_25_a_right_password_shows_nowhere_after_signing_in(
    module: AsyncRedisModule, given: Sign, logs: pytest.LogCaptureFixture, answer: Answer
) -> None:
    with ScriptedPeer(answer) as peer:
        given(peer.addr)

        for error in await failures(module):
            assert leaks("s3cret", error, logs.records) == []


async def test_trap_25_a_password_that_cannot_be_sent_shows_nowhere(
    module: AsyncRedisModule, monkeypatch: pytest.MonkeyPatch, logs: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", SECRET * 1_000_000)  # more than fits on the way
    monkeypatch.setenv("REDIS_WRITE_TIMEOUT", "60ms")
    with ScriptedPeer(to_all(b""), deaf_after=0) as peer:
        monkeypatch.setenv("REDIS_ADDR", peer.addr)

        for error in await failures(module):
            assert leaks("s3cret", error, logs.records) == []


async def test_trap_25_what_is_shown_of_a_client_shows_no_password(
    module: AsyncRedisModule, locked_server: EmbeddedServer, given: Sign, logs: pytest.LogCaptureFixture
) -> None:
    given(locked_server.addr)
    await module.init_resources()
    client = module.client()
    connection: Any = await client.connection_pool.get_connection()

    shown = [repr(each) for each in (module, client, client.connection_pool, connection, connection.guard)]

    assert [text for text in shown if "s3cret" in text] == []
    assert [record for record in logs.records if "s3cret" in repr(vars(record))] == []
    await client.connection_pool.release(connection)


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@host:port/0",
        f"redis://:{SECRET}@host:6379/0?timeout=5",
        f"redis://:{SECRET}@host:6379/zero",
        f"http://:{SECRET}@host:6379",
        f"redis://:{SECRET}@[::1:6379",
        f"{SECRET}",
    ],
)
async def test_trap_25_a_url_that_cannot_be_used_shows_no_password(
    module: AsyncRedisModule, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)

    with pytest.raises(ConfigError) as refused:
        await module.init_resources()

    assert leaks("s3cret", refused.value) == []
