"""The limiter of one process: its part of each limit, paid off with time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modkit_redis.contract import Decision, Limit, Slots, Subject
from modkit_redis.ratelimit import local as local_limiter
from modkit_redis.ratelimit._core import Rule, rule
from modkit_redis.ratelimit.answering import Substitute
from modkit_redis.ratelimit.config import RateLimitSettings
from modkit_redis.ratelimit.local import LocalLimiter
from modkit_redis.ratelimit.planning import Question

SECOND, MINUTE, NONE = timedelta(seconds=1), timedelta(minutes=1), timedelta(0)


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.ns = 10**18

    def monotonic_ns(self) -> int:
        return self.ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    return clock


def rules(*limits: str) -> list[Rule]:
    return [rule(Limit.parse(each), "gcra") for each in limits]


FIVE = rules("a=1/second burst 5")
ASK_AGAIN = timedelta(seconds=3)


def limiter(replicas: int) -> LocalLimiter:
    return LocalLimiter(replicas, ASK_AGAIN)


def hit(local: LocalLimiter, cost: int = 1, subject: Subject = "ada", asked: list[Rule] = FIVE) -> Decision:
    return local.decide(question(subject, asked, cost), charges=True)


def question(subject: Subject, asked: list[Rule], cost: int = 1) -> Question:
    return Question(tuple(asked), tuple(f"{each.limit.name}:{subject}" for each in asked), subject, cost)


def test_the_reference_table_holds(clock: Clock) -> None:
    local = limiter(1)

    allowed = [hit(local).allowed for _ in range(6)]
    refused = hit(local)

    assert allowed == [True] * 5 + [False]
    assert (refused.retry_after, refused.reset_after, refused.remaining) == (SECOND, SECOND * 5, 0)
    assert refused.degraded


def test_more_than_is_ever_allowed_is_never_allowed_and_charges_nothing(clock: Clock) -> None:
    local = limiter(1)

    refused = hit(local, cost=6)

    assert (refused.allowed, refused.retry_after, refused.remaining) == (False, None, 5)
    assert hit(local, cost=5)


def test_a_cost_of_nothing_changes_nothing(clock: Clock) -> None:
    local = limiter(1)

    assert hit(local, cost=0)
    assert hit(local, cost=0).remaining == 5


def test_what_is_charged_is_paid_off_with_time(clock: Clock) -> None:
    local = limiter(1)
    hit(local, cost=5)

    clock.ns += 10**9 - 1
    early = hit(local)
    clock.ns += 1
    due = hit(local)

    assert (early.allowed, due.allowed) == (False, True)


@pytest.mark.parametrize(("replicas", "admitted"), [(1, 10), (2, 5), (3, 3), (20, 1)])
def test_each_replica_allows_its_part_and_at_least_one(clock: Clock, replicas: int, admitted: int) -> None:
    local, asked = limiter(replicas), rules("a=10/minute")

    decisions = [hit(local, asked=asked) for _ in range(12)]

    assert [each.allowed for each in decisions] == [True] * admitted + [False] * (12 - admitted)
    assert all(each.degraded and not each.charged for each in decisions)
    assert decisions[-1].retry_after == MINUTE / 10 * replicas


def test_what_only_all_replicas_together_allow_is_asked_again_and_never_charged_here(clock: Clock) -> None:
    local, asked = limiter(10), rules("a=100/minute")

    refused = hit(local, 11, asked=asked)

    assert (refused.allowed, refused.retry_after, refused.remaining) == (False, ASK_AGAIN, 10)
    assert hit(local, 10, asked=asked)


def test_of_several_limits_one_that_never_allows_it_decides(clock: Clock) -> None:
    local, asked = limiter(10), rules("a=100/minute", "b=10/minute")

    refused = hit(local, 11, asked=asked)

    assert [each.retry_after for each in refused.states] == [ASK_AGAIN, None]
    assert refused.retry_after is None


def test_each_of_the_replicas_allows_its_part(clock: Clock) -> None:
    local = limiter(2)
    asked = rules("a=10/second")

    allowed = [hit(local, asked=asked).allowed for _ in range(6)]
    clock.ns += 10**9
    after_a_second = [hit(local, asked=asked).allowed for _ in range(6)]

    assert allowed == after_a_second == [True] * 5 + [False]


def test_with_more_replicas_than_are_allowed_each_allows_one_more_rarely(clock: Clock) -> None:
    local = limiter(10)
    asked = rules("a=5/second")

    first, second = hit(local, asked=asked), hit(local, asked=asked)
    clock.ns += 2 * 10**9
    third = hit(local, asked=asked)

    assert (first.allowed, second.allowed, third.allowed) == (True, False, True)
    assert second.retry_after == SECOND * 2


def test_looking_charges_nothing(clock: Clock) -> None:
    local = limiter(1)

    looked = [local.decide(question("ada", FIVE, 5), charges=False).allowed for _ in range(3)]

    assert looked == [True] * 3
    assert hit(local, cost=5)


def test_all_limits_are_charged_or_none(clock: Clock) -> None:
    local = limiter(1)
    both = rules("a=1/second burst 5", "b=1/minute")
    hit(local, asked=both)

    refused = hit(local, asked=both)

    assert refused.refused_by == ("b",)
    assert hit(local).remaining == 3


def test_a_shadow_limit_refuses_nothing_and_is_not_charged_beyond_itself(clock: Clock) -> None:
    local = limiter(1)
    asked = rules("a=1/minute shadow")

    hit(local, asked=asked)
    second = hit(local, asked=asked)

    assert second
    assert not second.states[0].allowed
    assert second.states[0].reset_after == MINUTE


def test_subjects_and_names_are_counted_apart(clock: Clock) -> None:
    local = limiter(1)
    hit(local, cost=5)

    assert not hit(local)
    assert hit(local, subject="bob")
    assert hit(local, subject=("ada", "1"))
    assert hit(local, asked=rules("other=1/second"))


def test_what_one_limit_never_allows_is_charged_to_none_and_a_shadow_limit_is_passed_over(
    clock: Clock,
) -> None:
    local = limiter(1)

    refused = hit(local, 3, asked=rules("a=10/hour", "b=2/hour"))
    shadow = hit(local, 3, asked=rules("a=10/hour", "b=2/hour shadow"))

    assert (refused.allowed, refused.refused_by, refused.retry_after) == (False, ("b",), None)
    assert [each.remaining for each in shadow.states] == [7, 2]


def test_what_is_forgotten_is_as_if_it_was_never_used(clock: Clock) -> None:
    local = limiter(1)
    hit(local, cost=5)
    hit(local, cost=5, subject="bob")

    local.forget(question("ada", FIVE))

    assert hit(local, cost=5)
    assert not hit(local, subject="bob")


def test_it_remembers_a_bounded_number_of_subjects(clock: Clock) -> None:
    local = limiter(1)
    hit(local, cost=5, subject="first")
    hit(local, cost=5, subject="second")

    for number in range(10_000 - 1):
        hit(local, subject=f"user {number}")

    assert hit(local, subject="first")  # was forgotten
    assert len(local._free_at) == 10_000


def test_who_is_refused_again_and_again_is_not_forgotten(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_limiter, "_MOST", 5)
    local = limiter(1)
    hit(local, cost=5)

    for number in range(50):
        hit(local, subject=f"other {number}")
        assert not hit(local)

    assert len(local._free_at) == 5


def test_threads_admit_no_more_than_there_is() -> None:
    local, asked = limiter(1), rules("a=50/hour")

    with ThreadPoolExecutor(8) as threads:
        decisions = list(threads.map(lambda _: hit(local, asked=asked), range(400)))

    assert sum(map(bool, decisions)) == 50


def test_numbers_that_change_keep_what_was_used(clock: Clock) -> None:
    local = limiter(1)
    hit(local, cost=5)

    raised = hit(local, asked=rules("a=1/second burst 9"))

    assert raised
    assert raised.remaining == 3


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(0, 3 * 10**9), st.integers(1, 5)), max_size=40),
)
def test_in_no_interval_is_more_allowed_than_the_part(
    count: int, burst: int, replicas: int, asked: list[tuple[int, int]]
) -> None:
    clock, local = Clock(), limiter(replicas)
    limit = [rule(Limit(count, SECOND, burst), "gcra")]
    admitted: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic_ns", clock.monotonic_ns)
        for passed, cost in asked:
            clock.ns += passed
            if hit(local, cost, asked=limit):
                admitted.append((clock.ns, cost))

    part = max(1, burst // replicas)
    for begin, (since, _) in enumerate(admitted):
        total = 0
        for until, cost in admitted[begin:]:
            total += cost
            assert total <= part + (until - since) * count / (10**9 * replicas) + 1e-6


def test_a_limit_that_is_lowered_leaves_nothing_and_no_less(clock: Clock) -> None:
    local = limiter(1)
    hit(local, 5)

    lowered = hit(local, asked=rules("a=1/second burst 2"))

    assert (lowered.allowed, lowered.remaining) == (False, 0)
    assert lowered.retry_after == SECOND


@pytest.mark.parametrize("limit", [Limit(5, SECOND, shadow=True), Slots(5, "x", shadow=True)])
def test_what_only_reports_refuses_nothing_in_an_outage(limit: Limit | Slots) -> None:
    substitute = Substitute(RateLimitSettings.from_mapping({"on_outage": "closed"}))

    if isinstance(limit, Slots):
        found = substitute.of_slots(limit, question("ada", []))
    else:
        found = substitute.decision(question("ada", [rule(limit, "gcra")]), charges=True)

    assert (found.allowed, found.degraded, found.states[0].allowed) == (True, True, False)
