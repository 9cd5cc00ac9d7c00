"""``python -m examples.webapp``: it says where it listens, and nothing of it stays."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import redis

from modkit_redis.testing import EmbeddedServer
from tests.support import TestServer, wait_until
from tests.unit.testing.processes import Program, listens
from tests.web.serving import http_client

pytestmark = pytest.mark.once


@contextmanager
def running(*arguments: str) -> Iterator[tuple[Program, subprocess.Popen[str], str, str]]:
    """Give the program, its process, where it listens, and where its server does."""
    program = Program("-m", "examples.webapp", *arguments)
    with program.running() as process:
        assert process.stdout is not None
        lines = process.stdout.readline() + process.stdout.readline()
        found = re.fullmatch(
            r"Open (http://127\.0\.0\.1:\d+)\nRedis is at (\S+)\. Ctrl-C ends the application\.\n", lines
        )
        assert found, (lines, process.communicate()[1])
        yield program, process, found[1], found[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_its_server(number: signal.Signals) -> None:
    with running() as (program, process, url, server), http_client(url) as visitor:
        assert visitor.post("/count", follow_redirects=True).status_code == 200
        assert listens(server)

        process.send_signal(number)
        output = process.communicate()

    assert (process.returncode, *output) == (0, "", "")
    wait_until(lambda: not program.left(), f"gone: {program.left()}")
    assert not listens(server)


def test_on_a_server_of_ones_own_it_deletes_what_it_wrote(private_server: EmbeddedServer) -> None:
    with (
        redis.Redis(port=private_server.port) as admin,
        running("--addr", private_server.addr, "--without", "commands") as (_, process, url, _),
        http_client(url) as visitor,
    ):
        visitor.post("/count")
        written = admin.keys()

        process.send_signal(signal.SIGINT)
        process.communicate()

        assert len(written) == 1
        assert admin.keys() == []


def test_once_runs_the_tour() -> None:
    done = Program("-m", "examples.webapp", "--once").run()

    assert done.stdout.endswith("\nEverything was as it should be.\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_once_takes_a_server(server: TestServer) -> None:
    done = Program("-m", "examples.webapp", "--once", "--addr", server.addr).run()

    assert f"at {server.addr}\n" in done.stdout
    assert done.returncode == 0


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = Program("-m", "examples.webapp", "--port", str(taken.getsockname()[1])).run()

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("webapp: ")
    assert "in use" in done.stderr


@pytest.mark.parametrize("addr", ["unix:/run/redis.sock", "nonsense"])
def test_an_address_that_cannot_be_one_is_told(addr: str) -> None:
    done = Program("-m", "examples.webapp", "--addr", addr).run()

    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(r"webapp: (--addr|REDIS_ADDR) must ", done.stderr)


def test_it_starts_while_redis_is_away_and_says_so(closed_port: str) -> None:
    with running("--addr", closed_port) as (_, process, url, _):
        answer = httpx.get(url)
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert 'data-state="down"' in answer.text
