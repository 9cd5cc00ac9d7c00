"""A response as it is stored, and back from any bytes."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from typing import Any, Final

from modkit_redis.web.caching.asked import Asked, selected
from modkit_redis.web.caching.fields import Fields

_HEAD: Final = struct.Struct(">3sI")
_MAGIC: Final = b"RC\x01"


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A complete response.

    Attributes:
        status: Its status.
        fields: Its header fields, without those of one connection, ``Date`` and ``Age``.
        body: Its content.
        stored: When it was stored, in seconds since 1970.
        age: How old it was then, in seconds.
        lifetime: For how many seconds from then it is fresh.
        vary: Names of the request's fields that select it.
        selects: A digest of the values that they had.
    """

    status: int
    fields: Fields = field(repr=False)
    body: bytes = field(repr=False)
    stored: float
    age: int
    lifetime: float
    vary: tuple[str, ...]
    selects: str

    def age_at(self, now: float) -> int:
        """Return how old it is, in whole seconds; clocks that differ make nothing younger."""
        return self.age + max(0, int(now - self.stored))

    def is_for(self, asked: Asked) -> bool:
        """Tell whether the fields that select it have the values that they had."""
        return selected(asked.fields, self.vary) == self.selects

    def is_fresh(self, now: float) -> bool:
        """Tell whether it is fresh; so does the TTL of its key, but that may be longer for a moment."""
        return now - self.stored < self.lifetime

    def suits(self, asked: Asked, now: float) -> bool:
        """Tell whether it is as young, and will be fresh for as long, as the request wants."""
        if asked.max_age is not None and (asked.max_age == 0 or self.age_at(now) > asked.max_age):
            return False
        return self.lifetime - max(0.0, now - self.stored) >= asked.min_fresh

    def dumps(self) -> bytes:
        """Return it as bytes."""
        about = {
            "status": self.status,
            "fields": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.fields],
            "stored": self.stored,
            "age": self.age,
            "lifetime": self.lifetime,
            "vary": self.vary,
            "selects": self.selects,
        }
        head = json.dumps(about, separators=(",", ":")).encode()
        return _HEAD.pack(_MAGIC, len(head)) + head + self.body

    @classmethod
    def loads(cls, raw: object) -> StoredResponse | None:
        """Return what ``dumps`` made bytes of; ``None`` for anything else."""
        if not isinstance(raw, bytes) or raw[:3] != _MAGIC or len(raw) < _HEAD.size:
            return None
        start = _HEAD.size + _HEAD.unpack_from(raw)[1]
        try:
            return cls._of(json.loads(raw[_HEAD.size : start]), raw[start:])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            return None

    @classmethod
    def _of(cls, about: Any, body: bytes) -> StoredResponse:
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in about["fields"]]
        stored, lifetime = float(about["stored"]), float(about["lifetime"])
        if not math.isfinite(stored + lifetime):
            raise ValueError("no time")
        return cls(
            status=int(about["status"]),
            fields=fields,
            body=body,
            stored=stored,
            age=int(about["age"]),
            lifetime=lifetime,
            vary=tuple(map(str, about["vary"])),
            selects=str(about["selects"]),
        )
