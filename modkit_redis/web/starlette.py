"""The life of a container as the lifespan of a Starlette or FastAPI application."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from inspect import isawaitable
from typing import Any, Protocol, TypeAlias

from starlette.types import Lifespan

from modkit_redis.kernel import wire_strict

__all__ = ["lifespan"]

Own: TypeAlias = Callable[[Any], AbstractAsyncContextManager[Any]]
"""An application's own lifespan, as the framework takes it."""


class Drains(Protocol):
    """What is to be told first when the application ends, as a ``Readiness`` is."""

    def drain(self) -> None:
        """Be told."""


def lifespan(
    container: Any,
    own: Own | None = None,
    *,
    modules: Iterable[types.ModuleType | str] | None = None,
    packages: Iterable[types.ModuleType | str] | None = None,
    readiness: Drains | None = None,
) -> Lifespan[Any]:
    """Return a lifespan that opens the resources of *container* and closes them after the last request.

    ``FastAPI(lifespan=lifespan(container))``. If a resource cannot be opened, those that were are closed,
    what is still being opened is cancelled, and its error is raised, so that the server does not start. An
    error while closing is raised as well, and the server reports it.

    A server that is told to end finishes the requests that have begun, for as long as its own settings say,
    and ends the lifespan after them. It works for a container of either world.

    Args:
        container: The application's container.
        own: A lifespan of the application's own; it runs inside, so that it can use the resources.
        modules: Modules to wire first, by ``wire_strict``; where this and *packages* are omitted, nothing is.
        packages: Packages to wire with all that is below them.
        readiness: Told to be no longer ready before anything is closed.
    """

    @asynccontextmanager
    async def run(app: Any) -> AsyncIterator[Any]:
        if modules is not None or packages is not None:
            wire_strict(container, modules=modules, packages=packages)
        async with _resources(container), own(app) if own else nullcontext() as state:
            try:
                yield state
            finally:
                if readiness is not None:
                    readiness.drain()

    return run


@asynccontextmanager
async def _resources(container: Any) -> AsyncIterator[None]:
    try:
        await _open(container)
    except BaseException as error:
        await _close_after(error, container)
        raise
    try:
        yield
    except BaseException as error:
        await _close_after(error, container)
        raise
    await _close(container)


async def _open(container: Any) -> None:
    """Open what *container* holds; when this ends, nothing is being opened any more."""
    before, opening = asyncio.all_tasks(), set[asyncio.Task[Any]]()
    try:
        try:
            pending = container.init_resources()
        finally:
            # Its tasks begin below; if one fails, dependency-injector leaves the others alone.
            opening = asyncio.all_tasks() - before
        if isawaitable(pending):
            await pending
    except BaseException:
        for each in opening:
            each.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        raise


async def _close(container: Any) -> None:
    pending = container.shutdown_resources()
    if isawaitable(pending):
        await pending


async def _close_after(error: BaseException, container: Any) -> None:
    """Close, and add to *error* what could not be closed."""
    try:
        await _close(container)
    except Exception as another:  # noqa: BLE001  # the first error is raised, and says so
        error.add_note(f"after that, not everything was closed: {type(another).__name__}: {another}")
