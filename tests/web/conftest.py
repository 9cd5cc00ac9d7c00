"""Sites of either world and what they have left in Redis; containers that are shut down in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.cache_keys import Counter
from tests.session_stores import Traces
from tests.web.applications import NewContainer, container_for
from tests.web.session_sites import WORLDS, Site, site


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> str:
    """Each test runs behind uvicorn and behind waitress."""
    name: str = request.param
    return name


@pytest.fixture
def new_site(world: str, addr: str, prefix: str) -> Iterator[Callable[..., Site]]:
    """Return a site that is served until the test ends."""
    there = addr
    with ExitStack() as serving:

        def new_site(*, addr: str = there, **settings: Any) -> Site:
            return serving.enter_context(site(world, addr, prefix, **settings))

        yield new_site


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    """What sessions have left in Redis."""
    return Traces(admin, prefix)


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedServer]:
    """A server that nobody else uses meanwhile: its reads are counted."""
    with EmbeddedServer() as embedded:
        yield embedded


@pytest.fixture
def count(own_server: EmbeddedServer, prefix: str) -> Iterator[Counter]:
    """What the stores of this test send to that server."""
    with ServerWatch(own_server.addr, client_name=prefix) as watch:
        yield Counter(watch)


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
