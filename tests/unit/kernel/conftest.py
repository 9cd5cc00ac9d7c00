"""What holds after each test of the kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modkit_redis.kernel.closing import CLOSE_REPORT


@pytest.fixture(autouse=True)
def no_close_error_waits() -> Iterator[None]:
    """Every failed close was reported to someone."""
    yield
    assert not any(CLOSE_REPORT.failures.values())
