"""A real fault for each word of the table of reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.faults import at_the_server, on_the_way
from tests.faults.fault import Fault

FAULTS: Final[Sequence[Fault]] = (*on_the_way.FAULTS, *at_the_server.FAULTS)

BY_USE: Final = {
    "timeout",
    "deadline",
    "pool-timeout",
    "closed",
    "event-loop",
    "wrong-type",
    "unknown-command",
}
"""The words for how a client or a store is used, each with a test of its own."""
