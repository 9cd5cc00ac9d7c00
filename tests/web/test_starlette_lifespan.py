"""The lifespan opens what a container holds, and closes it whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis
from dependency_injector import containers, providers
from fastapi import FastAPI
from starlette.applications import Starlette

from modkit_redis import AsyncRedisBundle, RedisBundle, mount
from modkit_redis.contract import BuildError, CloseError, UnresolvedTokenError
from modkit_redis.web.starlette import lifespan
from tests.crews import async_until
from tests.support import connections_named, feature, wait_until
from tests.web.applications import NewContainer, settings


class Journal(list[str]):
    """What happened, in order; and resources that write it."""

    async def slow(self) -> AsyncIterator[str]:
        self.append("slow: opening")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.append("slow: cancelled")
            raise
        yield "never"

    async def quick(self) -> AsyncIterator[str]:
        self.append("quick: opened")
        yield "quick"
        self.append("quick: closed")

    def plain(self) -> Iterator[str]:
        self.append("plain: opened")
        yield "plain"
        self.append("plain: closed")


@pytest.fixture
def journal() -> Journal:
    return Journal()


def app_of(journal: Journal, config: dict[str, Any], *resources: str) -> Any:
    """Return a container of a bundle, and of resources of *journal*."""

    provided = {name: providers.Resource(getattr(journal, name)) for name in resources}
    redis = mount(AsyncRedisBundle, config=config)
    return type("Own", (containers.DeclarativeContainer,), {"redis": redis, **provided})()


async def test_the_client_is_open_while_the_application_runs(
    new_container: NewContainer, admin: redis.Redis, prefix: str
) -> None:
    container = new_container(ping_timeout="5s")

    async with lifespan(container)(Starlette()):
        during = connections_named(admin, prefix)

    assert during == 1
    wait_until(lambda: connections_named(admin, prefix) == 0, "the connection is closed")


async def test_an_application_of_its_own_runs_inside_and_gives_its_state(
    container: Any, admin: redis.Redis, prefix: str
) -> None:
    @asynccontextmanager
    async def own(app: Any) -> AsyncIterator[dict[str, Any]]:
        await container.redis.cache.store().set("up", b"1")
        yield {"app": app}
        await container.redis.cache.store().set("down", b"1")

    app = Starlette()
    async with lifespan(container, own)(app) as state:
        assert state == {"app": app}

    assert admin.exists(f"{prefix}:cache:up", f"{prefix}:cache:down") == 2
    wait_until(lambda: connections_named(admin, prefix) == 0, "the connection is closed")


async def test_what_was_opened_is_closed_if_redis_does_not_answer(
    journal: Journal, closed_port: str, prefix: str
) -> None:
    container = app_of(journal, settings(closed_port, prefix, ping_timeout="1s"), "plain", "quick", "slow")

    with pytest.raises(BuildError, match=r"redis.client: ping failed: .* \(refused\)"):
        async with lifespan(container)(Starlette()):
            journal.append("never")

    assert sorted(journal) == [
        "plain: closed",
        "plain: opened",
        "quick: closed",
        "quick: opened",
        "slow: cancelled",
        "slow: opening",
    ]


async def test_what_was_opened_is_closed_if_opening_is_given_up(
    journal: Journal, addr: str, prefix: str
) -> None:
    container = app_of(journal, settings(addr, prefix), "quick", "slow")

    async def start() -> None:
        async with lifespan(container)(Starlette()):
            journal.append("never")

    task = asyncio.create_task(start())
    await async_until(lambda: {"slow: opening", "quick: opened"} <= {*journal}, "both have begun")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert sorted(journal) == ["quick: closed", "quick: opened", "slow: cancelled", "slow: opening"]


async def test_what_was_opened_is_closed_if_the_applications_own_start_fails(
    journal: Journal, addr: str, prefix: str
) -> None:
    container = app_of(journal, settings(addr, prefix), "quick")

    @asynccontextmanager
    async def own(_: Any) -> AsyncIterator[None]:
        raise LookupError("own")
        yield

    with pytest.raises(LookupError, match="own"):
        async with lifespan(container, own)(Starlette()):
            journal.append("never")

    assert journal == ["quick: opened", "quick: closed"]


class Stubborn:
    """A client that does not close."""

    async def aclose(self) -> None:
        raise OSError("it stays open")


async def test_a_shutdown_that_fails_says_so(
    journal: Journal, addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = app_of(journal, settings(addr, prefix), "quick")

    client = container.redis.client()
    close = client.aclose
    monkeypatch.setattr(client, "aclose", Stubborn().aclose)

    with pytest.raises(CloseError) as caught:
        async with lifespan(container)(Starlette()):
            pass

    await close()
    assert "not closed: redis.client" in str(caught.value)
    assert journal == ["quick: opened", "quick: closed"]


async def test_a_shutdown_that_fails_after_an_error_is_a_note_of_the_error(
    journal: Journal, addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = app_of(journal, settings(addr, prefix))

    @asynccontextmanager
    async def own(_: Any) -> AsyncIterator[None]:
        monkeypatch.setattr(container.redis.client(), "aclose", Stubborn().aclose)
        raise LookupError("own")
        yield

    with pytest.raises(LookupError, match="own") as caught:
        async with lifespan(container, own)(Starlette()):
            pass

    assert len(caught.value.__notes__) == 1
    assert caught.value.__notes__[0].startswith(
        "after that, not everything was closed: CloseError: not closed"
    )


async def test_modules_are_wired_if_it_is_asked_to(container: Any, prefix: str) -> None:
    module = feature("@inject\ndef prefix(found=Provide['redis.key_prefix']): return found")

    async with lifespan(container, modules=[module])(Starlette()):
        assert module.prefix() == prefix


async def test_without_being_asked_it_wires_nothing(container: Any) -> None:
    async with lifespan(container)(Starlette()):
        assert container.wired_to_modules == []


async def test_a_token_that_is_not_there_stops_the_start_before_anything_is_opened(
    journal: Journal, addr: str, prefix: str
) -> None:
    container = app_of(journal, settings(addr, prefix), "quick")
    module = feature("@inject\ndef store(found=Provide['redis.cahce.store']): return found")

    with pytest.raises(UnresolvedTokenError):
        async with lifespan(container, modules=[module])(Starlette()):
            pass

    assert journal == []


class Draining:
    """Writes into a journal that it drains."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def drain(self) -> None:
        self._journal.append("draining")


