"""Header fields as ASGI has them, and what they hold; no text raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias

Fields: TypeAlias = Sequence[tuple[bytes, bytes]]

LONGEST_SECONDS: Final = 2**31
"""What RFC 9111 says to take for a number of seconds that is larger."""

_DIRECTIVE: Final = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*)))?"
)


def values(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """Return the values of the lines called *name*, which is in lower case."""
    return [value for each, value in fields if each.lower() == name]


def has(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> bool:
    """Tell whether there is a line called *name*, which is in lower case."""
    return any(each.lower() == name for each, _ in fields)


def line(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """Return all lines called *name* as the one that they stand for; empty for none."""
    return b", ".join(values(fields, name))


def names(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """Return what the list *name* holds, in lower case."""
    parts = line(fields, name).decode("latin-1").split(",")
    return [part for each in parts if (part := each.strip().lower())]


def seconds(text: str | None) -> int:
    """Return a number of seconds; 0 for what is none, as RFC 9111 advises to take it for stale."""
    if text is None or not (text.isascii() and text.isdigit()):
        return 0
    return LONGEST_SECONDS if len(text) > 10 else min(int(text), LONGEST_SECONDS)


def moment(text: bytes) -> float | None:
    """Return an HTTP date as seconds since 1970; ``None`` for what is none."""
    try:
        found = parsedate_to_datetime(text.decode("latin-1"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def http_date(when: float) -> str:
    """Return a moment as HTTP writes it."""
    return datetime.fromtimestamp(when, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


class Directives:
    """The directives of ``Cache-Control``; names that are not known are there as well."""

    def __init__(self, fields: Iterable[tuple[bytes, bytes]], name: bytes = b"cache-control") -> None:
        """Read the lines called *name*."""
        self._given: dict[str, list[str | None]] = {}
        for word, quoted, plain in _DIRECTIVE.findall(line(fields, name).decode("latin-1")):
            self._given.setdefault(word.lower(), []).append(quoted or plain or None)

    def __contains__(self, directive: str) -> bool:
        return directive in self._given

    def __bool__(self) -> bool:
        return bool(self._given)

    def seconds(self, directive: str) -> int | None:
        """Return the argument of a directive, the smallest where it is repeated; ``None`` without one."""
        given = self._given.get(directive)
        return None if given is None else min(map(seconds, given))
