"""A feature that asks for a token which nothing provides."""

from __future__ import annotations

from dependency_injector.wiring import Provide, inject


@inject
def visit(page: str, client: object = Provide["redis.clinet"]) -> object:
    """Return what was injected: dependency-injector alone would leave the marker here, silently."""
    return client
