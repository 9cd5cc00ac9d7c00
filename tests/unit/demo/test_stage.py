"""What the steps of the tour are shown and checked with."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import redis

from modkit_redis.demo import Screen
from modkit_redis.demo.stage import Stage, Step, UnexpectedResultError
from modkit_redis.testing import EmbeddedServer, ServerWatch


@pytest.fixture
def stage(private_server: EmbeddedServer) -> Iterator[Stage]:
    with ServerWatch(private_server.addr) as watch:
        yield Stage(Screen(), watch)


def test_a_step_must_send_what_it_says(private_server: EmbeddedServer, stage: Stage) -> None:
    def ping() -> None:
        with redis.Redis(port=private_server.port, protocol=2) as client:
            client.ping()

    step = Step("Ping", ping, sends=("CLIENT SETINFO", "CLIENT SETINFO", "PING"))
    stage.begin(1, step)
    step.run()
    stage.end(step)

    stage.begin(2, step)
    with pytest.raises(UnexpectedResultError, match=r"^step 'Ping' gave no command, and should have given"):
        stage.end(step)


def test_an_error_must_be_the_right_one(stage: Stage) -> None:
    def ask(error: Exception | None) -> None:
        with stage.raises("asking", UnexpectedResultError, "why"):
            if error:
                raise error

    ask(UnexpectedResultError("why", "b", "c"))
    with pytest.raises(UnexpectedResultError, match=r"^asking gave no error, and should have given"):
        ask(None)
    with pytest.raises(UnexpectedResultError, match=r"^asking gave UnexpectedResultError: a gave b"):
        ask(UnexpectedResultError("a", "b", "c"))
    with pytest.raises(ZeroDivisionError):
        ask(ZeroDivisionError())


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_people_who_want_it(
    terminal: bool,
    environment: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)

    Screen.of_terminal().fact("done", good=True)

    shown = capsys.readouterr().out
    assert shown == ("  \033[32mok\033[0m done\n" if coloured else "  ok done\n")
