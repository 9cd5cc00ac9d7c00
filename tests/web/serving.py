"""Applications behind real servers on free ports: uvicorn for ASGI, waitress for WSGI, each in a thread."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeAlias

import httpx
import uvicorn
from waitress.server import create_server  # type: ignore[import-untyped]  # it has no annotations

from tests.support import wait_until

HOST: Final = "127.0.0.1"
THREADS: Final = 8
_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx would read certificates for each client

Closer: TypeAlias = Callable[[], Awaitable[object]]


class _Uvicorn(uvicorn.Server):
    """Runs *closers* in its own event loop when all else has ended: clients of that loop are closed there."""

    def __init__(self, config: uvicorn.Config, closers: tuple[Closer, ...]) -> None:
        super().__init__(config)
        self._closers = closers

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:  # noqa: ASYNC110  # another thread sets it
            await asyncio.sleep(0.005)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for close in self._closers:
            await close()


def http_client(url: str) -> httpx.Client:
    """Return a client for one server; a context manager."""
    return httpx.Client(base_url=url, verify=_NO_TLS, timeout=20)


@contextmanager
def serving_asgi(app: Any, *closers: Closer) -> Iterator[str]:
    """Serve an ASGI application with uvicorn, and give its URL, without a slash at the end.

    What it needs from an event loop must be made at its first request or in its lifespan, and may be closed
    by *closers*, which run in the server's loop. WebSockets are at the same address.
    """
    listener = _listener()
    config = uvicorn.Config(
        app, log_config=None, access_log=False, ws="websockets-sansio", timeout_graceful_shutdown=2
    )
    server = _Uvicorn(config, closers)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "uvicorn has started", 10)
        assert server.started, "the application's lifespan did not start"
        yield _url(listener)
    finally:
        server.should_exit = True
        _join(thread)
        listener.close()


@contextmanager
def serving_wsgi(app: Any, *closers: Callable[[], object]) -> Iterator[str]:
    """Serve a WSGI application with waitress, and give its URL, without a slash at the end.

    *closers* are called when all requests have ended.
    """
    listener = _listener()
    server: Any = create_server(app, sockets=[listener], threads=THREADS, clear_untrusted_proxy_headers=True)
    over = threading.Event()
    thread = threading.Thread(target=_run_waitress, args=(server, over), daemon=True)
    thread.start()
    try:
        yield _url(listener)
    finally:
        over.set()
        with suppress(OSError):  # it has closed already
            server.pull_trigger()
        _join(thread)
        for close in closers:
            close()


def _run_waitress(server: Any, over: threading.Event) -> None:
    while not over.is_set():
        server.asyncore.loop(timeout=1, map=server._map, count=1)
    server.task_dispatcher.shutdown()
    server.asyncore.close_all(server._map)


def _listener() -> socket.socket:
    # With the protocol named, asyncio sends small answers at once; without, it would wait for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind((HOST, 0))
    listener.listen(128)
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def _join(thread: threading.Thread) -> None:
    thread.join(20)
    assert not thread.is_alive(), "the server does not end"
