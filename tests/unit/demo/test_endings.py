"""However the demo is ended, it ends in order and nothing of it stays."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time

import pytest
import redis

from modkit_redis.testing import EmbeddedServer
from tests.support import wait_until
from tests.unit.demo.running import DONE, demo, traces
from tests.unit.testing.processes import listens

pytestmark = pytest.mark.once


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: signal.Signals) -> None:
    program = demo("--once")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    while fits(writer):
        continue
    os.set_blocking(writer, True)  # the first line does not fit
    command, env = program.command, program.env
    with (
        subprocess.Popen(command, env=env, stdout=writer, stderr=subprocess.PIPE, text=True) as process,
        open(reader, encoding="utf-8") as output,  # noqa: PTH123  # a descriptor; closed first, or it writes for ever
    ):
        os.close(writer)
        wait_until(lambda: len(program.left()) == 3, "the demo, its server, and what watches over that")
        process.send_signal(number)
        shown = output.read()
        _, errors = process.communicate()

    assert (process.returncode, errors) == (128 + number, "modkit-redis: interrupted\n")
    assert "Mount the bundle" not in shown
    wait_until(lambda: not program.left(), f"gone: {program.left()}")


def fits(writer: int) -> bool:
    try:
        return os.write(writer, b" ") == 1
    except BlockingIOError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("part", range(4))
def test_a_signal_at_any_time_leaves_no_trace(number: signal.Signals, part: int) -> None:
    program = demo("--once")
    with program.running() as process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(random.randint(1 + 50 * part, 50 + 50 * part))]
        process.send_signal(number)
        rest, errors = process.communicate()

    if process.returncode:  # else it had ended before
        assert (process.returncode, errors) == (128 + number, "modkit-redis: interrupted\n")
    else:
        assert (rest.endswith(DONE), errors) == (True, "")
    wait_until(lambda: not program.left(), f"gone: {program.left()}")
    assert not listens(seen[0].split()[-1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_it_waits_for_a_server(
    number: signal.Signals, private_server: EmbeddedServer
) -> None:
    program = demo("--addr", private_server.addr)
    with program.running() as process:
        assert process.stdout is not None
        process.stdout.readline()
        with private_server.frozen():
            process.send_signal(number)
        _, errors = process.communicate()

    assert process.returncode in {0, 128 + number}
    assert "Traceback" not in errors
    with redis.Redis(port=private_server.port, protocol=2) as admin:
        wait_until(lambda: not traces(admin), "nothing is left")


def test_insisting_ends_it_though_the_server_does_not_answer(private_server: EmbeddedServer) -> None:
    with demo("--addr", private_server.addr).running() as process:
        assert process.stdout is not None
        process.stdout.readline()
        with private_server.frozen():
            frozen = time.monotonic()
            while process.poll() is None:
                process.send_signal(signal.SIGINT)
                time.sleep(0.01)

    assert time.monotonic() - frozen < 2  # one wait for a reply is 3
    assert process.returncode in {0, 130}


def test_a_server_that_dies_meanwhile_is_one_line(private_server: EmbeddedServer) -> None:
    with demo("--addr", private_server.addr).running() as process:
        assert process.stdout is not None
        process.stdout.readline()
        private_server.kill()
        rest, errors = process.communicate()

    if process.returncode:  # else it had ended before
        assert re.fullmatch(r"modkit-redis demo: .*Redis is unavailable \(\S+\)\n", errors)
    else:
        assert rest.endswith(DONE)


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    program = demo()
    with program.running() as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert (process.wait() in {0, 1}, errors) == (True, "")
    assert program.left() == []
