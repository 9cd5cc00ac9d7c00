"""What is asked of each session store, and the session it is asked for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Sequence
from enum import Enum
from typing import Any, ClassVar, Final, Protocol

from benchmarks.timing import Way

IDLE_S: Final = 1800
ABSOLUTE_S: Final = 43200
PER_USER: Final = 5


class Row(Enum):
    """What is measured. In each row, all begin with nothing but the token of a session that there is."""

    LOAD = "load"
    """Verify the token, return all values decoded."""

    SAVE = "load + save"
    """The same, then change one value."""

    LOGIN = "login"
    """The same, for a session of nobody: note a user, and replace the token."""

    LISTED_LOGIN = "login, listed"
    """The same, and list the session among those of the user."""


Ways = Sequence[tuple[Row, Way[object]]]
AsyncWays = Sequence[tuple[Row, Way[Awaitable[object]]]]


DATA: Final[dict[str, Any]] = {
    "user_id": 184467,
    "csrf": "pO3cJ0mWq7Zt5yXvB1nKdE9hRsGuLf",
    "cart": [{"sku": "A-1042", "n": 2}, {"sku": "B-77", "n": 1}],
    "seen": 1767225600,
}
"""129 bytes as compact JSON. What is changed is ``seen``; the others stay as they are."""

ENCODED: Final = json.dumps(DATA, separators=(",", ":")).encode()


class Contender(Protocol):
    """A session store, or redis-py itself, on connections of its own.

    It is asked for sessions by the name of a caller, whose tokens it keeps.

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

    def begin(self, caller: str) -> None:
        """Begin a session with ``DATA`` for *caller*."""

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

    async def begin(self, caller: str) -> None:
        """Begin a session with ``DATA`` for *caller*."""

    async def aclose(self) -> None:
        """Close its connections."""


class Callers:
    """The tokens that callers have, and what they have changed."""

    def __init__(self) -> None:
        self.token: dict[str, str] = {}
        self._seen: dict[str, int] = {}
        self._nobody: dict[str, list[str]] = {}
        self._users = itertools.count()

    def began(self, caller: str, token: str) -> None:
        """Note the session of *caller*."""
        self.token[caller] = token
        self._seen[caller] = DATA["seen"]

    def next_seen(self, caller: str, found: object) -> int:
        """Return what *caller* is to store next, after checking that what was *found* is the last of it."""
        if found != self._seen[caller]:
            raise AssertionError(f"{caller} found {found}, and had stored {self._seen[caller]}")
        self._seen[caller] += 1
        return self._seen[caller]

    def wait(self, caller: str, token: str) -> None:
        """Note a session of nobody, for *caller* to sign in to."""
        self._nobody.setdefault(caller, []).append(token)

    def sign_in(self, caller: str) -> tuple[str, str]:
        """Return the token of a session of nobody, and a user who never signed in before."""
        return self._nobody[caller].pop(), f"user-{next(self._users)}"
