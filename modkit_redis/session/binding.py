"""Who is signed in with a session, from where and with what program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.session._core import AGENT

LONGEST_USER: Final = 256
"""Bytes of the longest name of a user."""

_LONGEST_ADDRESS: Final = 64
_PART: Final = 64
"""Bytes of the longest field with which Redis still keeps a hash in its compact form."""

_LONGEST_AGENT: Final = _PART * len(AGENT)


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
            for name, at in zip(AGENT, range(0, _LONGEST_AGENT, _PART), strict=True)
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
