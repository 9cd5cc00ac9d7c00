"""An application that answers as it is told and counts its answers, behind a response cache."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import redis

from modkit_redis import AsyncRedisBundle
from modkit_redis.web.asgi import ResponseCacheMiddleware
from tests.support import delete_below, wait_until
from tests.web.serving import Closer, serving_asgi

HEADERS = {"accept-encoding": "identity", "host": "shop.example"}  # the same in front of every server
Lines = Sequence[tuple[str, str]]


@dataclass
class Reply:
    """What to answer: with a body that tells how many there were before, where none is given."""

    lines: Lines = ()
    status: int = 200
    body: bytes | None = None
    gate: threading.Event | None = None


@dataclass
class Origin:
    """The application."""

    replies: dict[str, Reply] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    asked: list[Any] = field(default_factory=list)

    def reply(self, path: str, *lines: tuple[str, str], **reply: Any) -> None:
        """Answer so from now on."""
        self.replies[path] = Reply(lines, **reply)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        path = scope["path"]
        self.made[path] += 1
        self.asked.append(scope)
        reply = self.replies.get(path, Reply())
        body = f"{path} {self.made[path]}".encode() if reply.body is None else reply.body
        while reply.gate is not None and not reply.gate.is_set():  # noqa: ASYNC110  # another thread opens it
            await asyncio.sleep(0.005)
        lines = [(name.encode(), value.encode("latin-1")) for name, value in reply.lines]
        if not any(name.lower() == b"content-length" for name, _ in lines):
            lines.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": lines})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


@dataclass(frozen=True)
class Site:
    """The application at an address of its own."""

    origin: Origin
    client: httpx.Client
    prefix: str

    def forget(self, admin: redis.Redis) -> None:
        """Be as at the beginning."""
        delete_below(admin, self.prefix)
        self.client.cookies.clear()
        for each in (self.origin.replies, self.origin.made, self.origin.asked):
            each.clear()

    def get(self, path: str, **lines: str) -> httpx.Response:
        """Ask for a path, with header fields whose names have underscores here."""
        return self.client.get(path, headers=_lines(lines))

    def head(self, path: str, **lines: str) -> httpx.Response:
        """Likewise, for the header alone."""
        return self.client.head(path, headers=_lines(lines))


def _lines(given: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in given.items()}


def told(response: httpx.Response) -> str:
    """Return what ``Cache-Status`` says, without the name."""
    name, _, rest = response.headers["cache-status"].partition("; ")
    assert name == "modkit-redis"
    return str(rest)


class Stores:
    """Opens the store when it is first asked for, in the loop that asks; ``close`` belongs there as well."""

    def __init__(self, addr: str, prefix: str, **client: Any) -> None:
        cache = {"default_ttl": "1m", **client.pop("cache", {})}
        self._config = {"addr": addr, "key_prefix": prefix, "client_name": prefix, "cache": cache, **client}
        self._bundle: AsyncRedisBundle | None = None

    def __call__(self) -> Any:
        """Return the store."""
        return self._opened().cache.store()

    def sessions(self) -> Any:
        """Return the one of sessions."""
        return self._opened().session.store()

    def _opened(self) -> AsyncRedisBundle:
        if self._bundle is None:
            self._bundle = AsyncRedisBundle(config=self._config)
        return self._bundle

    async def close(self) -> None:
        """Close it."""
        if self._bundle is not None:
            await self._bundle.shutdown_resources()


@contextmanager
def site(
    addr: str,
    prefix: str,
    *,
    origin: Origin | None = None,
    inside: Callable[[Any], Any] = lambda app: app,
    outside: Callable[[Any], Any] = lambda app: app,
    settings: dict[str, Any] | None = None,
    closers: Sequence[Closer] = (),
    **options: Any,
) -> Iterator[Site]:
    """Serve an application behind a response cache with *options*."""
    origin = origin or Origin()
    stores = Stores(addr, prefix, **(settings or {}))
    app = ResponseCacheMiddleware(inside(origin), store=stores, **{"ttl": 60, **options})
    with (
        serving_asgi(outside(app), stores.close, *closers) as url,
        httpx.Client(base_url=url, timeout=20, headers=HEADERS) as client,
    ):
        yield Site(origin, client, prefix)


def entries(admin: redis.Redis, prefix: str) -> list[bytes]:
    """Return the keys of what is stored, be it a response or that there is none."""
    found = admin.scan_iter(f"{prefix}:cache:response-*")
    return [key for key in found if b"response-group-" not in key]


def responses(admin: redis.Redis, prefix: str) -> list[bytes]:
    """Return the responses that are stored, as bytes of Redis."""
    found: list[Any] = [admin.get(key) for key in entries(admin, prefix)]
    return [raw for raw in found if raw and b"RC\x01" in raw]


def until_noted(admin: redis.Redis, prefix: str) -> None:
    """Wait until it is known of one response that it cannot be stored."""

    def is_noted() -> bool:
        found: list[Any] = [admin.getrange(key, 3, 3) for key in entries(admin, prefix)]
        return b"V" in found

    wait_until(is_noted, "that is stored", 10)


def until_made(origin: Origin, path: str, times: int) -> None:
    """Wait until the application was asked so often."""
    wait_until(lambda: origin.made[path] >= times, f"{path} was asked for {times} times", 10)
