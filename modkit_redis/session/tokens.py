"""What a token is and what it proves, and the handle that it begins with.

A token is ``handle.secret``: 16 and 32 random bytes in URL-safe base64. Its verifier is the SHA-256 of the
secret, which is nowhere else.
"""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.session import HANDLE_LENGTH, SessionToken

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
