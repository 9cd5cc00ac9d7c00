"""What ``get_or_set`` is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from modkit_redis.cache._core import Entry, Plan
from modkit_redis.cache.codec import Encoded
from modkit_redis.cache.reading import Reader


class Request(NamedTuple):
    """A value that is asked for.

    Attributes:
        key: What the caller calls it.
        name: Its key in Redis.
        loader: Loads it; in the one world its result is the value, in the other it is awaited.
        plan: How fresh it has to be.
        type: What it is read as.
    """

    key: str
    name: str
    loader: Callable[[], object]
    plan: Plan
    type: object

    def decoded(self, read: Reader, found: Entry | Encoded) -> object:
        """Return the value as it was asked for, or ``NO_VALUE``."""
        # That nothing was found is what a negative TTL wants cached, whatever the type.
        return read.decoded(found, self.key, self.type, or_none=self.plan.negative_ms is not None)
