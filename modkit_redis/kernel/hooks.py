"""Hooks that applications give to stores to hear of events."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from logging import Logger
from typing import TypeVar

from modkit_redis.contract.errors import ArgumentError

E = TypeVar("E")


def check_hook(hook: object, event: type) -> None:
    """Check what an application gave to be called with each *event*; ``None`` is nothing.

    Raises:
        ArgumentError: If it cannot be called, or would have to be awaited.
    """
    if hook is not None and (not callable(hook) or inspect.iscoroutinefunction(hook)):
        raise ArgumentError(
            "events", f"must be a plain function that takes a {event.__name__}, no `async def`"
        )


def call_hook(hook: Callable[[E], object], event: E, log: Logger) -> None:
    """Call *hook*; what it raises is logged by name, and breaks nothing."""
    try:
        hook(event)
    except Exception as raised:  # noqa: BLE001  # counting must not break what is counted
        log.error("an events hook raised %s", type(raised).__name__)
