"""The environment that most tests of the bundle read."""

from __future__ import annotations

import pytest


@pytest.fixture
def environment(addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Settings of a default instance and of one called ``analytics``, both with notes."""
    for name, value in {
        "REDIS_ADDR": addr,
        "REDIS_KEY_PREFIX": prefix,
        "REDIS_NOTES_LIMIT": "100",
        "REDIS_ANALYTICS_ADDR": addr,
        "REDIS_ANALYTICS_KEY_PREFIX": f"{prefix}-analytics",
        "REDIS_ANALYTICS_NOTES_LIMIT": "9",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch
