"""The scripts by which entries are taken, stored and given back, and what they answer."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Literal, NamedTuple, TypeAlias

from modkit_redis.cache._core import Entry
from modkit_redis.client.executor import load_script

ACQUIRE: Final = load_script(__package__, "acquire.lua")
FILL: Final = load_script(__package__, "fill.lua")
RELEASE: Final = load_script(__package__, "release.lua")
RENEW: Final = load_script(__package__, "renew.lua")
STORE: Final = load_script(__package__, "store.lua")
TOUCH: Final = load_script(__package__, "touch.lua")

FreshAtMost: TypeAlias = float | Literal["new"]
"""How fresh a value may be, in milliseconds, and still be taken; or any that another is replacing."""


class Status(IntEnum):
    """What came of asking for the lease of an entry; see ``acquire.lua``."""

    HELD = 0
    TAKEN = 1
    TAKEN_OVER_VALUE = 2
    TAKEN_FROM_DEAD = 3
    VALUE = 4
    FAILED = 5


class Answer(NamedTuple):
    """The answer to asking for a lease.

    Attributes:
        status: What came of it.
        found: The value, if it is not to be loaded now.
        generation: The present generation; empty where there are none.
    """

    status: Status
    found: Entry | None
    generation: bytes
