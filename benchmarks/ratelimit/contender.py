"""What is asked of each rate limiter."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from enum import Enum
from typing import ClassVar, Final, Protocol

from benchmarks.timing import Way

MOST: Final = 1_000_000
"""Allowed in an hour where nothing is refused."""

HOUR_S: Final = 3600


class Row(Enum):
    """What is measured: a decision with all that headers need, for a subject of 32 bytes."""

    ALLOWED = "allowed"
    """A million an hour: nothing is refused."""

    DENIED = "denied"
    """One an hour, which is used up."""

    @property
    def count(self) -> int:
        """How much is allowed in an hour."""
        return MOST if self is Row.ALLOWED else 1


Ways = Sequence[tuple[Row, Way[object]]]
AsyncWays = Sequence[tuple[Row, Way[Awaitable[object]]]]


class Contender(Protocol):
    """A rate limiter, or redis-py itself, on connections of its own.

    Attributes:
        distribution: Its name on PyPI.
        configured: How it was set up, and why so.
    """

    distribution: ClassVar[str]
    configured: ClassVar[str]

    def __init__(self, addr: str) -> None: ...

    @property
    def ways(self) -> Ways:
        """How it does what is measured."""
        ...

    def close(self) -> None:
        """Close its connections."""


class AsyncContender(Protocol):
    """The same for asyncio; made while the event loop runs."""

    distribution: ClassVar[str]
    configured: ClassVar[str]

    def __init__(self, addr: str) -> None: ...

    @property
    def ways(self) -> AsyncWays:
        """How it does what is measured."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""


def told(allowed: bool, remaining: float, reset_s: float, retry_s: float) -> bool:
    """Return whether it is *allowed*, after a look at what headers tell beside it."""
    if remaining < 0 or reset_s < -1 or (not allowed and retry_s < 0):
        raise AssertionError(f"{allowed}, {remaining} left, reset after {reset_s}, retry after {retry_s}")
    return allowed
