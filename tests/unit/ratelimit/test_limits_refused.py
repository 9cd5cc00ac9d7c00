"""Limits: how they are written, and which cannot be."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modkit_redis.contract import ArgumentError, Limit, LimitExceededError, Slots
from modkit_redis.contract.ratelimit import Decision, LimitState, parse_limits
from modkit_redis.ratelimit import RateLimitSettings
from modkit_redis.ratelimit._core import ALGORITHMS, rule

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("100/minute", Limit(100, timedelta(minutes=1))),
        ("5 per 15m", Limit(5, timedelta(minutes=15))),
        ("login=5/minute", Limit(5, timedelta(minutes=1), name="login")),
        (" a = 10 / second  burst 20 shadow ", Limit(10, timedelta(seconds=1), 20, "a", shadow=True)),
        ("1000/day shadow", Limit(1000, timedelta(days=1), shadow=True)),
        ("3/250ms", Limit(3, timedelta(milliseconds=250))),
        ("1/week", Limit(1, timedelta(weeks=1))),
    ],
)
def test_what_text_means(text: str, limit: Limit) -> None:
    assert Limit.parse(text) == limit
    assert Limit.parse(str(limit)) == limit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5/",
        "/minute",
        "-5/minute",
        "5/fortnight",
        "5/minutes",
        "0/minute",
        "5/0s",
        "5/1us",
        "5/9999999999d",
        "5/367d",
        "99999999999/minute",
        "5/minute burst 0",
        "5/minute burst",
        "1a=5/minute",
        "a b=5/minute",
        "ä=5/minute",
        "\u0665/minute",
        "5/minute\n6/minute",
        5,
        None,
        b"5/minute",
    ],
)
def test_what_is_no_limit(text: Any) -> None:
    with pytest.raises(ArgumentError, match="limit"):
        Limit.parse(text)


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        ("count", {"count": 0}),
        ("count", {"count": True}),
        ("count", {"count": 1.0}),
        ("count", {"count": 2**31 + 1}),
        ("period", {"period": 60}),
        ("period", {"period": timedelta(0)}),
        ("period", {"period": -HOUR}),
        ("period", {"period": timedelta.max}),
        ("burst", {"burst": 0}),
        ("burst", {"burst": "5"}),
        ("name", {"name": ""}),
        ("name", {"name": "a" * 33}),
        ("name", {"name": "a:b"}),
        ("name", {"name": None}),
        ("shadow", {"shadow": "no"}),
        ("shadow", {"shadow": None}),
    ],
)
def test_what_a_limit_cannot_be(argument: str, given: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError) as caught:
        Limit(**{"count": 5, "period": HOUR, **given})

    assert caught.value.argument == f"limit {argument}"


@pytest.mark.parametrize(
    "given", [{"count": 0}, {"lease": 5}, {"lease": HOUR * 2}, {"name": "a b"}, {"shadow": 1}]
)
def test_what_slots_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="slots"):
        Slots(**{"count": 5, "name": "jobs", **given})


@pytest.mark.parametrize(
    "text", ["", ",", "a=5/minute,", "5/minute, a=5/minute", "a=5/minute, a=6/hour", 5, None]
)
def test_limits_that_cannot_stand_together(text: Any) -> None:
    with pytest.raises(ArgumentError, match="limit"):
        parse_limits(text)


def test_a_setting_takes_limits_as_objects_whatever_their_period() -> None:
    odd = Limit(5, timedelta(microseconds=1500), name="odd")
    for value in (odd, [odd], (odd, Limit(5, HOUR, name="b"))):
        settings = RateLimitSettings.from_mapping({"limit": value})

        assert settings.limit is not None
        assert settings.limit[0] == odd


@given(
    st.integers(1, 2**31),
    st.one_of(
        st.integers(1000, 366 * 86_400_000_000), st.integers(1, 366 * 86_400).map(lambda s: s * 1_000_000)
    ),
    st.one_of(st.none(), st.integers(1, 2**31)),
    st.sampled_from(ALGORITHMS),
)
def test_a_limit_is_counted_exactly_or_refused(
    count: int, period: int, burst: int | None, algorithm: Any
) -> None:
    limit = Limit(count, timedelta(microseconds=period), burst if algorithm == "gcra" else None)
    try:
        found = rule(limit, algorithm)
    except ArgumentError:
        return
    first, second, third = found.numbers
    now = 2**51 // found.tick_us
    largest = {
        "g": now + third // first + second * 2 + third,
        "s": 3 * (count + 1) * first,
        "f": 2 * (count + 1) * first,
        "w": 11 * count + now,
    }[found.letter]
    assert largest < 2**53 + now
    assert limit.capacity * period // count < 2**52
    assert period % found.tick_us == 0


def state(allowed: bool, retry: timedelta | None, limit: Limit) -> LimitState:
    return LimitState(limit, allowed, 0, retry, HOUR)


def test_what_several_limits_say_together() -> None:
    a, b = Limit(1, HOUR, name="a"), Limit(1, HOUR, name="b")
    shadow = Limit(1, HOUR, name="c", shadow=True)
    zero = timedelta(0)

    never = Decision(False, (state(False, HOUR, a), state(False, None, b)))
    later = Decision(False, (state(False, HOUR, a), state(True, zero, b), state(False, None, shadow)))
    only_shadow = Decision(True, (state(False, None, shadow),))

    assert (never.retry_after, never.refused_by) == (None, ("a", "b"))
    assert (later.retry_after, later.refused_by, bool(later)) == (HOUR, ("a",), False)
    assert (only_shadow.retry_after, only_shadow.remaining, only_shadow.reset_after) == (zero, 0, zero)
    assert str(LimitExceededError(never)).endswith("it is more than is ever allowed at once")


def test_text_at_random_is_a_limit_or_a_typed_error() -> None:
    chance = random.Random(7)
    parts = [
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
        text = "".join(chance.choice(parts) for _ in range(chance.randrange(8)))
        with suppress(ArgumentError):
            assert parse_limits(text)
