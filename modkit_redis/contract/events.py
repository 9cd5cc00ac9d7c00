"""What stores tell those who count and trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import timedelta
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

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
"""Every kind of event of a cache store."""

CACHE_MEANINGS: Final[Mapping[CacheEventKind, str]] = MappingProxyType(
    {
        "hit": "A fresh value was found and returned.",
        "stale-hit": "A value was returned after its TTL: while a new one is loaded, or because that failed.",
        "early-refresh": "A fresh value was returned, and a new one is loaded in the background already.",
        "miss": "No value was found that could be returned.",
        "load": "A loader gave a value; `took` says how long that took.",
        "load-error": "A loader raised; `took` and `error` say more.",
        "fill-refused": "A loaded value was not stored: its key was written or removed, or the lease ended.",
        "wait": "A call waited while another process loaded; `took` says how long.",
        "takeover": "A call loads because another's load left no value: it failed, died, or was made void.",
        "degraded": "Redis did not answer, or refused, and the work went on without it; `error` says why.",
        "undecodable": "What is stored is no value of this store, or not of the type that was asked for.",
    }
)
"""When there is an event of each kind."""


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
    key: str = dataclass_field(repr=False)
    took: timedelta | None = None
    error: BaseException | None = dataclass_field(default=None, repr=False)


CacheEvents: TypeAlias = Callable[[CacheEvent], object]
"""What is called with each event, in the middle of the work.

It must be quick, and must not ask the store. What it raises is logged.
"""


SessionEventKind: TypeAlias = Literal[
    "created",
    "rotated",
    "bound",
    "destroyed",
    "revoked",
    "rejected",
    "reuse",
    "lost",
    "conflict",
    "undecodable",
    "degraded",
]
"""Every kind of event of a session store."""

SESSION_MEANINGS: Final[Mapping[SessionEventKind, str]] = MappingProxyType(
    {
        "created": "A session began.",
        "rotated": "The token of a session was replaced.",
        "bound": "A user was signed in.",
        "destroyed": "A session was ended by who had its token, or the one before it.",
        "revoked": "A session was ended by its handle: by `revoke`, by `revoke_all`, or as one too many.",
        "rejected": "A token opened or ended nothing: malformed (then without a handle), ended, or made up.",
        "reuse": "A token was used that was replaced and works no more: by a late request, or a thief.",
        "lost": "Changes were dropped: the session had ended, or its token was replaced.",
        "conflict": "A strict save was refused: somebody else had changed the session first.",
        "undecodable": "A value, or the whole session, could not be read; `field` says which value.",
        "degraded": "Opening, touching or renewing failed, and the work went on without; `error` says why.",
    }
)
"""When there is an event of each kind."""


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """Something that happened in a session store; it never holds a token.

    Attributes:
        kind: A word for programs: ``created``, ``rotated``, ``rejected``, …
        handle: The session's public handle, if there is one.
        field: Key of the value, of ``undecodable``.
        error: What was raised, of ``degraded``; not part of the representation.
    """

    kind: SessionEventKind
    handle: str | None = None
    field: str | None = None
    error: BaseException | None = dataclass_field(default=None, repr=False)


SessionEvents: TypeAlias = Callable[[SessionEvent], object]
"""What is called with each event of sessions, in the middle of the work.

It must be quick, and must not ask the store. What it raises is logged.
"""
