"""The example application, served, and somebody who visits it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.webapps import visiting, webapp


@pytest.fixture
def url(addr: str, prefix: str) -> Iterator[str]:
    with webapp(addr, prefix) as url:
        yield url


@pytest.fixture
def visitor(url: str) -> Iterator[httpx.Client]:
    with visiting(url) as client:
        yield client
