"""How long a command may keep its reply back because it was asked to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final


def _last_argument(command: Sequence[Any]) -> float:
    return float(command[-1])


def _first_argument(command: Sequence[Any]) -> float:
    return float(command[1])


def _last_argument_ms(command: Sequence[Any]) -> float:
    return float(command[-1]) / 1000


def _block_option_ms(command: Sequence[Any]) -> float | None:
    index = 1
    while index < len(command) - 1:
        argument = command[index]
        option = argument.upper() if isinstance(argument, bytes) else str(argument).upper().encode()
        if option == b"STREAMS":  # what follows are names, and one may be called as an option
            break
        if option == b"BLOCK":
            return float(command[index + 1]) / 1000
        index += _PARTS.get(option, 1)
    return None


_FOREVER: Final = 1e9  # seconds; a socket's timeout cannot hold much more
_PARTS: Final = {b"GROUP": 3, b"COUNT": 2}
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
    if asked is None or not 0 <= asked < math.inf:  # likewise
        return read_timeout
    return asked + read_timeout if 0 < asked < _FOREVER else None
