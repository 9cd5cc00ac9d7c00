"""A span of time is the same after a trip through text, and never shorter in milliseconds."""

from __future__ import annotations

import math
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modkit_redis.contract import ArgumentError
from modkit_redis.contract.values import milliseconds
from modkit_redis.kernel.parsing import RefusedError, duration, duration_or_zero, in_text

LONGEST = timedelta(days=36_500)
LONGEST_SECONDS = 2**53 / 1000
MICROSECOND = timedelta(microseconds=1)
spans = st.timedeltas(timedelta(0), LONGEST)


@given(spans | st.timedeltas(timedelta(0), timedelta(seconds=3)))
@example(timedelta(0))
@example(MICROSECOND)
@example(LONGEST)
@example(LONGEST - MICROSECOND)
@example(timedelta(days=1, microseconds=999_999))
def test_a_span_is_the_same_when_its_text_is_parsed(span: timedelta) -> None:
    assert duration_or_zero(in_text(span)) == span


@given(spans)
def test_the_text_of_a_span_is_a_setting_that_must_be_positive_unless_it_is_zero(span: timedelta) -> None:
    if span:
        assert duration(in_text(span)) == span
    else:
        with pytest.raises(RefusedError):
            duration(in_text(span))


@given(*[st.integers(0, 999)] * 5)
def test_units_add_up(days: int, hours: int, minutes: int, seconds: int, ms: int) -> None:
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=ms)

    assert duration_or_zero(f"{days}d{hours}h{minutes}m{seconds}s{ms}ms") == expected


@given(st.timedeltas(max_value=timedelta(microseconds=-1)) | st.timedeltas(min_value=LONGEST + MICROSECOND))
def test_a_span_out_of_bounds_is_refused(span: timedelta) -> None:
    with pytest.raises(RefusedError):
        duration_or_zero(span)


@given(st.text() | st.text("0123456789.dhmsµ -+e", max_size=8))
def test_text_is_a_span_or_is_refused(written: str) -> None:
    try:
        span = duration_or_zero(written)
    except RefusedError:
        return

    assert timedelta(0) <= span <= LONGEST
    assert written == "0" or written[-1] in "dhms"


@given(st.timedeltas(MICROSECOND, timedelta(milliseconds=2**53)))
def test_a_timedelta_is_rounded_up_exactly(span: timedelta) -> None:
    assert milliseconds(span, "ttl") == math.ceil(Fraction(span // MICROSECOND, 1000))


@given(st.integers(1, int(LONGEST_SECONDS)))
def test_whole_seconds_are_exact(seconds: int) -> None:
    assert milliseconds(seconds, "ttl") == seconds * 1000


@given(st.floats(0, LONGEST_SECONDS, exclude_min=True) | st.floats(0, 1, exclude_min=True))
def test_seconds_are_rounded_up_but_for_less_than_a_microsecond(seconds: float) -> None:
    exact = Fraction(seconds) * 1000

    whole = milliseconds(seconds, "ttl")

    noise = Fraction(1, 1000) + exact / 2**52  # of a product of floats
    assert whole >= 1
    assert exact - noise <= whole < exact + 1 + noise


@given(
    st.floats(max_value=0)
    | st.floats(LONGEST_SECONDS, exclude_min=True)
    | st.just(math.nan)
    | st.integers(max_value=0)
    | st.integers(min_value=int(LONGEST_SECONDS) + 1)
    | st.timedeltas(max_value=timedelta(0))
    | st.timedeltas(min_value=timedelta(milliseconds=2**53, microseconds=1))
    | st.booleans()
)
def test_what_is_no_time_to_wait_is_refused(given_duration: timedelta | float) -> None:
    with pytest.raises(ArgumentError, match=r"^ttl must be "):
        milliseconds(given_duration, "ttl")
