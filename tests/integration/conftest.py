"""What the tests against a real server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy


@pytest.fixture
def proxy(addr: str) -> Iterator[Proxy]:
    """A proxy of this test's own, in front of the server of this run."""
    with Proxy(addr) as proxy:
        yield proxy
