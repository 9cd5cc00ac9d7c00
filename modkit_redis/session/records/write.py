"""One write of a session, which takes effect once however often it is sent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from modkit_redis.client.executor import Argument
from modkit_redis.contract.session import SessionToken
from modkit_redis.session._core import Status
from modkit_redis.session.tokens import Credential


@dataclass(slots=True)  # frozen, it would take three times as long to make
class Write:
    """What is to be written; values are encoded already.

    Attributes:
        sets: Values to store by their keys.
        deletes: Keys to remove.
        takes: Keys whose values are to be returned and removed.
        about: Fields beside the values: who is signed in. Those that are empty are removed.
        token: The token from then on, if it is to be replaced.
        grace_ms: How long the replaced one still works.
        is_renewal: Whether not to mind that the token was replaced a moment ago already.
        expect: The version that the session must have.
        nonce: By which a second try is known.
    """

    sets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    deletes: Sequence[str] = ()
    takes: Sequence[str] = ()
    about: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    token: SessionToken | None = None
    grace_ms: int = 0
    is_renewal: bool = False
    expect: int | None = None
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(6), repr=False)

    def fields(self) -> list[Argument]:
        """Return the fields to set, each before its value."""
        fields: list[Argument] = []
        for name, value in self.about.items():
            if value:
                fields += (name, value)
        for key, value in self.sets.items():
            fields += (f".{key}", value)
        return fields

    def arguments(self, credential: Credential, new: Credential | None) -> list[Argument]:
        """Return the arguments of ``save.lua``, for who has *credential* and is to have *new*."""
        fields = self.fields()
        removed = [f".{key}" for key in self.deletes]
        removed += [name for name, each in self.about.items() if not each]
        return [
            credential.verifier,
            self.nonce,
            "" if self.expect is None else self.expect,
            new.verifier if new else b"",
            self.grace_ms,
            int(self.is_renewal),
            len(fields) // 2,
            *fields,
            len(removed),
            *removed,
            *[f".{key}" for key in self.takes],
        ]


class Saved(NamedTuple):
    """The answer to a write.

    Attributes:
        status: What came of it.
        version: The number of the change.
        taken: The values that were taken, in the order in which they were asked for.
    """

    status: Status
    version: int
    taken: Sequence[bytes | None]

    def __repr__(self) -> str:
        return f"Saved({self.status!r}, {self.version})"  # what was taken is a user's
