"""Decisions of the cache: what bytes under a key mean, how fresh a value is, what a call asked for.

A value and the lease of whoever loads it live in one string, so that whatever replaces or removes the value
ends the lease as well. The string is 40 bytes and the payload; integers are unsigned and big-endian::

    0 magic (2)     4 codec         8 token of the lease (8)                28 grace, ms (4)
    2 format        5 compressor   16 end of the lease, ms since 1970 (8)   32 extra, ms (4)
    3 kind: V, L    6 reserved (2) 24 cost of loading, ms (4)               36 reserved (4)

Kind ``L`` is a lease alone, ``V`` a value. A token of ones stands for a load that failed. In format 2 the
generation (8) precedes the payload. The server's clock alone says how fresh a value is: for what is left of
the key's TTL, less ``extra``.
"""

from __future__ import annotations

import math
import random
import struct
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from modkit_redis.cache.codec import Encoded

LONGEST_KEY: Final = 1024
"""Bytes of the longest key, escaped and without the prefix."""

CHUNK: Final = 500
"""Keys per round trip of a bulk operation."""

NO_TOKEN: Final = bytes(8)

_HEADER: Final = struct.Struct(">3scBB2x8sQIII4x")
_PLAIN, _GENERATION = b"\xc5M\x01", b"\xc5M\x02"
LONGEST_KEPT_MS: Final = 2**32 - 1
"""For how long an entry may be kept, if that is longer than it is fresh: 49 days."""

NO_TTL: Final = -1
"""What ``PTTL`` gives for a key that does not expire."""

_GONE: Final = -2


class Absence(Enum):
    """Why there is no value."""

    GONE = "nothing is there, or what is there is hidden"
    HELD = "somebody loads it"
    FOREIGN = "other bytes are there"
    WRONG_TYPE = "another type of Redis value is there"
    UNREACHABLE = "Redis does not answer, and that is to count as a miss"


class Entry(NamedTuple):
    """A value as it was found.

    Attributes:
        codec: How it is written.
        compressor: How it is compressed.
        payload: The value.
        fresh_ms: For how long it is fresh; negative after that.
        extra_ms: How much longer than that Redis keeps it.
        cost_ms: How long loading it took.
        grace_ms: For how long it may be returned after that.
    """

    codec: int
    compressor: int
    payload: bytes
    fresh_ms: float
    extra_ms: int
    cost_ms: int
    grace_ms: int

    def __repr__(self) -> str:
        return "Entry(…)"  # the payload is a user's data


Found: TypeAlias = Entry | Absence


def entry_in(raw: bytes | None, pttl: int, generation: bytes) -> Found:
    """Return what *raw*, the bytes under a key, stand for.

    Args:
        raw: The bytes, or ``None`` for no key.
        pttl: The key's TTL as ``PTTL`` gives it, asked for before the bytes, so that an old value never looks
            fresh because a new one is about to take its place. ``NO_TTL`` if it does not matter.
        generation: The present generation (8 bytes); empty where there are none.
    """
    if raw is None or pttl == _GONE:
        return Absence.GONE
    if len(raw) < _HEADER.size:
        return Absence.FOREIGN
    magic, kind, codec, compressor, _, _, cost, grace, extra = _HEADER.unpack_from(raw)
    start = _HEADER.size
    if magic == _GENERATION and generation:
        start += 8
        if kind == b"V" and raw[_HEADER.size : start] != generation:
            return Absence.GONE
    elif magic != _PLAIN:
        return Absence.FOREIGN
    elif generation and kind == b"V":
        return Absence.GONE
    if kind != b"V":
        return Absence.HELD if kind == b"L" else Absence.FOREIGN
    fresh = math.inf if pttl == NO_TTL else pttl - extra
    return Entry(codec, compressor, raw[start:], fresh, extra, cost, grace)


def lease_bytes(token: bytes) -> bytes:
    """Return a lease alone, as it stands where there is no value."""
    return _HEADER.pack(_PLAIN, b"L", 0, 0, token, 0, 0, 0, 0)


def value_header(encoded: Encoded, grace_ms: int, *, cost_ms: int = 0, generations: bool = False) -> bytes:
    """Return what precedes the payload of a value, and its generation if it has one."""
    magic = _GENERATION if generations else _PLAIN
    cost = min(cost_ms, 2**32 - 1)
    return _HEADER.pack(magic, b"V", encoded.codec, encoded.compressor, NO_TOKEN, 0, cost, grace_ms, grace_ms)


class Plan(NamedTuple):
    """What a call asked for, in milliseconds.

    Attributes:
        ttl_ms: How long a value is fresh; 0 for no expiry.
        negative_ms: The same of a loaded ``None``; ``None``: as any value.
        stale_ms: How much longer it may be returned while a new one is loaded.
        error_ms: How much longer it may be returned if loading a new one fails.
        early: Whether to load a new one before it expires.
    """

    ttl_ms: int
    negative_ms: int | None
    stale_ms: int
    error_ms: int
    early: bool

    @property
    def timed(self) -> bool:
        """Whether one has to know how long a value has been stale, or will be fresh."""
        return self.early or self.stale_ms > 0 or self.error_ms > 0

    def grace_ms(self, ttl_ms: int) -> int:
        """Return how much longer than *ttl_ms* a value is kept."""
        return max(self.stale_ms, self.error_ms) if ttl_ms else 0

    def lifetime(self, value: object, jitter: int) -> int:
        """Return for how many milliseconds *value* will be fresh; 0 for ever."""
        ttl = self.negative_ms if value is None and self.negative_ms is not None else self.ttl_ms
        return max(1, ttl - int(ttl * jitter * random.random() / 100)) if ttl and jitter else ttl  # noqa: S311  # it guards nothing


class Verdict(Enum):
    """What may be done with a value."""

    FRESH = "return it"
    STALE = "return it, and load a new one in the background"
    FALLBACK = "return it if loading a new one fails"
    GONE = "nothing"


def judged(found: Found, plan: Plan) -> Verdict:
    """Return what a call that asked for *plan* may do with what it found."""
    if not isinstance(found, Entry):
        return Verdict.GONE
    if found.fresh_ms > 0:
        return Verdict.FRESH
    if -found.fresh_ms < min(found.grace_ms, plan.stale_ms):
        return Verdict.STALE
    if -found.fresh_ms < min(found.grace_ms, plan.error_ms):
        return Verdict.FALLBACK
    return Verdict.GONE


def expires_soon(entry: Entry) -> bool:
    """Decide at random whether to load a new value already, the likelier the nearer the end.

    XFetch with beta = 1: A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache Stampede
    Prevention", VLDB 2015.
    """
    return entry.cost_ms * -math.log(1 - random.random()) >= entry.fresh_ms  # noqa: S311  # it guards nothing
