"""What a process decides and remembers alone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from modkit_redis.contract import Decision, Limit
from modkit_redis.contract.ratelimit import LimitState
from modkit_redis.ratelimit import RateLimitSettings, denials, local
from modkit_redis.ratelimit.denials import Denials
from modkit_redis.ratelimit.local import LocalLimiter
from modkit_redis.ratelimit.planning import Planner, Question

HOUR = timedelta(hours=1)
PLANNER = Planner(RateLimitSettings.from_mapping({}), "")


def question(subject: str = "ann", cost: int = 1, limit: str = "a=10/hour") -> Question:
    return PLANNER.question(subject, cost, limit).checked()


@pytest.mark.parametrize(("replicas", "admitted"), [(1, 10), (2, 5), (3, 3), (20, 1)])
def test_each_replica_allows_its_part(replicas: int, admitted: int) -> None:
    limiter = LocalLimiter(replicas)

    decisions = [limiter.decide(question(), charges=True) for _ in range(12)]

    assert [each.allowed for each in decisions] == [True] * admitted + [False] * (12 - admitted)
    assert all(each.degraded and not each.charged for each in decisions)
    wait = decisions[-1].retry_after
    assert wait is not None
    assert abs(wait - HOUR / 10 * replicas) < timedelta(seconds=5)


def test_it_charges_all_limits_or_none_and_peeks() -> None:
    limiter = LocalLimiter(1)
    both = "a=10/hour, b=2/hour"

    refused = limiter.decide(question(cost=3, limit=both), charges=True)
    peeked = limiter.decide(question(cost=10), charges=False)
    shadow = limiter.decide(question(cost=3, limit="a=10/hour, b=2/hour shadow"), charges=True)

    assert (refused.allowed, refused.refused_by, refused.retry_after) == (False, ("b",), None)
    assert peeked.allowed
    assert [each.remaining for each in shadow.states] == [7, 2]


def test_who_is_refused_again_and_again_is_not_forgotten_and_others_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "_MOST", 5)
    limiter = LocalLimiter(1)
    limiter.decide(question(cost=10), charges=True)
    for number in range(50):
        limiter.decide(question(f"other{number}"), charges=True)

        assert not limiter.decide(question(), charges=True)

    assert len(limiter._free_at) == 5
    limiter.forget(question())
    assert limiter.decide(question(), charges=True)


def test_threads_admit_no_more_than_there_is() -> None:
    limiter = LocalLimiter(1)

    with ThreadPoolExecutor(8) as threads:
        decisions = list(
            threads.map(lambda _: limiter.decide(question(limit="a=50/hour"), charges=True), range(400))
        )

    assert sum(map(bool, decisions)) == 50


def refusal(subject: str = "ann", cost: int = 1, wait: timedelta = HOUR) -> Decision:
    limit = Limit(10, HOUR, name="a")
    return Decision(False, (LimitState(limit, False, 0, wait, HOUR),), cost, subject=subject)


def test_denials_are_bounded_in_number_and_the_oldest_go_first() -> None:
    known = Denials(3)
    for subject in ("a", "b", "a", "c", "d"):
        known.remember("x", refusal(subject), known.asked(subject))
    found = [each for each in "abcd" if known.find(each, "x", 1) is not None]
    for name in "pqrst":
        known.remember(name, refusal("a"), known.asked("a"))

    assert found == ["a", "c", "d"]
    assert len(known) == 3
    assert [name for name in "pqrst" if known.find("a", name, 1) is not None] == ["r", "s", "t"]


def test_denials_are_bounded_in_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "_LONGEST", 0.02)
    known = Denials(3)
    known.remember("x", refusal(), known.asked("ann"))
    first = known.find("ann", "x", 1)

    over = time.monotonic() + 0.03
    while time.monotonic() < over:
        time.sleep(0.005)

    assert first is not None
    assert known.find("ann", "x", 1) is None


def test_a_denial_is_told_with_the_time_that_is_left() -> None:
    known = Denials(3)
    known.remember("x", refusal(wait=timedelta(seconds=5)), known.asked("ann"))
    over = time.monotonic() + 0.03
    while time.monotonic() < over:
        time.sleep(0.005)

    told = known.find("ann", "x", 4)

    assert told is not None
    assert told.cost == 4
    assert told.retry_after is not None
    assert timedelta(seconds=4) < told.retry_after <= timedelta(seconds=4.97)


def test_what_was_forgotten_while_it_was_asked_is_not_remembered() -> None:
    known = Denials(3)
    asked = known.asked("ann")

    known.forget("ann")
    known.remember("x", refusal(), asked)

    assert known.find("ann", "x", 1) is None


def test_nothing_is_remembered_of_what_time_does_not_change() -> None:
    known, asked = Denials(3), Denials(3).asked("ann")
    never = Decision(False, (LimitState(Limit(1, HOUR), False, 1, None, HOUR),), 2, subject="ann")
    for decision in (
        never,
        Decision(True, (), subject="ann"),
        Decision(False, refusal().states, degraded=True, subject="ann"),
    ):
        known.remember(None, decision, asked)
    nothing = Denials(0)
    nothing.remember("x", refusal(), asked)

    assert (len(known), len(nothing)) == (0, 0)


def test_threads_leave_denials_consistent() -> None:
    known = Denials(20)

    def work(seed: int) -> None:
        for number in range(1500):
            subject = f"{(number * seed) % 31}"
            known.remember(f"{number % 3}", refusal(subject), known.asked(subject))
            known.find(subject, "1", 1 + number % 4)
            if number % 5 == 0:
                known.forget(f"{number % 31}")

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(1, 7)))

    assert len(known) == sum(map(len, known._known.values())) <= 20