async def test_readiness_ends_before_anything_is_closed(journal: Journal, addr: str, prefix: str) -> None:
    container = app_of(journal, settings(addr, prefix), "quick")

    @asynccontextmanager
    async def own(_: Any) -> AsyncIterator[None]:
        yield
        journal.append("own: closed")

    async with lifespan(container, own, readiness=Draining(journal))(Starlette()):
        pass

    assert journal == ["quick: opened", "draining", "own: closed", "quick: closed"]


async def test_a_container_of_the_other_world_is_opened_and_closed(
    addr: str, prefix: str, admin: redis.Redis
) -> None:
    class Blocking(containers.DeclarativeContainer):
        redis = mount(RedisBundle, config=settings(addr, prefix, ping_timeout="5s"))

    async with lifespan(Blocking())(FastAPI()):
        during = connections_named(admin, prefix)

    assert during == 1
    wait_until(lambda: connections_named(admin, prefix) == 0, "the connection is closed")


async def test_the_server_is_told_why_the_application_does_not_start(
    new_container: NewContainer, closed_port: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI(lifespan=lifespan(new_container(addr=closed_port, ping_timeout="1s")))
    sent: list[Any] = []
    caplog.set_level(logging.CRITICAL)

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(BuildError):
        await app({"type": "lifespan", "state": {}, "app": app}, receive, send)

    assert sent[0]["type"] == "lifespan.startup.failed"
    assert "redis.client: ping failed" in sent[0]["message"]
