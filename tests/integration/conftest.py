"""What the tests against a real server share."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy


@pytest.fixture
def proxy(addr: str) -> Iterator[Proxy]:
    """A proxy of this test's own, in front of the server of this run."""
    with Proxy(addr) as proxy:
        yield proxy


@pytest.fixture
def chance() -> random.Random:
    """Randomness that a failed test tells the seed of."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201  # pytest shows it when the test fails
    return random.Random(seed)
