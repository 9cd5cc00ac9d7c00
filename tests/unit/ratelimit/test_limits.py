"""Limits: how they are written, what is refused, and that what is shown can be read."""

from __future__ import annotations

import pickle
import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modkit_redis.contract import ArgumentError, Limit, Slots
from modkit_redis.contract.ratelimit import parse_limits
from modkit_redis.ratelimit._core import ALGORITHMS, Algorithm, rule

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
MOST = 2**31
NUMBER = f"must be a whole number from 1 to {MOST}"
PERIOD = "must be a timedelta from 1ms to 366 days"
SPELLING = "must be 1 to 32 letters, digits, '-' and '_', beginning with a letter"
WRITTEN = (
    "must be written like '100/minute', 'login=5/15m', '10/second burst 20' or "
    "'second=10/second, day=1000/day'"
)

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,31}", fullmatch=True)
counts = st.integers(1, MOST)
periods = st.timedeltas(timedelta(milliseconds=1), timedelta(days=366))
limits = st.builds(Limit, counts, periods, burst=st.none() | counts, name=names, shadow=st.booleans())


def refused(function: Any, *given: Any, **named: Any) -> str:
    """Return what is said when a call with these arguments is refused."""
    with pytest.raises(ArgumentError) as caught:
        function(*given, **named)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("100/minute", Limit(100, MINUTE)),
        ("1/second", Limit(1, SECOND)),
        ("7/hour", Limit(7, timedelta(hours=1))),
        ("1000/day", Limit(1000, DAY)),
        ("1/week", Limit(1, timedelta(weeks=1))),
        ("5 per 15m", Limit(5, timedelta(minutes=15))),
        ("5/15m", Limit(5, timedelta(minutes=15))),
        ("5 / 15m", Limit(5, timedelta(minutes=15))),
        ("5 per minute", Limit(5, MINUTE)),
        ("1/250ms", Limit(1, timedelta(milliseconds=250))),
        ("1/1500us", Limit(1, timedelta(microseconds=1500))),
        ("1/30s", Limit(1, timedelta(seconds=30))),
        ("1/2h", Limit(1, timedelta(hours=2))),
        ("1/366d", Limit(1, timedelta(days=366))),
        ("10/second burst 20", Limit(10, SECOND, burst=20)),
        ("login=5/minute", Limit(5, MINUTE, name="login")),
        (" login = 5/minute ", Limit(5, MINUTE, name="login")),
        (" a = 10 / second  burst 20 shadow ", Limit(10, SECOND, burst=20, name="a", shadow=True)),
        ("3/250ms", Limit(3, timedelta(milliseconds=250))),
        ("per-user_2=5/minute", Limit(5, MINUTE, name="per-user_2")),
        ("1000/day shadow", Limit(1000, DAY, shadow=True)),
        ("a=10/second burst 20 shadow", Limit(10, SECOND, burst=20, name="a", shadow=True)),
    ],
)
def test_a_limit_is_read_from_text(text: str, limit: Limit) -> None:
    assert Limit.parse(text) == limit


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "/minute", "5/", "5/fortnight", "five/minute", "-5/minute", "5.5/minute", "+5/minute"),
        *("5/minutes", "5/m15", "5/15", "5/15 m", "5/1h30m", "5/minute burst", "5/minute burst -1"),
        *("5/minute, 6/hour", "5perminute", "a b=5/minute", "=5/minute", "5/minute SHADOW", "5/Minute"),
        *("5/minuteburst 3", "5/minute shadow burst 3", "\uff15/minute", "5/minute\n6/hour"),
        *("\u0665/minute", "99999999999/minute"),
        *(None, 5, b"5/minute", ["5/minute"], Limit(5, MINUTE)),
    ],
)
def test_text_that_is_no_limit_is_refused_with_examples(text: Any) -> None:
    assert refused(Limit.parse, text) == f"limit {WRITTEN}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0/minute", f"limit count {NUMBER}"),
        ("2147483649/minute", f"limit count {NUMBER}"),
        ("5/minute burst 0", f"limit burst {NUMBER}"),
        ("5/minute burst 9999999999", f"limit burst {NUMBER}"),
        ("5/0s", f"limit period {PERIOD}"),
        ("5/367d", f"limit period {PERIOD}"),
        ("5/9999999999d", f"limit period {PERIOD}"),
        ("5/99999999999h", f"limit period {PERIOD}"),
        ("5/" + "9" * 14 + "d", f"limit period {PERIOD}"),
        ("5/999us", f"limit period {PERIOD}"),
        ("5/1us", f"limit period {PERIOD}"),
        ("5/" + "9" * 30 + "s", f"limit {WRITTEN}"),
        ("9" * 30 + "/s", f"limit {WRITTEN}"),
        ("1a=5/minute", f"limit name {SPELLING}"),
        ("a.b=5/minute", f"limit name {SPELLING}"),
        ("ä=5/minute", f"limit name {SPELLING}"),
        ("a" * 33 + "=5/minute", f"limit name {SPELLING}"),
    ],
)
def test_text_that_is_a_limit_nobody_can_have_is_refused(text: str, problem: str) -> None:
    assert refused(Limit.parse, text) == problem


