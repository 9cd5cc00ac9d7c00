"""A duration becomes whole milliseconds that never end early, or is refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from modkit_redis.contract import ArgumentError, Duration
from modkit_redis.contract.values import milliseconds

BOUND = "ttl must be finite, and below 285,000 years"


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (1, 1000),
        (1.5, 1500),
        (0.001, 1),
        (0.0015, 2),
        (4.03, 4030),
        (1e-9, 1),
        (5e-324, 1),
        (timedelta(seconds=5), 5000),
        (timedelta(microseconds=1), 1),
        (timedelta(milliseconds=1, microseconds=1), 2),
        (timedelta(days=100_000_000, microseconds=1), 8_640_000_000_000_001),
    ],
)
def test_a_duration_is_rounded_up_to_whole_milliseconds(duration: Duration, expected: int) -> None:
    assert milliseconds(duration, "ttl") == expected


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "ttl must be positive"),
        (0.0, "ttl must be positive"),
        (-1, "ttl must be positive"),
        (-0.0001, "ttl must be positive"),
        (timedelta(0), "ttl must be positive"),
        (timedelta(microseconds=-1), "ttl must be positive"),
        (timedelta(seconds=-1), "ttl must be positive"),
        (float("nan"), BOUND),
        (float("inf"), BOUND),
        (float("-inf"), BOUND),
        (1e308, BOUND),
        (10**400, BOUND),
        (-(10**400), BOUND),
        (timedelta.max, BOUND),
        (timedelta.min, BOUND),
        (True, "ttl must be a timedelta or seconds, not bool"),
        (False, "ttl must be a timedelta or seconds, not bool"),
        (None, "ttl must be a timedelta or seconds, not NoneType"),
        ("5s", "ttl must be a timedelta or seconds, not str"),
        (Decimal(5), "ttl must be a timedelta or seconds, not Decimal"),
    ],
)
def test_what_is_no_time_to_wait_is_refused(duration: Any, text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        milliseconds(duration, "ttl")

    assert str(caught.value) == text


def test_the_refusal_calls_the_argument_what_the_caller_calls_it() -> None:
    with pytest.raises(ArgumentError) as caught:
        milliseconds(0, "deadline")

    assert caught.value.argument == "deadline"
