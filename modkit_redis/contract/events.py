"""What stores tell those who count and trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

CacheEventKind: TypeAlias = Literal[
    "hit",
    "stale-hit",
    "early-refresh",
    "miss",
    "load",
    "load-error",
    "fill-refused",
    "wait",
    "takeover",
    "degraded",
    "undecodable",
]
"""Every kind of event there is."""


@dataclass(frozen=True, slots=True)
class CacheEvent:
    """Something that happened in a cache store.

    Attributes:
        kind: A word for programs: ``hit``, ``miss``, ``load``, …
        key: The key as the caller named it; not part of the representation.
        took: How long it took: of ``load`` and ``load-error`` the loading, of ``wait`` the waiting.
        error: What was raised, of ``load-error`` and ``degraded``; not part of the representation.
    """

    kind: CacheEventKind
    key: str = field(repr=False)
    took: timedelta | None = None
    error: BaseException | None = field(default=None, repr=False)


CacheEvents: TypeAlias = Callable[[CacheEvent], object]
"""What is called with each event, in the middle of the work: it must be quick. What it raises is logged."""
