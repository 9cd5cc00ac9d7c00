"""Two caches that are broken on purpose: tests of the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest import mock

from modkit_redis.cache.entries.scripts import FILL
from modkit_redis.cache.loads.flight import Outcome
from modkit_redis.client import Script

UNFENCED: Final = Script("fill", re.sub(r"if redis.pcall.*?end\n", "", FILL.source, count=1, flags=re.DOTALL))


@contextmanager
def mutated(mutant: str) -> Iterator[None]:
    """Break what the tests are to find broken."""
    with ExitStack() as stack:
        if mutant == "unfenced":
            assert UNFENCED.source != FILL.source
            for world in "sync", "async":
                stack.enter_context(mock.patch(f"modkit_redis.cache.entries._{world}.FILL", UNFENCED))
        elif mutant == "followers":
            stack.enter_context(mock.patch.object(Outcome, "is_for", return_value=True))
        yield
