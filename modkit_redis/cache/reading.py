"""What a read makes of what it found, and of an outage."""

from __future__ import annotations

from typing import Final

from modkit_redis.cache._core import Absence, Entry
from modkit_redis.cache.codec import JSON, MSGPACK, Codec, Encoded, UndecodableError
from modkit_redis.cache.telling import Teller
from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.outages import is_outage

NO_VALUE: Final = object()
"""Stands for a value that cannot be returned; ``None`` and ``MISS`` may be values to somebody."""

TROUBLE: Final = (StoreUnavailableError, CommandRefusedError)
"""What any exchange with Redis may raise."""

_NONE: Final = ((JSON, b"null"), (MSGPACK, b"\xc0"))  # a `None` as either codec writes it


class Reader:
    """Decodes values, and knows what an outage is to be to a read."""

    def __init__(self, codec: Codec, tell: Teller, *, outage_is_miss: bool) -> None:
        """Take what the settings say.

        Args:
            codec: Decodes values.
            tell: Is told of what could not be read.
            outage_is_miss: Whether a read that gets no answer is a miss.
        """
        self._codec, self._tell, self._outage_is_miss = codec, tell, outage_is_miss

    def decoded(self, found: Entry | Encoded, key: str, type: object, *, or_none: bool = False) -> object:
        """Return the value, decoded for this caller alone, or ``NO_VALUE``.

        Args:
            found: What was found.
            key: What the caller calls it.
            type: What it is read as.
            or_none: Whether it may be ``None`` as well.
        """
        if or_none and (found.codec, found.payload) in _NONE:
            return None
        try:
            return self._codec.decode(found.codec, found.compressor, found.payload, type)
        except UndecodableError:
            self._tell("undecodable", key)
            return NO_VALUE

    def missed(self, error: StoreUnavailableError | CommandRefusedError, key: str) -> Absence:
        """Tell another type of value, and an outage if the settings say so, from what is to be raised."""
        if error.reason == "wrong-type":
            return Absence.WRONG_TYPE
        if not (self._outage_is_miss and is_outage(error)):
            raise error
        self._tell("degraded", key, error=error)
        return Absence.UNREACHABLE
