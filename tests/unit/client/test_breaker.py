"""The breaker: it opens by an outage, lets one caller at a time find out, and closes by an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from modkit_redis.client.breaker import Breaker, BrokenError, breaker_of
from modkit_redis.contract import CommandRefusedError, StoreUnavailableError
from tests.support import stock_client


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    return clock


DOWN = StoreUnavailableError("EVALSHA", "refused")


def fail(breaker: Breaker, error: BaseException = DOWN, pause: float = 1) -> None:
    """Make a call that fails."""
    with pytest.raises(type(error)), breaker.guarding(pause):
        raise error


def asks(breaker: Breaker, pause: float = 1) -> bool:
    """Tell whether a call is made, which succeeds."""
    try:
        with breaker.guarding(pause):
            return True
    except BrokenError:
        return False


@contextmanager
def probing(breaker: Breaker) -> Iterator[None]:
    """Have a call under way."""
    with breaker.guarding(1):
        yield


def test_it_is_closed_at_first(clock: Clock) -> None:
    breaker = Breaker()

    assert asks(breaker)
    assert not breaker.is_open


@pytest.mark.parametrize("reason", ["refused", "dial-timeout", "read-timeout", "deadline", "dns", "loading"])
def test_an_outage_opens_it(clock: Clock, reason: str) -> None:
    breaker = Breaker()

    fail(breaker, StoreUnavailableError("EVALSHA", reason))

    assert breaker.is_open
    assert not asks(breaker)


@pytest.mark.parametrize("reason", ["reset", "disconnected", "protocol", "pool-timeout"])
def test_one_broken_connection_does_not_open_it(clock: Clock, reason: str) -> None:
    breaker = Breaker()

    fail(breaker, StoreUnavailableError("EVALSHA", reason))

    assert asks(breaker)


@pytest.mark.parametrize(
    "error",
    [
        CommandRefusedError("EVALSHA", "noperm"),
        CommandRefusedError("EVALSHA", "wrong-type"),
        ZeroDivisionError(),
        KeyboardInterrupt(),
    ],
)
def test_an_error_that_is_no_outage_does_not_open_it(clock: Clock, error: BaseException) -> None:
    breaker = Breaker()

    fail(breaker, error)

    assert asks(breaker)


def test_while_it_is_open_nobody_asks_and_after_the_pause_somebody_does(clock: Clock) -> None:
    breaker = Breaker()
    fail(breaker)

    clock.now += 0.999
    before = asks(breaker)
    clock.now += 0.001
    after = asks(breaker)

    assert (before, after) == (False, True)
    assert not breaker.is_open


def test_one_caller_at_a_time_finds_out(clock: Clock) -> None:
    breaker = Breaker()
    fail(breaker)
    clock.now += 1

    with probing(breaker):
        others = [asks(breaker) for _ in range(3)]

    assert others == [False] * 3
    assert asks(breaker)


def test_a_probe_that_fails_opens_it_again_for_a_whole_pause(clock: Clock) -> None:
    breaker = Breaker()
    fail(breaker)
    clock.now += 1

    fail(breaker)

    assert not asks(breaker)
    clock.now += 1
    assert asks(breaker)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), KeyboardInterrupt(), StoreUnavailableError("PING", "closed")]
)
def test_a_probe_that_shows_nothing_lets_the_next_one_find_out(clock: Clock, error: BaseException) -> None:
    breaker = Breaker()
    fail(breaker)
    clock.now += 1

    fail(breaker, error)

    assert breaker.is_open
    assert asks(breaker)
    assert not breaker.is_open


@pytest.mark.parametrize("reason", ["reset", "disconnected", "protocol", "pool-timeout"])
def test_a_probe_whose_connection_breaks_is_no_answer(clock: Clock, reason: str) -> None:
    breaker = Breaker()
    fail(breaker)
    clock.now += 1

    fail(breaker, StoreUnavailableError("EVALSHA", reason))

    assert breaker.is_open
    assert not asks(breaker)


def test_a_refusal_is_an_answer_and_closes_it(clock: Clock) -> None:
    breaker = Breaker()
    fail(breaker)
    clock.now += 1

    fail(breaker, CommandRefusedError("EVALSHA", "noperm"))

    assert not breaker.is_open


def test_a_call_that_was_under_way_when_it_opened_closes_it_by_its_answer(clock: Clock) -> None:
    breaker = Breaker()

    with probing(breaker):
        fail(breaker)

    assert asks(breaker)


@pytest.mark.parametrize("error", [DOWN, KeyboardInterrupt(), StoreUnavailableError("EVALSHA", "reset")])
def test_a_call_that_fails_late_ends_nobody_elses_probe(clock: Clock, error: BaseException) -> None:
    breaker = Breaker()
    late, probe = breaker.guarding(1), breaker.guarding(1)
    late.__enter__()
    fail(breaker)
    clock.now += 1
    probe.__enter__()

    late.__exit__(type(error), error, None)

    clock.now += 1
    assert not asks(breaker)
    probe.__exit__(None, None, None)
    assert asks(breaker)


def test_an_answer_that_closes_it_while_it_is_probed_leaves_the_next_probe_to_anybody(clock: Clock) -> None:
    breaker = Breaker()
    late, probe = breaker.guarding(1), breaker.guarding(1)
    late.__enter__()
    fail(breaker)
    clock.now += 1
    probe.__enter__()
    late.__exit__(None, None, None)
    probe.__exit__(None, None, None)
    fail(breaker)

    clock.now += 1

    assert asks(breaker)
    assert not breaker.is_open


def test_without_a_pause_everybody_asks(clock: Clock) -> None:
    breaker = Breaker()

    fail(breaker, pause=0)

    assert asks(breaker, pause=0)
    assert not breaker.is_open


def test_of_many_threads_one_finds_out(clock: Clock) -> None:
    breaker, asked = Breaker(), []
    fail(breaker)
    clock.now += 1
    begin, end = threading.Barrier(8), threading.Event()

    def ask() -> None:
        begin.wait(5)
        try:
            with breaker.guarding(1):
                asked.append(1)
                end.wait(5)
        except BrokenError:
            if len(refused := [*others, 1]) >= 7:
                end.set()
            others[:] = refused

    others: list[int] = []
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(10)

    assert len(asked) == 1


def test_after_a_fork_nobody_probes(clock: Clock) -> None:
    breaker = Breaker()
    fail(breaker)
    clock.now += 1

    with probing(breaker):
        breaker.after_fork()  # in the child, where the one who probes does not exist
        asked = asks(breaker)

    assert asked


def test_a_client_has_one_breaker_for_all_that_use_it(addr: str) -> None:
    with stock_client(addr) as one, stock_client(addr) as other:
        assert breaker_of(one) is breaker_of(one)
        assert breaker_of(one) is not breaker_of(other)
