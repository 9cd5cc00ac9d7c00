"""Containers for FastAPI and Starlette applications, and clients that call these without a server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import httpx
from dependency_injector import containers, providers

from modkit_redis import AsyncRedisBundle, mount, wire_strict


class App(containers.DeclarativeContainer):
    """An application's container; ``config`` is that of the bundle."""

    config = providers.Dependency(dict)
    redis = mount(AsyncRedisBundle, config=config)


def settings(addr: str, prefix: str, **more: Any) -> dict[str, Any]:
    """Return the configuration of a bundle whose keys and connections are a test's own."""
    return {
        "addr": addr,
        "key_prefix": prefix,
        "client_name": prefix,
        "cache": {"default_ttl": "5m"},
        "session": {"idle_ttl": "30m", "absolute_ttl": "12h", "per_user_max": 10},
        "ratelimit": {"limit": "default=3/minute"},
        **more,
    }


def container_for(addr: str, prefix: str, **more: Any) -> Any:
    """Return a container of such a bundle."""
    return App(config=settings(addr, prefix, **more))


def wired(container: Any, *modules: Any) -> None:
    """Wire *container* to modules or their names."""
    found = [sys.modules[each] if isinstance(each, str) else each for each in modules]
    wire_strict(container, modules=found)


def calling(app: Any, **options: Any) -> httpx.AsyncClient:
    """Return a client that calls *app* in this event loop."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver", **options)


NewContainer = Callable[..., Any]
