"""Which errors of a store pass by themselves."""

from __future__ import annotations

from typing import Final

from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError


def is_outage(error: StoreUnavailableError | CommandRefusedError) -> bool:
    """Tell whether *error* will pass by itself; a mistake of the application's does not."""
    if isinstance(error, StoreUnavailableError):
        return error.reason not in _MISTAKES
    return error.reason in _PASSING


_MISTAKES: Final = frozenset({"closed", "event-loop"})
_PASSING: Final = frozenset({"readonly", "oom", "misconf", "noreplicas", "busy", "masterdown"})
