"""Denials that a process remembers: as long as they are true, for their cost alone, and not too many."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

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


@pytest.mark.parametrize("cost", [1, 2, 4, 6])
def test_a_denial_of_one_cost_says_nothing_of_another(clock: Clock, cost: int) -> None:
    denials = Denials(10)
    learn(denials, denial(cost=3))

    assert denials.find("ada", None, cost) is None
    assert denials.find("ada", None, 3) is not None


def test_each_cost_has_a_denial_and_a_wait_of_its_own(clock: Clock) -> None:
    denials = Denials(10)
    short, long = timedelta(seconds=20), timedelta(seconds=50)
    learn(denials, denial(cost=1, wait=short))
    learn(denials, denial(cost=3, wait=long))

    found = [denials.find("ada", None, cost) for cost in (1, 3)]
    clock.now += 20
    later = [denials.find("ada", None, cost) is not None for cost in (1, 3)]

    assert [each.retry_after for each in found if each is not None] == [short, long]
    assert later == [False, True]


def test_a_limit_that_allows_it_meanwhile_is_told_so_beside_one_that_does_not(clock: Clock) -> None:
    denials, other = Denials(10), Limit(9, MINUTE, name="other", shadow=True)
    waits = {LIMIT: MINUTE, Limit(9, MINUTE, name="short"): timedelta(seconds=5), other: None}
    states = tuple(LimitState(limit, False, 0, wait, MINUTE) for limit, wait in waits.items())
    learn(denials, Decision(False, states, 2, subject="ada"))

    clock.now += 20
    found = denials.find("ada", None, 2)

    assert found is not None
    assert [(each.allowed, each.retry_after) for each in found.states] == [
        (False, timedelta(seconds=40)),
        (True, NONE),
        (False, None),
    ]


class Caseless(str):
    """Text that is equal to other text."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __hash__(self) -> int:
        return hash(self.lower())


def test_text_of_another_class_is_the_subject_that_it_reads_as(clock: Clock) -> None:
    denials = Denials(10)
    learn(denials, denial("ada"))

    assert denials.find(Caseless("ADA"), None, 1) is None
    assert denials.find((Caseless("ada"),), None, 1) is not None


@pytest.mark.parametrize("subject", [["ada"], ("ada", ["x"]), {"ada"}, 5, None, b"ada"])
def test_of_what_is_no_subject_nothing_is_known_and_nothing_forgotten(clock: Clock, subject: Any) -> None:
    denials = Denials(10)
    learn(denials, denial())

    denials.forget(subject)

    assert denials.find(subject, None, 1) is None
    assert len(denials) == 1


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


def test_the_one_that_was_not_remembered_for_longest_is_forgotten_first(clock: Clock) -> None:
    denials = Denials(3)

    for subject in ("a", "b", "a", "c", "d"):
        learn(denials, denial(subject))

    assert [each for each in "abcd" if denials.find(each, None, 1) is not None] == ["a", "c", "d"]
    assert len(denials) == 3


def test_costs_of_one_subject_are_bounded_like_all_others(clock: Clock) -> None:
    denials = Denials(3)

    for cost in (1, 2, 3, 4, 5):
        learn(denials, denial(cost=cost))

    assert [cost for cost in range(1, 6) if denials.find("ada", None, cost) is not None] == [3, 4, 5]


def test_after_a_minute_it_is_asked_again_however_long_it_would_take(clock: Clock) -> None:
    denials = Denials(3)
    learn(denials, denial(wait=timedelta(hours=1)))

    clock.now += 59.9
    before = denials.find("ada", None, 1)
    clock.now += 0.1

    assert before is not None
    assert denials.find("ada", None, 1) is None


def test_threads_leave_denials_consistent() -> None:
    denials = Denials(20)

    def work(seed: int) -> None:
        for number in range(1500):
            subject = f"{(number * seed) % 31}"
            learn(denials, denial(subject, cost=1 + number % 2), f"{number % 3}")
            denials.find(subject, "1", 1 + number % 4)
            if number % 5 == 0:
                denials.forget(f"{number % 31}")

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(1, 7)))

    assert len(denials) == sum(map(len, denials._known.values())) <= 20


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


def test_one_more_denial_of_a_subject_takes_the_place_of_another_subjects(clock: Clock) -> None:
    denials = Denials(3)
    for subject in ("ann", "bob", "cyd"):
        learn(denials, denial(subject), "a=5/minute")

    learn(denials, denial("ann"), "b=5/minute")

    assert len(denials) == 3
    assert denials.find("bob", "a=5/minute", 1) is None


def test_after_a_fork_nothing_is_remembered(clock: Clock) -> None:
    denials = Denials(3)
    learn(denials, denial())

    denials.after_fork()

    assert (len(denials), denials.find("ada", None, 1)) == (0, None)
