"""How long a command may keep its reply back because it was asked to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final


def _last_argument(command: Sequence[Any]) -> float:
    return float(command[-1])


def _first_argument(command: Sequence[Any]) -> float:
    return float(command[1])


def _last_argument_ms(command: Sequence[Any]) -> float:
    return float(command[-1]) / 1000


def _block_option_ms(command: Sequence[Any]) -> float | None:
    for index, argument in enumerate(command[:-1]):
        if argument in _BLOCK:
            return float(command[index + 1]) / 1000
    return None


_BLOCK: Final = ("BLOCK", b"BLOCK", "block", b"block")
_ASKED: Final = {
    "BLPOP": _last_argument,
    "BRPOP": _last_argument,
    "BLMOVE": _last_argument,
    "BRPOPLPUSH": _last_argument,
    "BZPOPMIN": _last_argument,
    "BZPOPMAX": _last_argument,
    "BLMPOP": _first_argument,
    "BZMPOP": _first_argument,
    "WAIT": _last_argument_ms,
    "WAITAOF": _last_argument_ms,
    "XREAD": _block_option_ms,
    "XREADGROUP": _block_option_ms,
}
BLOCKING: Final[dict[Any, Callable[[Sequence[Any]], float | None]]] = {
    **_ASKED,
    **{name.lower(): asked for name, asked in _ASKED.items()},
    **{name.encode(): asked for name, asked in _ASKED.items()},
}
"""The commands that may wait on the server, with how to find out how long."""


def reply_timeout(command: Sequence[Any], read_timeout: float | None) -> float | None:
    """Return how long to wait for the reply to *command*, in seconds; ``None`` for ever.

    It is the read timeout, after the wait that a blocking command asks for. One that asks to wait for ever
    has no bound.
    """
    find = BLOCKING.get(command[0])
    if find is None or read_timeout is None:
        return read_timeout
    try:
        asked = find(command)
    except (ValueError, TypeError, IndexError):  # the server will refuse it
        return read_timeout
    if asked is None:
        return read_timeout
    return asked + read_timeout if asked > 0 else None
