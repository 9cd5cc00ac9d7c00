"""Containers that are shut down in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.web.applications import NewContainer, container_for


@pytest.fixture
async def new_container(addr: str, prefix: str) -> AsyncIterator[NewContainer]:
    """Return a new container, of the test's server and prefix unless it says otherwise."""
    made: list[Any] = []
    there, below = addr, prefix

    def new_container(*, addr: str = there, prefix: str = below, **more: Any) -> Any:
        made.append(container_for(addr, prefix, **more))
        return made[-1]

    yield new_container
    for each in made:
        each.unwire()
        await each.shutdown_resources()


@pytest.fixture
def container(new_container: NewContainer) -> Any:
    """A container of the test's server and prefix."""
    return new_container()