@given(limits)
@example(Limit(1, timedelta(microseconds=1500)))
@example(Limit(1, timedelta(days=366)))
@example(Limit(1, timedelta(days=365, microseconds=1)))
@example(Limit(1, timedelta(days=300, milliseconds=1)))
def test_what_is_shown_can_be_read(limit: Limit) -> None:
    assert Limit.parse(str(limit)) == limit


@given(st.lists(limits, min_size=1, max_size=4, unique_by=lambda each: each.name))
def test_several_that_are_shown_can_be_read(several: list[Limit]) -> None:
    assert parse_limits(", ".join(map(str, several))) == tuple(several)


def test_text_from_the_words_of_limits_is_some_or_an_error_of_ours() -> None:
    chance = random.Random(7)
    words = [
        "5",
        "/",
        " ",
        "per",
        "minute",
        "burst",
        "shadow",
        "=",
        "a",
        "15m",
        ",",
        "9" * 12,
        "\n",
        "ms",
        "0",
    ]
    for _ in range(3000):
        text = "".join(chance.choice(words) for _ in range(chance.randrange(8)))
        with suppress(ArgumentError):
            assert parse_limits(text)


@given(st.text())
def test_whatever_the_text_it_is_a_limit_or_an_error_of_ours(text: str) -> None:
    try:
        limit = Limit.parse(text)
    except ArgumentError:
        return

    assert Limit.parse(str(limit)) == limit


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit(100, MINUTE), "default=100/minute"),
        (Limit(100, timedelta(days=7)), "default=100/week"),
        (Limit(5, timedelta(seconds=90), name="login"), "login=5/90s"),
        (Limit(5, timedelta(milliseconds=1500), burst=7, shadow=True), "default=5/1500ms burst 7 shadow"),
        (Limit(5, timedelta(microseconds=1500)), "default=5/1500us"),
        (Limit(5, timedelta(minutes=15)), "default=5/15m"),
        (Limit(5, timedelta(days=2)), "default=5/2d"),
    ],
)
def test_a_limit_is_shown_as_one_would_write_it(limit: Limit, text: str) -> None:
    assert str(limit) == text


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"count": 0}, f"limit count {NUMBER}"),
        ({"count": -1}, f"limit count {NUMBER}"),
        ({"count": MOST + 1}, f"limit count {NUMBER}"),
        ({"count": 1.0}, f"limit count {NUMBER}"),
        ({"count": True}, f"limit count {NUMBER}"),
        ({"count": "5"}, f"limit count {NUMBER}"),
        ({"count": None}, f"limit count {NUMBER}"),
        ({"burst": 0}, f"limit burst {NUMBER}"),
        ({"burst": MOST + 1}, f"limit burst {NUMBER}"),
        ({"burst": False}, f"limit burst {NUMBER}"),
        ({"period": 60}, f"limit period {PERIOD}"),
        ({"period": "1m"}, f"limit period {PERIOD}"),
        ({"period": timedelta(0)}, f"limit period {PERIOD}"),
        ({"period": -MINUTE}, f"limit period {PERIOD}"),
        ({"period": timedelta(microseconds=999)}, f"limit period {PERIOD}"),
        ({"period": timedelta(days=366, microseconds=1)}, f"limit period {PERIOD}"),
        ({"name": ""}, f"limit name {SPELLING}"),
        ({"name": "a:b"}, f"limit name {SPELLING}"),
        ({"name": "a\n"}, f"limit name {SPELLING}"),
        ({"name": None}, f"limit name {SPELLING}"),
        ({"name": "a" * 33}, f"limit name {SPELLING}"),
        *(({"shadow": each}, "limit shadow must be True or False") for each in ("no", None, 1)),
        ({"period": timedelta.max}, f"limit period {PERIOD}"),
        ({"burst": "5"}, f"limit burst {NUMBER}"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(given: dict[str, Any], problem: str) -> None:
    assert refused(Limit, **{"count": 1, "period": MINUTE, **given}) == problem


def test_what_is_allowed_at_once_is_the_burst_or_else_the_count() -> None:
    assert Limit(5, MINUTE).capacity == 5
    assert Limit(5, MINUTE, burst=20).capacity == 20
    assert Slots(3, "jobs").capacity == 3


def test_limits_are_values() -> None:
    limit = Limit(5, MINUTE, name="login")

    assert pickle.loads(pickle.dumps(limit)) == limit
    assert len({limit, Limit(5, timedelta(seconds=60), name="login"), Limit(5, MINUTE)}) == 2
    with pytest.raises(AttributeError):
        limit.count = 6  # type: ignore[misc]  # the mistake


def test_several_limits_are_separated_by_commas() -> None:
    assert parse_limits("second=10/second burst 20,day=1000/day shadow") == (
        Limit(10, SECOND, burst=20, name="second"),
        Limit(1000, DAY, name="day", shadow=True),
    )
    assert parse_limits("100/minute") == (Limit(100, MINUTE),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", f"limit {WRITTEN}"),
        ("a=1/second,", f"limit {WRITTEN}"),
        (",", f"limit {WRITTEN}"),
        ("a=1/second; b=1/day", f"limit {WRITTEN}"),
        ("1/second, 2/day", "limit needs a name where several stand together, as in 'second=10/second'"),
        ("a=1/second, 2/day", "limit needs a name where several stand together, as in 'second=10/second'"),
        ("a=1/second, a=2/day", "limit has a name twice: each of several needs one of its own"),
        (5, f"limit {WRITTEN}"),
        (None, f"limit {WRITTEN}"),
    ],
)
def test_limits_that_cannot_stand_together_are_refused(text: Any, problem: str) -> None:
    assert refused(parse_limits, text) == problem


