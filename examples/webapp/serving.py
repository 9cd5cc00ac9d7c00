"""Serves the application until a signal comes; then neither it nor its server is left."""

from __future__ import annotations

import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import redis
import uvicorn

from examples.webapp.application import create_app
from examples.webapp.options import Options, Switch
from modkit_redis import RedisModule, RedisSettings
from modkit_redis.contract import ConfigError, ModkitRedisError
from modkit_redis.testing import EmbeddedServer

_PATIENCE = {"REDIS_DIAL_TIMEOUT": "1s", "REDIS_READ_TIMEOUT": "1s"}
_CREDENTIALS = ("REDIS_USERNAME", "REDIS_PASSWORD")


def serve(host: str, port: int, *, addr: str | None, without: frozenset[Switch]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        host: Where to listen.
        port: Where to listen; 0 for a free port.
        addr: The Redis server; an embedded one when omitted.
        without: What is left out.

    Raises:
        ModkitRedisError: If there is no Redis server, or its address cannot be one.
        OSError: If the port is taken.
    """
    signals = _Signals()
    with _listener(host, port) as listener, _server(addr) as redis_settings:
        options = Options(redis=redis_settings, without=without, is_shared=addr is not None)
        config = uvicorn.Config(
            create_app(options), log_level="warning", access_log=False, timeout_graceful_shutdown=2
        )
        if not signals.came:
            _Server(config, str(redis_settings.addr)).run([listener])


class _Signals:
    """Notes the signals that end the application; uvicorn sends them again when it has ended."""

    def __init__(self) -> None:
        self.came = False
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = True


class _Server(uvicorn.Server):
    """Says where it listens, as soon as it does."""

    def __init__(self, config: uvicorn.Config, redis: str) -> None:
        super().__init__(config)
        self.redis = redis

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            print(f"Open {url}\nRedis is at {self.redis}. Ctrl-C ends the application.", flush=True)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


@contextmanager
def _server(addr: str | None) -> Iterator[RedisSettings]:
    """Give settings with a prefix of their own; what is below it is deleted in the end."""
    if addr is None:
        with EmbeddedServer() as server:
            yield _settings({"REDIS_ADDR": server.addr})
        return
    settings = _settings(
        {"REDIS_ADDR": addr, **{name: os.environ[name] for name in _CREDENTIALS if name in os.environ}}
    )
    if settings.address.path:
        raise ConfigError("--addr", "must be HOST:PORT: a server cannot be watched at a unix socket")
    try:
        yield settings
    finally:
        with suppress(redis.RedisError, ModkitRedisError):
            _sweep(settings)


def _settings(environ: dict[str, str]) -> RedisSettings:
    mine = f"modkit-webapp-{secrets.token_hex(3)}"
    own = {"REDIS_KEY_PREFIX": mine, "REDIS_CLIENT_NAME": mine, **_PATIENCE}
    return RedisSettings.from_env({**environ, **own})


def _sweep(settings: RedisSettings) -> None:
    module = RedisModule(config=settings)
    client = module.client()
    for key in client.scan_iter(match=f"{settings.key_prefix}:*", count=1000):
        client.unlink(key)
    module.shutdown_resources()
