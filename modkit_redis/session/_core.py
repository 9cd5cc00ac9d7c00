"""Decisions of the session store: what a session in Redis says, and when it is touched.

A session is one hash, so that each script has one key. Times are milliseconds since 1970, by the server's
clock alone::

    f  layout, 1                 c  begun            u      user, if one is signed in
    h  verifier of the token     l  last seen        ip     address, likewise
    p  verifier replaced last    x  deadline         ua…ud  agent, likewise, 64 bytes each
    pu until when that works     i  idle time, ms    .k     the value under the key "k"
    v  version                   r  token replaced
    w  nonces of 3 last writes   g  how often
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final, NamedTuple

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.session import SessionInfo, SessionPatch
from modkit_redis.contract.values import Duration
from modkit_redis.session.tokens import Credential

AGENT: Final = ("ua", "ub", "uc", "ud")
"""The fields that hold the agent, one after the other."""

_AGENT_FIELDS: Final = tuple(name.encode() for name in AGENT)
_YEAR_9999: Final = 253_370_764_800_000

_EPOCH: Final = datetime.fromtimestamp(0, UTC)


def check_save(patch: SessionPatch, expect: int | None, *, rotate: bool, grace: Duration | None) -> None:
    """Check what a save was asked for.

    Raises:
        ArgumentError: If an argument cannot be used, or two contradict each other.
    """
    if not isinstance(patch, SessionPatch):
        raise ArgumentError("patch", f"must be a SessionPatch, not {type(patch).__name__}")
    if expect is not None and (type(expect) is not int or not 0 <= expect < 2**53):
        raise ArgumentError("expect", "must be the version of a StoredSession, or None for any")
    if grace is not None and not rotate:
        raise ArgumentError("grace", "is for a token that is replaced: give rotate=True as well")


class Record(NamedTuple):
    """A session as it is in Redis.

    Attributes:
        handle: Its handle.
        version: The number of its last change.
        verifier: That of its present token.
        created_ms: When it began.
        seen_ms: When it was last seen.
        deadline_ms: When it ends at the latest.
        idle_ms: How long it may be idle.
        replaced_ms: When its token was replaced, or made.
        held: All its fields; what not every request needs is read from them when it is asked for.
    """

    handle: str
    version: int
    verifier: bytes
    created_ms: int
    seen_ms: int
    deadline_ms: int
    idle_ms: int
    replaced_ms: int
    held: Mapping[bytes, bytes]

    def __repr__(self) -> str:
        return f"Record({self.handle!r}, version={self.version})"  # the rest is a user's, or a secret

    @property
    def user(self) -> str | None:
        """Who is signed in."""
        return _text(self.held.get(b"u"))

    @property
    def address(self) -> str | None:
        """From where."""
        return _text(self.held.get(b"ip"))

    @property
    def agent(self) -> str | None:
        """With what program."""
        parts = [self.held[name] for name in _AGENT_FIELDS if name in self.held]
        return _text(b"".join(parts)) if parts else None

    def payloads(self) -> dict[str, bytes]:
        """Return its values, as they are stored."""
        return {
            name[1:].decode("utf-8", "replace"): value
            for name, value in self.held.items()
            if name[:1] == b"."
        }

    def due_ms(self, interval_ms: int) -> int:
        """Return how long ago it must have been seen to be touched, where that is *interval_ms* for others.

        It keeps the idle time with which it began, and must not end between two touches.
        """
        return interval_ms if interval_ms < self.idle_ms else self.idle_ms // 4

    def is_due(self, due_ms: int, now_ms: int) -> bool:
        """Tell whether to touch it: it was not seen for so long, or the server's clock was set back."""
        return not -due_ms < now_ms - self.seen_ms < due_ms or now_ms >= self.deadline_ms

    def is_alive(self, now_ms: int) -> bool:
        """Tell whether it should not have ended yet."""
        return now_ms < min(self.seen_ms + self.idle_ms, self.deadline_ms)

    def is_opened_by(self, credential: Credential) -> bool:
        """Tell whether the token is the present one."""
        return hmac.compare_digest(self.verifier, credential.verifier)

    def info(self) -> SessionInfo:
        """Return what applications may know."""
        times = moment(self.created_ms), moment(self.seen_ms), moment(self.deadline_ms)
        return SessionInfo(self.handle, *times, self.user, self.address, self.agent)


def moment(ms: int) -> datetime:
    """Return the time that *ms* since 1970 stands for."""
    return _EPOCH + timedelta(0, 0, 0, ms)  # by name, it takes twice as long


class UnreadableError(ValueError):
    """There is something, but no session of this layout."""


def record_in(handle: str, pairs: Sequence[bytes] | dict[bytes, bytes]) -> Record | None:
    """Return the session that a hash holds, or ``None`` for no hash.

    Args:
        handle: Its handle.
        pairs: Fields and values in turn; from a client that speaks RESP3, a dictionary.

    Raises:
        UnreadableError: If it is no session of this layout.
    """
    if not pairs:
        return None
    held = pairs if isinstance(pairs, dict) else dict(zip(pairs[::2], pairs[1::2], strict=False))
    if held.get(b"f") != b"1":
        raise UnreadableError("another layout")
    try:
        created = held[b"c"]
        return Record(
            handle,
            int(held[b"v"]),
            held[b"h"],
            _ms(created),
            _ms(held[b"l"]),
            _ms(held[b"x"]),
            _ms(held[b"i"]),
            _ms(held.get(b"r", created)),
            held,
        )
    except (KeyError, ValueError) as error:
        raise UnreadableError("a field is missing, or none of ours") from error.with_traceback(None)


def _ms(field: bytes) -> int:
    ms = int(field)
    if not 0 < ms < _YEAR_9999:
        raise ValueError
    return ms


def _text(field: bytes | None) -> str | None:
    return field.decode(errors="replace") or None if field is not None else None


class Status(IntEnum):
    """What came of a script; see the scripts."""

    GONE = 0
    DONE = 1
    RETIRING = 2
    RETIRED = -1
    NO_FURTHER = -2
    CONFLICT = -3