SLOTS = "slots count must be a whole number from 1 to 10000"
LEASE = "slots lease must be a timedelta from 100ms to 1h"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        *(({"count": each}, SLOTS) for each in (0, -1, 10_001, True, 1.0, "1", None)),
        *(({"lease": each}, LEASE) for each in (10, "10s", None, timedelta(0), timedelta(milliseconds=99))),
        ({"lease": timedelta(hours=1, microseconds=1)}, LEASE),
        *(({"name": each}, f"slots name {SPELLING}") for each in ("", "a b", "a" * 33, None, 5)),
        *(({"shadow": each}, "slots shadow must be True or False") for each in ("no", None, 1)),
    ],
)
def test_slots_that_cannot_be_are_refused(given: dict[str, Any], problem: str) -> None:
    assert refused(Slots, **{"count": 1, "name": "jobs", **given}) == problem


def test_a_lease_of_slots_lasts_ten_seconds_unless_it_is_said() -> None:
    assert Slots(1, "jobs").lease == timedelta(seconds=10)
    assert pickle.loads(pickle.dumps(Slots(1, "jobs"))) == Slots(1, "jobs")


@given(
    counts,
    st.timedeltas(timedelta(milliseconds=1), timedelta(days=366))
    | st.integers(1, 366 * 86_400).map(lambda number: number * SECOND),
    st.none() | counts,
    st.sampled_from(ALGORITHMS),
)
def test_whatever_is_counted_is_allowed_again_within_142_years(
    count: int, period: timedelta, burst: int | None, algorithm: Algorithm
) -> None:
    limit = Limit(count, period, burst if algorithm == "gcra" else None)
    with suppress(ArgumentError):
        found = rule(limit, algorithm)

        assert limit.capacity * (period // timedelta(microseconds=1)) // count < 2**52
        assert found.capacity == limit.capacity
