"""The command line says what it can do, and what was wrong with what it was given."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from modkit_redis.__main__ import main
from tests.unit.testing.processes import Program

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "--addr", "nonsense"], "argument --addr: must have a host and a port, for example"),
        (["demo", "--addr", "redis://localhost"], "argument --addr: must be an address without a scheme"),
        (["demo", "--addr", "unix:/run/redis.sock"], "argument --addr: must be HOST:PORT"),
        (["demo", "--adr", "localhost:6379"], "unrecognized arguments"),
        (["dance"], "invalid choice: 'dance'"),
    ],
)
def test_wrong_arguments_are_told_with_how_it_is_used(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)

    assert raised.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith("usage: python -m modkit_redis")
    assert said in errors


@pytest.mark.parametrize("arguments", [[], ["--help"]], ids=["none", "help"])
def test_the_commands_are_listed(arguments: list[str]) -> None:
    done = Program("-m", "modkit_redis", *arguments).run()

    assert (done.returncode, done.stderr) == (0, "")
    assert "demo      a tour of the library on a real server" in done.stdout


def test_the_demos_help_tells_what_it_does_to_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["demo", "--help"])

    assert raised.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    for each in ("--addr HOST:PORT", "REDIS_USERNAME and REDIS_PASSWORD", "--once", "nothing is flushed"):
        assert each in said


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["--version"])

    assert (raised.value.code, capsys.readouterr().out) == (0, f"modkit-redis {version('modkit-redis')}\n")
