"""Tells an application's hook what happens in a cache store."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Final

from modkit_redis.contract.events import CacheEvent, CacheEventKind, CacheEvents
from modkit_redis.kernel.hooks import call_hook, check_hook

_LOG: Final = logging.getLogger("modkit_redis.cache")


def report_hidden(error: BaseException) -> None:
    """Log that *error* kept a value from being loaded, where the caller is not to see it."""
    # By name alone: its text and its traceback may hold what was being loaded.
    _LOG.warning("a value could not be loaded: %s", type(error).__name__)


class Teller:
    """Calls a hook with events; without one, nothing is made."""

    def __init__(self, hook: CacheEvents | None) -> None:
        """Take the hook, if there is one.

        Raises:
            ArgumentError: If it cannot be called, or would have to be awaited.
        """
        check_hook(hook, CacheEvent)
        self._hook = hook

    def __call__(
        self,
        kind: CacheEventKind,
        key: str,
        began: float | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Tell of an event.

        Args:
            kind: Its word.
            key: The key as the caller named it.
            began: When what took its time began, by ``time.monotonic``.
            error: What was raised.
        """
        if self._hook is None:
            return
        took = None if began is None else timedelta(seconds=time.monotonic() - began)
        call_hook(self._hook, CacheEvent(kind, key, took, error), _LOG)
