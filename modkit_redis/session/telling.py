"""Tells an application's hook what happens in a session store."""

from __future__ import annotations

import logging
from typing import Final

from modkit_redis.contract.events import SessionEvent, SessionEventKind, SessionEvents
from modkit_redis.kernel.hooks import call_hook, check_hook

_LOG: Final = logging.getLogger("modkit_redis.session")


class Teller:
    """Calls a hook with events; without one, nothing is made."""

    def __init__(self, hook: SessionEvents | None) -> None:
        """Take the hook, if there is one.

        Raises:
            ArgumentError: If it cannot be called, or would have to be awaited.
        """
        check_hook(hook, SessionEvent)
        self._hook = hook

    def __call__(
        self,
        kind: SessionEventKind,
        handle: str | None,
        field: str | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Tell of an event; see ``SessionEvent``. What cannot be read is logged as well: data may be lost."""
        if kind == "undecodable":
            _LOG.warning("session %s: %s cannot be read", handle, "it" if field is None else repr(field))
        if self._hook is not None:
            call_hook(self._hook, SessionEvent(kind, handle, field, error), _LOG)
