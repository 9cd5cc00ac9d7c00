"""Flask under gunicorn, which forks its workers before or after the application is loaded."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
import redis

from tests.support import connections_named, wait_until

SERVE: Final = """
import signal, sys
from pathlib import Path
import waitress
from counting import app

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = waitress.create_server(app, port=0, host="127.0.0.1")
Path("serving").touch()
server.run()
"""
PROGRAM: Final = """
import atexit, os, time
from pathlib import Path

from dependency_injector import containers
from flask import Flask

from modkit_redis import RedisBundle, mount
from modkit_redis.web import SessionCookie
from modkit_redis.web.flask import RateLimits, RedisSessionInterface, session


class App(containers.DeclarativeContainer):
    redis = mount(RedisBundle)


container = App()
container.redis.client().ping()  # before the fork, where there is one
made_by = os.getpid()


def close():
    container.shutdown_resources()
    Path(f"closed-{os.getpid()}").touch()


atexit.register(close)
app = Flask(__name__)
app.session_interface = RedisSessionInterface(
    store=container.redis.session.store, cookie=SessionCookie.for_development()
)
RateLimits(app, store=container.redis.ratelimit.store, identify=lambda environ: "all", limit="all=99999/hour")


@app.get("/count")
def count():
    session["n"] = session.get("n", 0) + 1
    connection = container.redis.client().client_id()
    return {"n": session["n"], "worker": os.getpid(), "made_by": made_by, "connection": connection}


@app.get("/slow")
def slow():
    Path("slow").touch()
    deadline = time.monotonic() + 10
    while not Path("go-on").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    session["n"] = 7
    return "done"
"""


@dataclass(frozen=True)
class Gunicorn:
    """A running server.

    Attributes:
        url: Where it answers.
        directory: Where it runs.
        process: Its master.
    """

    url: str
    directory: Path
    process: subprocess.Popen[bytes]

    def closed(self) -> set[int]:
        """Return the processes that have closed what they had."""
        return {int(each.name.partition("-")[2]) for each in self.directory.glob("closed-*")}


@contextmanager
def running(directory: Path, *options: str, **environ: str) -> Iterator[Gunicorn]:
    """Run gunicorn with two workers of four threads."""
    (directory / "counting.py").write_text(PROGRAM)
    with socket.socket() as listener, (directory / "log").open("wb") as log:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        command = f"-m gunicorn counting:app --bind fd://{listener.fileno()} --workers 2 --threads 4"
        process = subprocess.Popen(
            [sys.executable, *command.split(), "--no-control-socket", *options],
            cwd=directory,
            env={**os.environ, **environ},
            pass_fds=[listener.fileno()],
            stderr=log,
        )
        try:
            yield Gunicorn(f"http://127.0.0.1:{listener.getsockname()[1]}", directory, process)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def settings(addr: str, prefix: str) -> dict[str, str]:
    return {
        "REDIS_ADDR": addr,
        "REDIS_KEY_PREFIX": prefix,
        "REDIS_CLIENT_NAME": prefix,
        "REDIS_SESSION_IDLE_TTL": "30m",
        "REDIS_SESSION_ABSOLUTE_TTL": "12h",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def visits(url: str) -> list[dict[str, int]]:
    """Return what one client is told when it counts ten times."""
    with httpx.Client(base_url=url, timeout=20) as client:
        return [client.get("/count", headers={"Connection": "close"}).json() for _ in range(10)]


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["each loads", "preload"])
def test_workers_share_sessions_and_no_connection(
    tmp_path: Path, settings: dict[str, str], options: tuple[str, ...]
) -> None:
    told: list[list[dict[str, int]]] = []
    with running(tmp_path, *options, **settings) as server, ThreadPoolExecutor(6) as pool:

        def both_have_answered() -> bool:  # one may begin later, and may be slower to accept
            told.extend(pool.map(visits, [server.url] * 6))
            return len({each["worker"] for one in told for each in one}) == 2

        wait_until(both_have_answered, "both workers have answered", 20)

    every = [each for one in told for each in one]
    used = {(each["connection"], each["worker"]) for each in every}
    assert all([each["n"] for each in one] == list(range(1, 11)) for one in told)
    assert len({connection for connection, _ in used}) == len(used)  # none was seen in two processes
    assert all((each["made_by"] == server.process.pid) == bool(options) for each in every)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["each loads", "preload"])
def test_a_worker_that_was_killed_takes_nothing_with_it(
    tmp_path: Path, settings: dict[str, str], options: tuple[str, ...]
) -> None:
    with (
        running(tmp_path, *options, **settings) as server,
        httpx.Client(base_url=server.url, timeout=20, headers={"Connection": "close"}) as client,
    ):
        killed = client.get("/count").json()["worker"]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{killed}").exists(), "it is gone", 10)

        told = [client.get("/count").json() for _ in range(20)]

    assert [each["n"] for each in told] == list(range(2, 22))
    assert killed not in {each["worker"] for each in told}


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["each loads", "preload"])
def test_a_server_that_is_stopped_answers_first_and_then_closes_what_it_has(
    tmp_path: Path, settings: dict[str, str], admin: redis.Redis, prefix: str, options: tuple[str, ...]
) -> None:
    with running(tmp_path, *options, **settings) as server, ThreadPoolExecutor(1) as pool:
        workers = {each["worker"] for each in visits(server.url)}
        under_way = pool.submit(httpx.get, f"{server.url}/slow", timeout=20)
        wait_until(lambda: (tmp_path / "slow").exists(), "it is under way", 10)

        server.process.terminate()
        (tmp_path / "go-on").touch()
        answer = under_way.result()
        server.process.wait(20)

    assert (answer.text, len(answer.headers.get_list("Set-Cookie"))) == ("done", 1)
    assert server.closed() >= workers
    assert (server.process.pid in server.closed()) == bool(options)
    wait_until(lambda: connections_named(admin, prefix) == 0, "no connection is left")


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_waitress_closes_what_it_has_when_it_is_told_to_end(
    tmp_path: Path, settings: dict[str, str], admin: redis.Redis, prefix: str, ending: signal.Signals
) -> None:
    (tmp_path / "counting.py").write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], cwd=tmp_path, env={**os.environ, **settings}
    ) as server:
        try:
            wait_until(lambda: (tmp_path / "serving").exists(), "it serves", 20)
            server.send_signal(ending)
            server.wait(20)
        finally:
            server.kill()

    assert (tmp_path / f"closed-{server.pid}").exists()
    assert connections_named(admin, prefix) == 0
