"""Values that several modules and their users exchange."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Final, TypeAlias

from modkit_redis.contract.errors import ArgumentError

Duration: TypeAlias = timedelta | int | float
"""A span of time: a ``timedelta``, or a number of seconds."""

_LONGEST_MS: Final = 2**53
"""285,000 years: beyond it a float of milliseconds is no longer exact."""


def milliseconds(duration: Duration, argument: str) -> int:
    """Return *duration* in whole milliseconds, rounded up so that nothing ends early.

    Args:
        duration: A ``timedelta``, or seconds.
        argument: What the caller calls it, for the error.

    Raises:
        ArgumentError: If it is zero, negative, NaN, infinite or absurdly long, or no duration at all.
    """
    if isinstance(duration, timedelta):
        number: float = -(duration // -_MILLISECOND)
    elif isinstance(duration, int | float) and not isinstance(duration, bool):
        number = duration * 1000
    else:
        raise ArgumentError(argument, f"must be a timedelta or seconds, not {type(duration).__name__}")
    if not abs(number) <= _LONGEST_MS:  # NaN compares false
        raise ArgumentError(argument, "must be finite, and below 285,000 years")
    if number <= 0:
        raise ArgumentError(argument, "must be positive")
    return max(1, math.ceil(round(number, 3)))  # to the microsecond: 4.03 * 1000 is a bit above 4030


_MILLISECOND: Final = timedelta(milliseconds=1)
