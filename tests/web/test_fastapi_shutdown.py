"""A server that is told to end finishes the requests that have begun, and Redis closes after them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis
from fastapi import FastAPI

from modkit_redis import RedisBundle
from modkit_redis.contract import AsyncCacheStore
from modkit_redis.web.fastapi import Inject, lifespan
from tests.support import connections_named, wait_until
from tests.web.applications import NewContainer, settings
from tests.web.serving import HOST, serving_asgi

ROOT = Path(__file__).parents[2]


class Uvicorn:
    """uvicorn in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.lines = process, list[str]()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: any("running on" in each for each in self.lines), "uvicorn runs", 15)
        [running] = [each for each in self.lines if "running on" in each]
        self.url = "http://" + running.partition("http://")[2].split()[0]

    def end(self) -> str:
        """Wait for its end and return what it said."""
        self.process.wait(15)
        self._reader.join(5)
        return "".join(self.lines)

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(iter(self.process.stdout.readline, ""))


@contextmanager
def running(app: str, addr: str, prefix: str) -> Iterator[Uvicorn]:
    command = [sys.executable, "-m", "uvicorn", app, "--host", HOST, "--port", "0"]
    process = subprocess.Popen(
        [*command, "--timeout-graceful-shutdown", "10"],
        cwd=ROOT,
        env={**os.environ, "TEST_ADDR": addr, "TEST_PREFIX": prefix},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Uvicorn(process)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_what_a_request_uses_is_closed_after_it(
    new_container: NewContainer, addr: str, admin: redis.Redis, prefix: str
) -> None:
    container = new_container()
    app = FastAPI(lifespan=lifespan(container, modules=[__name__]))

    @app.get("/slow")
    async def slow(store: AsyncCacheStore = Inject["redis.cache.store"]) -> str:
        await store.set("began", b"1")
        while not await store.get("go-on"):  # noqa: ASYNC110  # what it waits for is in Redis
            await asyncio.sleep(0.01)
        return "finished"

    answers: list[httpx.Response] = []
    other = RedisBundle(config=settings(addr, prefix))
    with serving_asgi(app) as url:
        request = threading.Thread(target=lambda: answers.append(httpx.get(f"{url}/slow")), daemon=True)
        request.start()
        wait_until(lambda: admin.exists(f"{prefix}:cache:began") == 1, "the request has begun")
        ending = threading.Thread(target=_go_on_at_the_end, args=(url, other), daemon=True)
        ending.start()
    request.join(10)
    ending.join(10)
    other.shutdown_resources()

    assert [(each.status_code, each.json()) for each in answers] == [(200, "finished")]
    assert connections_named(admin, prefix) == 0


def _go_on_at_the_end(url: str, bundle: RedisBundle) -> None:
    """Let the request go on when the server takes no others any more."""
    host, _, port = url.removeprefix("http://").partition(":")

    def is_ending() -> bool:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return True
        return False

    wait_until(is_ending, "the server is ending")
    bundle.cache.store().set("go-on", b"1")


@pytest.mark.slow
def test_a_request_that_has_begun_is_finished_with_redis_and_then_all_is_closed(
    addr: str, admin: redis.Redis, prefix: str
) -> None:
    answers: list[httpx.Response] = []
    bundle = RedisBundle(config=settings(addr, f"{prefix}"))
    with running("tests.web.slow_app:app", addr, prefix) as server:
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
        request = threading.Thread(
            target=lambda: answers.append(httpx.get(f"{server.url}/slow", timeout=20)), daemon=True
        )
        request.start()
        wait_until(lambda: admin.exists(f"{prefix}:cache:began") == 1, "the request has begun")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: any("Shutting down" in each for each in server.lines), "it is to end")
        during = connections_named(admin, prefix)
        bundle.cache.store().set("go-on", b"1")
        request.join(15)
        said = server.end()
    bundle.shutdown_resources()

    assert [(each.status_code, each.json()) for each in answers] == [(200, "finished")]
    assert during >= 1
    assert connections_named(admin, prefix) == 0
    assert "Application shutdown complete" in said and "Traceback" not in said
