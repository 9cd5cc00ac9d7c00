"""Parsers that turn the text of a setting into its value, or say what to write instead.

Each also takes a value that has the right type already. None of them repeats the text in its
error: it may be a secret that was put into the wrong setting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final


class RefusedError(ValueError):
    """The text cannot be used.

    Attributes:
        reason: What is wrong and what to write instead, phrased to follow the setting's name.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def text(value: object) -> str:
    """Return text that is not empty."""
    if not isinstance(value, str):
        raise RefusedError(f"must be text, not {type(value).__name__}")
    if not value:
        raise RefusedError("is empty: write a value, or leave it out")
    if _SURROGATE.search(value):  # it would fail when it is sent, with an error that holds it
        raise RefusedError("must be text that UTF-8 can encode")
    return value


def path(value: object) -> Path:
    """Return the path of a file that this process can read."""
    found = value if isinstance(value, Path) else Path(text(value))
    try:
        readable = found.is_file() and os.access(found, os.R_OK)
    except OSError:  # too long a name: the file's content was given; the error would hold it
        readable = False
    if not readable:
        raise RefusedError("must be the path of a file that this process can read")
    return found


def boolean(value: object) -> bool:
    """Return what ``true`` or ``false``, ``yes`` or ``no``, ``on`` or ``off``, ``1`` or ``0`` says."""
    if isinstance(value, bool):
        return value
    said = _SAID.get(value.lower()) if isinstance(value, str) else None
    if said is None:
        raise RefusedError("must be 'true' or 'false'")
    return said


def integer(lowest: int, highest: int) -> Callable[[object], int]:
    """Return a parser of whole numbers from *lowest* to *highest*."""

    def parse(value: object) -> int:
        number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
        if not isinstance(number, int) or isinstance(number, bool) or not lowest <= number <= highest:
            raise RefusedError(f"must be a whole number from {lowest} to {highest}")
        return number

    return parse


def choice(*words: str) -> Callable[[object], str]:
    """Return a parser that takes one of *words*."""

    def parse(value: object) -> str:
        if value not in words:
            raise RefusedError(f"must be {' or '.join(map(repr, words))}")
        return str(value)

    return parse


def duration(value: object) -> timedelta:
    """Return a positive span of time, written with units: ``250ms``, ``5s``, ``1m30s``, ``12h``, ``7d``."""
    span = duration_or_zero(value)
    if not span:
        raise RefusedError(f"must be more than 0, {_FOR_EXAMPLE}")
    return span


def duration_or_zero(value: object) -> timedelta:
    """Return a span of time, written with units or as a plain ``0``."""
    if isinstance(value, timedelta):
        span = value
    elif isinstance(value, str):
        span = _span(value)
    else:
        raise RefusedError(f"must be text with a unit or a timedelta, {_FOR_EXAMPLE}")
    if not timedelta(0) <= span <= _LONGEST:
        raise RefusedError(f"must be from 0 to {_LONGEST.days} days, {_FOR_EXAMPLE}")
    return span


def _span(written: str) -> timedelta:
    if written == "0":
        return timedelta(0)
    if not (found := _SPAN.fullmatch(written)) or not written:
        has_no_unit = _NUMBER.fullmatch(written) is not None
        raise RefusedError(
            f"{'has no unit' if has_no_unit else 'is no duration'}: write it with units, {_FOR_EXAMPLE}"
        )
    amounts = {unit: float(amount) for unit, amount in found.groupdict().items() if amount}
    try:
        return timedelta(**amounts)
    except OverflowError:
        return timedelta.max


def in_text(value: object) -> str:
    """Return *value* as one would write it in a setting; empty for ``None``."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case timedelta():
            return _span_in_text(value)
        case _:
            return str(value)


def _span_in_text(span: timedelta) -> str:
    left, written = span // timedelta(microseconds=1), ""
    for unit, size in (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000)):
        amount, left = divmod(left, size)
        written += f"{amount}{unit}" if amount else ""
    return written + (f"{left / 1000:g}ms" if left else "") or "0"


_SAID: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_DIGITS: Final = re.compile(r"-?[0-9]{1,18}")
_AMOUNT: Final = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_NUMBER: Final = re.compile(rf"-?{_AMOUNT}")
_SPAN: Final = re.compile(
    "".join(
        rf"(?:(?P<{unit}>{_AMOUNT}){short})?"
        for unit, short in (
            ("days", "d"),
            ("hours", "h"),
            ("minutes", "m(?!s)"),
            ("seconds", "s"),
            ("milliseconds", "ms"),
        )
    )
)
_LONGEST: Final = timedelta(days=36_500)
_FOR_EXAMPLE: Final = "for example '250ms', '5s' or '1m30s'"
