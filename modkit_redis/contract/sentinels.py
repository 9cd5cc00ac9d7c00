"""Values that stand for the absence of one; each is told by ``is``."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias

from modkit_redis.contract.values import Duration


class Miss(Enum):
    """The type of ``MISS``."""

    MISS = "MISS"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


class NoExpiry(Enum):
    """The type of ``NO_EXPIRY``."""

    NO_EXPIRY = "NO_EXPIRY"

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


MISS: Final = Miss.MISS
"""There is no such entry. A cached ``None`` is an entry."""

NO_EXPIRY: Final = NoExpiry.NO_EXPIRY
"""The entry stays until it is deleted or evicted; said in place of a TTL, never assumed."""

Lifetime: TypeAlias = Duration | NoExpiry
"""How long an entry lives."""
