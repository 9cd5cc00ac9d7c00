"""What is asked of each cache, and the value it is asked for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final, NoReturn, Protocol

from benchmarks.timing import Way

VALUE: Final = {
    "id": 1234,
    "name": "Ada Lovelace",
    "email": "ada.lovelace@example.com",
    "roles": ["admin", "editor"],
    "active": True,
    "score": 97.5,
    "manager": None,
    "team": "engines",
}
"""154 bytes as compact JSON."""

ENCODED: Final = json.dumps(VALUE, separators=(",", ":")).encode()
TTL_S: Final = 600
"""Longer than the whole benchmark, so that nothing expires under it."""


class Contender(Protocol):
    """A cache, or redis-py itself, on connections of its own.

    Attributes:
        distribution: Its name on PyPI.
        configured: How it was set up, and why so.
        protection: What it has against a stampede; empty where there is nothing to measure.
    """

    distribution: ClassVar[str]
    configured: ClassVar[str]
    protection: ClassVar[str]

    def __init__(self, addr: str) -> None: ...

    @property
    def ways(self) -> Sequence[Way[object]]:
        """How it reads a key that is there, without anything but the key in hand."""
        ...

    def store(self, key: str) -> None:
        """Store ``VALUE``."""

    def load(self, key: str, loader: Callable[[], object]) -> object:
        """Return the value, loaded if need be, with what the cache has against a stampede."""

    def close(self) -> None:
        """Close its connections."""


class AsyncContender(Protocol):
    """The same for asyncio; made while the event loop runs."""

    distribution: ClassVar[str]
    configured: ClassVar[str]
    protection: ClassVar[str]

    def __init__(self, addr: str) -> None: ...

    @property
    def ways(self) -> Sequence[Way[Awaitable[object]]]:
        """How it reads a key that is there, without anything but the key in hand."""
        ...

    async def store(self, key: str) -> None:
        """Store ``VALUE``."""

    async def load(self, key: str, loader: Callable[[], Awaitable[object]]) -> object:
        """Return the value, loaded if need be, with what the cache has against a stampede."""

    async def aclose(self) -> None:
        """Close its connections."""


def no_hit() -> NoReturn:
    """Load, where a hit was to be measured."""
    raise AssertionError("the key was there, and yet it is being loaded")


async def async_no_hit() -> NoReturn:
    """Load, where a hit was to be measured."""
    no_hit()
