"""Denials that a process remembers: as long as they are true, for the cost and more, and not too many."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from modkit_redis.contract import Decision, Limit, Limits, LimitState, Subject
from modkit_redis.ratelimit.denials import Denials

NONE, MINUTE = timedelta(0), timedelta(minutes=1)
LIMIT = Limit(5, MINUTE, name="login")


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


def denial(
    subject: Subject = "ada", *, cost: int = 1, wait: timedelta | None = MINUTE, limit: Limit = LIMIT
) -> Decision:
    state = LimitState(limit, False, 0, wait, MINUTE * 5)  # a field
    return Decision(False, (state,), cost, subject=subject)  # a field


def learn(denials: Denials, decision: Decision, limit: Limits | None = None) -> None:
    """Have an answer to what is asked now."""
    denials.remember(limit, decision, denials.asked(decision.subject))


def test_a_denial_is_found_until_it_would_be_allowed(clock: Clock) -> None:
    denials = Denials(10)
    learn(denials, denial(), "login=5/minute")

    clock.now += 59.999
    before = denials.find("ada", "login=5/minute", 1)
    clock.now += 0.001
    after = denials.find("ada", "login=5/minute", 1)

    assert before is not None and not before
    assert after is None


def test_what_is_found_says_how_long_it_still_takes(clock: Clock) -> None:
    denials = Denials(10)
    learn(denials, denial())

    clock.now += 20
    found = denials.find("ada", None, 1)

    assert found is not None
    assert (found.retry_after, found.reset_after) == (timedelta(seconds=40), timedelta(seconds=280))
    assert (found.cost, found.subject, found.refused_by) == (1, "ada", ("login",))


def test_time_counts_from_when_it_was_sent(clock: Clock) -> None:
    denials = Denials(10)
    asked, sent = denials.asked("ada"), clock.now
    clock.now += 5  # the answer takes that long

    denials.remember(None, denial(), asked)
    clock.now = sent + 60

    assert denials.find("ada", None, 1) is None


def test_a_denial_is_one_of_any_higher_cost_and_of_no_lower_one(clock: Clock) -> None:
    denials = Denials(10)
    learn(denials, denial(cost=3))

    higher = denials.find("ada", None, 4)

    assert denials.find("ada", None, 2) is None
    assert higher is not None and higher.cost == 4
    assert denials.find("ada", None, 6) is not None


def test_more_than_is_ever_allowed_is_never_allowed(clock: Clock) -> None:
    denials = Denials(10)
    learn(denials, denial())

    found = denials.find("ada", None, 6)

    assert found is not None and found.retry_after is None


def test_another_subject_or_limit_is_another_denial(clock: Clock) -> None:
    denials = Denials(10)
    learn(denials, denial())

    assert denials.find("bob", None, 1) is None
    assert denials.find("ada", "login=5/minute", 1) is None


@pytest.mark.parametrize(
    "decision",
    [
        Decision(True, denial().states, subject="ada"),  # a field
        Decision(False, denial().states, degraded=True, subject="ada"),  # a field
        denial(wait=None),
        denial(wait=NONE),
    ],
    ids=["allowed", "degraded", "never", "at once"],
)
def test_what_time_alone_does_not_change_is_not_remembered(clock: Clock, decision: Decision) -> None:
    denials = Denials(10)

    learn(denials, decision)

    assert denials.find("ada", None, 1) is None


def test_none_is_remembered_unless_it_is_asked_for(clock: Clock) -> None:
    denials = Denials(0)

    learn(denials, denial())

    assert denials.find("ada", None, 1) is None


def test_limits_in_a_list_are_asked_each_time(clock: Clock) -> None:
    denials = Denials(10)

    learn(denials, denial(), [LIMIT])

    assert denials.find("ada", [LIMIT], 1) is None


def test_no_more_are_remembered_than_may_be(clock: Clock) -> None:
    denials = Denials(3)

    for number in range(10):
        learn(denials, denial(f"user {number}"))

    found = [number for number in range(10) if denials.find(f"user {number}", None, 1) is not None]
    assert found == [7, 8, 9]


def test_forgetting_a_subject_forgets_all_its_denials_and_no_others(clock: Clock) -> None:
    denials = Denials(10)
    for subject, limit in (("ada", None), ("ada", "login=5/minute"), ("bob", None)):
        learn(denials, denial(subject), limit)

    denials.forget("ada")

    assert denials.find("ada", None, 1) is None
    assert denials.find("ada", "login=5/minute", 1) is None
    assert denials.find("bob", None, 1) is not None


def test_what_was_asked_before_something_was_forgotten_is_not_remembered(clock: Clock) -> None:
    denials = Denials(10)
    asked = denials.asked("ada")
    denials.forget("ada")

    denials.remember(None, denial(), asked)

    assert denials.find("ada", None, 1) is None


def test_one_part_is_the_same_subject_as_its_text(clock: Clock) -> None:
    denials = Denials(10)
    learn(denials, denial("ada"))

    found = denials.find(("ada",), None, 1)
    denials.forget(("ada",))

    assert found is not None
    assert denials.find("ada", None, 1) is None


def test_no_more_limits_of_one_subject_are_remembered_than_may_be(clock: Clock) -> None:
    denials = Denials(3)

    for number in range(10):
        learn(denials, denial(), f"a{number}=5/minute")

    assert len(denials) == 3
    assert denials.find("ada", "a9=5/minute", 1) is not None
    assert denials.find("ada", "a6=5/minute", 1) is None


def test_after_a_fork_nothing_is_remembered(clock: Clock) -> None:
    denials = Denials(3)
    learn(denials, denial())

    denials.after_fork()

    assert (len(denials), denials.find("ada", None, 1)) == (0, None)
