"""Decisions of the session store: what a token is, what a session in Redis says, when it is touched.

A session is one hash, so that each script has one key. Times are milliseconds since 1970, by the server's
clock alone::

    f  layout, 1                 c  begun            u      user, if one is signed in
    h  verifier of the token     l  last seen        ip     address, likewise
    p  verifier replaced last    x  deadline         ua…ud  agent, likewise, 64 bytes each
    pu until when that works     i  idle time, ms    .k     the value under the key "k"
    v  version                   r  token replaced
    w  nonces of 3 last writes   g  how often

A token is ``handle.secret``: 16 and 32 random bytes in URL-safe base64. Its verifier is the SHA-256 of the
secret, which is nowhere else.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from hashlib import sha256
from typing import Final, NamedTuple

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.session import HANDLE_LENGTH, SessionInfo, SessionPatch, SessionToken
from modkit_redis.contract.values import Duration

LONGEST_USER: Final = 256
"""Bytes of the longest name of a user."""

_LONGEST_ADDRESS: Final = 64
_LONGEST_AGENT: Final = 256
_PART: Final = 64
"""Bytes of the longest field with which Redis still keeps a hash in its compact form."""

_AGENT: Final = ("ua", "ub", "uc", "ud")
_AGENT_FIELDS: Final = tuple(name.encode() for name in _AGENT)
_YEAR_9999: Final = 253_370_764_800_000

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_HANDLE: Final = rf"[A-Za-z0-9_-]{{{HANDLE_LENGTH}}}"
_HANDLE_ALONE: Final = re.compile(_HANDLE)
_TOKEN: Final = re.compile(rf"({_HANDLE})\.([A-Za-z0-9_-]{{43}})")


class Credential(NamedTuple):
    """What a token proves; the secret itself is not in it.

    Attributes:
        handle: The session.
        verifier: Hash of the secret.
    """

    handle: str
    verifier: bytes

    def __repr__(self) -> str:
        return f"Credential({self.handle!r})"


def new_token() -> SessionToken:
    """Return a token that nobody can guess, for a session that there is not yet."""
    return _token(_random_text(16))


def next_token(handle: str) -> SessionToken:
    """Return another token for the session *handle*."""
    return _token(handle)


def _token(handle: str) -> SessionToken:
    return SessionToken(f"{handle}.{_random_text(32)}")


def _random_text(length: int) -> str:
    return urlsafe_b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()


class Presented(NamedTuple):
    """What a caller gave as a token.

    Attributes:
        credential: What it proves; ``None`` if it has not the shape of a token.
        token: The token, if it has.
        kind: The name of its class; ``str`` for any text.
    """

    credential: Credential | None
    token: SessionToken | None
    kind: str

    def checked(self) -> Presented:
        """Return this.

        Raises:
            ArgumentError: If it was no text. Whoever calls this has dropped what was given: a traceback
                with local variables would show it.
        """
        if self.kind not in ("str", "NoneType"):
            raise ArgumentError("token", f"must be text, or None for no token, not {self.kind}")
        return self

    def required(self) -> tuple[Credential, SessionToken]:
        """Return what it proves, and the token.

        Raises:
            ArgumentError: If it has not the shape of a token.
        """
        self.checked()
        if self.credential is None or self.token is None:
            raise ArgumentError("token", "is none: it must be what create() or session.token gave")
        return self.credential, self.token


def presented(token: object) -> Presented:
    """Return what *token* is; this never raises."""
    if not isinstance(token, str):
        return Presented(None, None, type(token).__name__)
    found = _TOKEN.fullmatch(token)
    if found is None:
        return Presented(None, None, "str")
    handle, secret = found.groups()
    known = token if type(token) is SessionToken else SessionToken(token)
    return Presented(Credential(handle, sha256(secret.encode()).digest()), known, "str")


def proof(token: SessionToken) -> Credential:
    """Return what a token of ours proves."""
    credential, _ = presented(token).required()
    return credential


@dataclass(frozen=True, slots=True)
class GivenHandle:
    """What a caller gave as a handle; it may have been a whole token.

    Attributes:
        handle: The handle; ``None`` if it has not the shape of one.
        is_none: Whether nothing was given.
    """

    handle: str | None
    is_none: bool

    def required(self, called: str) -> str:
        """Return the handle.

        Raises:
            ArgumentError: If there is none.
        """
        if self.handle is None:
            raise ArgumentError(called, "must be the handle of a session, such as session.info.handle")
        return self.handle

    def optional(self, called: str) -> str | None:
        """Return the handle, or ``None`` if nothing was given.

        Raises:
            ArgumentError: If what was given is none.
        """
        return None if self.is_none else self.required(called)


def handle_in(given: object) -> GivenHandle:
    """Return what *given* is; this never raises."""
    is_one = isinstance(given, str) and _HANDLE_ALONE.fullmatch(given) is not None
    return GivenHandle(str(given) if is_one else None, given is None)


def check_save(patch: SessionPatch, expect: int | None, *, rotate: bool, grace: Duration | None) -> None:
    """Check what a save was asked for.

    Raises:
        ArgumentError: If an argument cannot be used, or two contradict each other.
    """
    if not isinstance(patch, SessionPatch):
        raise ArgumentError("patch", f"must be a SessionPatch, not {type(patch).__name__}")
    if expect is not None and (not isinstance(expect, int) or isinstance(expect, bool)):
        raise ArgumentError("expect", "must be the version of a StoredSession, or None for any")
    if grace is not None and not rotate:
        raise ArgumentError("grace", "is for a token that is replaced: give rotate=True as well")


def checked_user(user: str) -> str:
    """Return *user* if it can be one.

    Raises:
        ArgumentError: If it is no text, empty or too long.
    """
    if not isinstance(user, str):
        raise ArgumentError("user", f"must be text, not {type(user).__name__}: write str(user.id)")
    if not user or len(user.encode(errors="replace")) > LONGEST_USER:
        raise ArgumentError("user", f"must be text of 1 to {LONGEST_USER} bytes")
    if user != user.encode(errors="replace").decode():
        raise ArgumentError("user", "must be text that UTF-8 can encode")
    return user


@dataclass(frozen=True, slots=True)
class Binding:
    """Who is to be signed in.

    Attributes:
        user: The user.
        address: From where.
        agent: With what program.
    """

    user: str = field(repr=False)
    address: str | None = field(default=None, repr=False)
    agent: str | None = field(default=None, repr=False)

    def fields(self) -> dict[str, bytes]:
        """Return the fields that say so; what is not known replaces what was known of another sign-in."""
        agent = (self.agent or "").encode()
        parts = {
            name: agent[at : at + _PART]
            for name, at in zip(_AGENT, range(0, _LONGEST_AGENT, _PART), strict=True)
        }
        return {"u": self.user.encode(), "ip": (self.address or "").encode(), **parts}


def binding(user: str, address: str | None, agent: str | None) -> Binding:
    """Return who is to be signed in.

    Raises:
        ArgumentError: If an argument cannot be used.
    """
    for name, value in (("address", address), ("agent", agent)):
        if value is not None and not isinstance(value, str):
            raise ArgumentError(name, f"must be text, not {type(value).__name__}")
    return Binding(checked_user(user), _cut(address, _LONGEST_ADDRESS), _cut(agent, _LONGEST_AGENT))


def _cut(text: str | None, longest: int) -> str | None:
    # Clients choose these: what UTF-8 cannot encode must not keep anybody from signing in.
    return (text or "").encode(errors="replace")[:longest].decode(errors="ignore") or None


def check_same_user(present: str | None, user: str) -> None:
    """Refuse to sign *user* in where another is.

    Raises:
        ArgumentError: If *present* is another user.
    """
    if present not in (None, user):
        raise ArgumentError("user", "is not the one who is signed in: destroy() the session first, then bind")


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
