"""How a limit is counted: exactly, by ticks as long as its numbers ask for, or not at all."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modkit_redis.contract import ArgumentError, Limit
from modkit_redis.ratelimit._core import ALGORITHMS, SLOTS, Algorithm, Rule, decision, rule

US, MS, SECOND, DAY = (
    timedelta(microseconds=1),
    timedelta(milliseconds=1),
    timedelta(seconds=1),
    timedelta(days=1),
)
EXACT = 2**53
MOST = 2**31

counts = st.integers(1, MOST) | st.integers(1, 1000)
periods = st.timedeltas(MS, timedelta(days=366)) | st.integers(1, 366 * 86_400).map(lambda n: n * SECOND)
limits = st.builds(Limit, counts, periods)
algorithms = st.sampled_from(ALGORITHMS)


def counted(limit: Limit, algorithm: Algorithm) -> Rule | None:
    """Return how *limit* is counted, if it can be."""
    try:
        return rule(limit, algorithm)
    except ArgumentError:
        return None


@pytest.mark.parametrize(
    ("text", "algorithm", "numbers"),
    [
        ("1/second burst 5", "gcra", ("g", (1, 10**6, 5 * 10**6), 1)),
        ("60/minute", "gcra", ("g", (1, 10**6, 60 * 10**6), 1)),
        ("3/second", "gcra", ("g", (3, 10**6, 3 * 10**6), 1)),
        ("7/250ms", "gcra", ("g", (7, 250_000, 7 * 250_000), 1)),
        ("5/minute", "sliding", ("s", (60 * 10**6, 5, 0), 1)),
        ("5/minute", "fixed", ("f", (60 * 10**6, 5, 0), 1)),
        ("5/minute", "strict", ("w", (6 * 10**6, 5, SLOTS), 1)),
        ("5/1ms", "strict", ("w", (100, 5, SLOTS), 1)),
    ],
)
def test_a_limit_is_three_numbers(
    text: str, algorithm: Algorithm, numbers: tuple[str, tuple[int, int, int], int]
) -> None:
    found = rule(Limit.parse(text), algorithm)

    assert (found.letter, found.numbers, found.tick_us) == numbers


def test_the_letters_of_the_algorithms_are_distinct() -> None:
    letters = [rule(Limit(5, SECOND), each).letter for each in ALGORITHMS]

    assert letters == ["g", "s", "f", "w"]


@given(limits, st.none() | counts)
@example(Limit(1, timedelta(days=366)), 1)
@example(Limit(99_991, timedelta(microseconds=600_333_333)), None)
def test_a_bucket_is_paid_off_at_exactly_its_rate_and_holds_exactly_its_burst(
    limit: Limit, burst: int | None
) -> None:
    found = counted(Limit(limit.count, limit.period, burst), "gcra")
    if found is None:
        return

    paid, owed, capacity = found.numbers
    assert Fraction(paid, owed * found.tick_us) == Fraction(limit.count, limit.period // US)
    assert capacity == (burst or limit.count) * owed


@given(limits, algorithms)
def test_no_number_of_the_arithmetic_is_beyond_what_a_double_holds(
    limit: Limit, algorithm: Algorithm
) -> None:
    found = counted(limit, algorithm)
    if found is None:
        return

    first, second, third = found.numbers
    largest = {
        "gcra": 10 * third + first + second,  # the debt of an overdraft; and a cost that is just too much
        "sliding": (20 * second + 10 * second + 1) * first,  # two windows and a charge, all overdrawn
        "fixed": (10 * second + 10 * second + 1) * first,
        "strict": 12 * 10 * second,
    }[algorithm]
    assert largest < EXACT


@given(limits, algorithms)
def test_a_tick_is_as_short_as_can_be_and_divides_the_period(limit: Limit, algorithm: Algorithm) -> None:
    found = counted(limit, algorithm)
    if found is None:
        return

    assert limit.period % (found.tick_us * US) == timedelta(0)
    assert found.tick_us in (10**power for power in range(7))
    if limit.count * (limit.period // US) * 32 < EXACT:
        assert found.tick_us == 1


@given(limits)
def test_a_strict_window_is_never_shorter_than_its_period(limit: Limit) -> None:
    found = counted(limit, "strict")

    assert found
    slot, count, slots = found.numbers
    assert slot * slots * found.tick_us * US >= limit.period
    assert (slot * slots * found.tick_us) * US - limit.period < slots * US * found.tick_us
    assert (count, slots) == (limit.count, SLOTS)


@pytest.mark.parametrize(
    ("limit", "algorithm", "tick_us"),
    [
        (Limit(1000, DAY), "gcra", 1),
        (Limit(10**6, DAY), "sliding", 1000),
        (Limit(10**6, DAY), "strict", 1),
        (Limit(10**9 + 7, DAY), "gcra", 10**5),
        (Limit(MOST, SECOND), "gcra", 1),
    ],
)
def test_large_numbers_are_counted_in_longer_ticks(limit: Limit, algorithm: Algorithm, tick_us: int) -> None:
    assert rule(limit, algorithm).tick_us == tick_us


@pytest.mark.parametrize(
    ("limit", "algorithm"),
    [
        (Limit(MOST - 1, timedelta(days=366)), "gcra"),
        (Limit(MOST, timedelta(days=366)), "sliding"),
        (Limit(MOST, timedelta(days=366)), "fixed"),
        (Limit(99_999_989, DAY + US), "gcra"),
    ],
)
def test_a_limit_that_cannot_be_counted_exactly_is_refused(limit: Limit, algorithm: Algorithm) -> None:
    with pytest.raises(ArgumentError) as caught:
        rule(limit, algorithm)

    assert str(caught.value).startswith("limit ")
    assert "exact" in str(caught.value)


LONGEST = EXACT - 1
PRIME = 2**31 - 1


@pytest.mark.parametrize(
    ("algorithm", "count", "period_us", "burst", "fits"),
    [
        # a charge that is just too much, on top of an overdraft, rounded up to whole ticks
        ("gcra", PRIME, (LONGEST - PRIME) // 1001, 100, True),
        ("gcra", PRIME, LONGEST // 1001, 100, False),
        ("gcra", PRIME, (LONGEST - PRIME) // 1000, 100, False),
        # the time until an overdraft is paid off
        ("gcra", 1, 366 * 86_400 * 10**6, 14, True),
        ("gcra", 1, 366 * 86_400 * 10**6, 15, False),
        ("sliding", 1000, LONGEST // 31_000, None, True),
        ("sliding", 1000, LONGEST // 31_000 + 2, None, False),
        ("fixed", 1000, LONGEST // 31_000, None, True),
        ("fixed", 1000, LONGEST // 31_000 + 2, None, False),
    ],
)
def test_a_limit_is_refused_from_exactly_where_it_cannot_be_counted(
    algorithm: Algorithm, count: int, period_us: int, burst: int | None, fits: bool
) -> None:
    found = counted(Limit(count, period_us * US, burst), algorithm)

    assert (found is not None) == fits
    assert found is None or found.tick_us == 1


@pytest.mark.parametrize("algorithm", [each for each in ALGORITHMS if each != "gcra"])
def test_a_burst_is_for_the_token_bucket_alone(algorithm: Algorithm) -> None:
    with pytest.raises(ArgumentError) as caught:
        rule(Limit(5, SECOND, burst=10), algorithm)

    assert str(caught.value) == f"limit burst is for the algorithm gcra, not for {algorithm}"
    assert rule(Limit(5, SECOND, burst=10), "gcra").capacity == 10


def test_more_than_is_ever_allowed_is_asked_for_as_just_too_much() -> None:
    found = rule(Limit(5, SECOND, shadow=True), "gcra")

    assert [found.arguments(cost)[5] for cost in (0, 1, 5, 6, 7, 2**31)] == [0, 1, 5, 6, 6, 6]
    assert found.arguments(1) == ("g", 1, 200_000, 1_000_000, 1, 1, 1)
    assert rule(Limit(5, SECOND), "gcra").arguments(1)[6] == 0


def test_what_was_charged_is_refunded_whole() -> None:
    found = rule(Limit(5, SECOND), "gcra")

    assert found.refunding(9, 7, 3) == ("g", 1, 200_000, 1_000_000, 1, 9, 7, 3)


def test_ten_times_a_limit_is_charged_and_taken_back_at_most() -> None:
    found = rule(Limit(5, SECOND), "gcra")

    assert [found.charging(cost)[5] for cost in (0, 6, 50, 51, 2**31)] == [0, 6, 50, 50, 50]
    assert [found.refunding(cost, 7, 3)[5] for cost in (0, 6, 50, 51, 2**31)] == [0, 6, 50, 50, 50]


def test_an_answer_of_the_server_is_a_decision() -> None:
    rules = [rule(Limit(5, SECOND, name="a"), "gcra"), rule(Limit(9, DAY, name="b"), "gcra")]

    found = decision(rules, ("ip", "::1"), 2, [1, 3, 0, 400_000, 0, 1, -1, 7], at_us=10**15, charges=False)

    first, second = found.states
    assert (found.allowed, found.cost, found.subject, found.at_us) == (False, 2, ("ip", "::1"), 10**15)
    assert (first.limit, first.allowed, first.remaining) == (rules[0].limit, True, 3)
    assert (first.retry_after, first.reset_after) == (timedelta(0), 400 * MS)
    assert (second.limit, second.allowed, second.remaining) == (rules[1].limit, False, 1)
    assert (second.retry_after, second.reset_after) == (None, 7 * US)
    assert not found.degraded


def test_a_shadow_limit_that_does_not_fit_refuses_nothing() -> None:
    rules = [rule(Limit(5, SECOND, name="a", shadow=True), "gcra")]

    found = decision(rules, "ada", 1, [0, 0, 10, 20], at_us=1, charges=True)

    assert found.allowed and found.charged
    assert not found.states[0].allowed


@pytest.mark.parametrize(
    ("reply", "cost", "charges", "charged"),
    [([1, 4, 0, 9], 1, True, True), ([1, 5, 0, 0], 1, False, False), ([0, 0, 9, 9], 1, True, False)],
)
def test_a_decision_knows_whether_it_charged(
    reply: list[int], cost: int, charges: bool, charged: bool
) -> None:
    found = decision([rule(Limit(5, SECOND), "gcra")], "ada", cost, reply, at_us=1, charges=charges)

    assert found.charged is charged
