"""How long a call waits for a free connection, as it needs time for the server as well."""

from __future__ import annotations

import time

import pytest

from modkit_redis.client.pools import longest_wait


@pytest.mark.parametrize(
    ("wait", "left", "expected"),
    [
        (5, None, 5),
        (5, 100, 5),
        (5, 4, 3),  # a quarter of the time is left for the server
        (0, 4, 0),
        (5, 0, 0),
        (5, -1, 0),
    ],
)
def test_a_wait_is_bounded_by_the_pool_and_by_a_part_of_the_deadline(
    monkeypatch: pytest.MonkeyPatch, wait: float, left: float | None, expected: float
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)

    assert longest_wait(wait, None if left is None else 1000.0 + left) == expected
