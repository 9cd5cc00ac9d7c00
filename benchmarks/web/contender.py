"""What is asked of each application, and what makes one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Final, Protocol

IDLE_S: Final = 1800
ABSOLUTE_S: Final = 43200
QUOTA: Final = 1_000_000
LIMIT: Final = f"{QUOTA}/day"


class Row(Enum):
    """What a request does. Each is a ``GET`` that answers 200 with JSON."""

    BARE = "nothing"
    """Answers ``DATA``: what the framework costs by itself."""

    READ = "session, read"
    """Answers all values of the session."""

    WRITE = "session, write"
    """Counts up one value of the session."""

    LIMIT = "limit"
    """Counts against a limit of its client, is allowed, and tells what is left; answers ``DATA``."""

    BOTH = "session and limit"
    """Counts against a limit, and answers all values of the session."""


FIRST_SEEN: Final = 1767225600
DATA: Final[dict[str, Any]] = {
    "user_id": 184467,
    "csrf": "pO3cJ0mWq7Zt5yXvB1nKdE9hRsGuLf",
    "cart": [{"sku": "A-1042", "n": 2}, {"sku": "B-77", "n": 1}],
    "seen": FIRST_SEEN,
}
"""What a session holds: 129 bytes as compact JSON."""

Headers = Mapping[str, str]
"""By name, in lower case."""


class Contender(Protocol):
    """A library, or several, in one framework.

    Attributes:
        distributions: Their names on PyPI.
        configured: How it was set up, and why so.
        rows: What it does.
    """

    distributions: ClassVar[Sequence[str]]
    configured: ClassVar[str]
    rows: ClassVar[Sequence[Row]]

    def __init__(self, addr: str) -> None: ...

    def app(self, row: Row) -> Any:
        """Return an application of the framework, for one row; ASGI ones are opened by their lifespan."""
        ...

    def close(self) -> Awaitable[object] | None:
        """Close what no lifespan closes."""
        ...


def name_of(contender: type[Contender]) -> str:
    """Return how it is called in the tables."""
    return " + ".join(contender.distributions)


class Checker:
    """Refuses to measure a wrong answer."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def check(self, row: Row, caller: str, status: int, headers: Headers, body: bytes) -> bool:
        """Return whether it is right, and remember what was counted."""
        values = json.loads(body)
        if row is Row.WRITE:
            expected = self._seen[caller] = self._seen.get(caller, FIRST_SEEN) + 1
            right = values == {"seen": expected}
        else:
            right = values == DATA
        if row in (Row.LIMIT, Row.BOTH):
            right = right and 0 < remaining(headers) < QUOTA
        return right and status == 200


def remaining(headers: Headers) -> int:
    """Return what an answer says is left, by the draft's header or by the older one."""
    items = headers.get("ratelimit", "").split(";")
    told = [each.removeprefix("r=") for each in items if each.startswith("r=")]
    return int(told[0] if told else headers.get("x-ratelimit-remaining", "-1"))
