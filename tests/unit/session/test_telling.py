"""What is told of sessions, to whom, and what becomes of a hook that fails."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from modkit_redis.contract import ArgumentError, SessionEvent
from modkit_redis.session.telling import Teller

LOGGER = "modkit_redis.session"


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    assert all(each.exc_info is None for each in caplog.records)
    return caplog.record_tuples


def test_a_hook_is_called_with_each_event(logged: pytest.LogCaptureFixture) -> None:
    seen: list[SessionEvent] = []
    error = OSError()

    tell = Teller(seen.append)
    tell("created", "a-handle")
    tell("rejected", None)
    tell("degraded", "a-handle", error=error)

    assert seen == [
        SessionEvent("created", "a-handle"),
        SessionEvent("rejected"),
        SessionEvent("degraded", "a-handle", None, error),
    ]
    assert lines(logged) == []


@pytest.mark.parametrize("hook", [None, list[SessionEvent]().append])
def test_what_cannot_be_read_is_logged_with_and_without_a_hook(
    hook: Any, logged: pytest.LogCaptureFixture
) -> None:
    tell = Teller(hook)

    tell("undecodable", "a-handle", "cart")
    tell("undecodable", "a-handle")

    assert lines(logged) == [
        (LOGGER, logging.WARNING, "session a-handle: 'cart' cannot be read"),
        (LOGGER, logging.WARNING, "session a-handle: it cannot be read"),
    ]


def test_a_key_with_line_breaks_is_logged_in_one_line(logged: pytest.LogCaptureFixture) -> None:
    Teller(None)("undecodable", "a-handle", "a\nb")

    assert "\n" not in logged.text.strip()


def test_what_a_hook_raises_is_logged_by_its_name_and_breaks_nothing(
    logged: pytest.LogCaptureFixture,
) -> None:
    def hook(event: SessionEvent) -> None:
        raise KeyError("hunter2")

    Teller(hook)("created", "a-handle")

    assert lines(logged) == [(LOGGER, logging.ERROR, "an events hook raised KeyError")]


def test_what_ends_the_process_passes_a_hook() -> None:
    def hook(event: SessionEvent) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Teller(hook)("created", "a-handle")


async def awaited(event: SessionEvent) -> None:
    raise AssertionError("nobody awaits it")


@pytest.mark.parametrize("hook", [5, "print", awaited])
def test_what_cannot_be_told_is_refused(hook: Any) -> None:
    with pytest.raises(ArgumentError) as refused:
        Teller(hook)

    assert str(refused.value) == "events must be a plain function that takes a SessionEvent, no `async def`"
