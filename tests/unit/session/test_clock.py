"""The server's clock, as far as it is known without asking."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from modkit_redis.session.keeping.clock import ServerClock

NOW_MS = 1_777_000_000_000


class Monotonic:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def clock(monotonic: Monotonic) -> ServerClock:
    return ServerClock(60.0, monotonic)


def test_at_first_nobody_knows_the_time(clock: ServerClock) -> None:
    assert clock.now_ms() is None


@pytest.mark.parametrize(("passed", "later"), [(0.0, 0), (0.0015, 1), (1.5, 1500), (9.999, 9999)])
def test_the_time_goes_on_from_the_answer(
    clock: ServerClock, monotonic: Monotonic, passed: float, later: int
) -> None:
    clock.learn(0.0, NOW_MS)
    monotonic.seconds = passed

    assert clock.now_ms() == NOW_MS + later


@pytest.mark.parametrize(("good_for", "last"), [(60.0, 9.99), (0.25, 0.24)])
def test_an_answer_is_good_for_ten_seconds_or_less(
    monotonic: Monotonic, good_for: float, last: float
) -> None:
    clock = ServerClock(good_for, monotonic)
    clock.learn(0.0, NOW_MS)

    monotonic.seconds = last
    assert clock.now_ms() is not None
    monotonic.seconds = min(good_for, 10.0)
    assert clock.now_ms() is None


def test_a_slow_answer_makes_it_early_and_never_late(clock: ServerClock, monotonic: Monotonic) -> None:
    asked = monotonic.seconds
    monotonic.seconds += 3.0  # the server looked at its clock somewhere on the way
    clock.learn(asked, NOW_MS)

    assert clock.now_ms() == NOW_MS + 3000


@pytest.mark.parametrize("step_ms", [-3_600_000, 3_600_000], ids=["back", "forward"])
def test_a_server_whose_clock_was_set_is_believed_at_its_next_answer(
    clock: ServerClock, monotonic: Monotonic, step_ms: int
) -> None:
    clock.learn(monotonic.seconds, NOW_MS)
    monotonic.seconds += 1.0
    clock.learn(monotonic.seconds, NOW_MS + 1000 + step_ms)

    assert clock.now_ms() == NOW_MS + 1000 + step_ms


def test_a_monotonic_clock_from_before_the_answer_is_not_believed(
    clock: ServerClock, monotonic: Monotonic
) -> None:
    clock.learn(monotonic.seconds, NOW_MS)  # as after a snapshot of the machine was restored
    monotonic.seconds -= 0.001

    assert clock.now_ms() is None


def test_threads_see_one_answer_or_the_other_and_no_mixture(monotonic: Monotonic) -> None:
    monotonic.seconds = 5.0
    clock = ServerClock(60.0, monotonic)
    clock.learn(5.0, 5000)

    def learn_and_look(number: int) -> int | None:
        clock.learn(*((5.0, 5000) if number % 2 else (1.0, 1000)))
        return clock.now_ms()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(learn_and_look, range(2000))) == {5000}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks there")
def test_what_is_known_is_true_after_a_fork() -> None:
    clock = ServerClock(60.0)
    clock.learn(clock.monotonic(), NOW_MS)
    child = os.fork()
    if child == 0:
        now = clock.now_ms()
        os._exit(0 if now is not None and now >= NOW_MS else 1)

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
