"""The whole tour: a server, both worlds, and proof that nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from typing import Final

import redis

from modkit_redis import RedisSettings
from modkit_redis.cache.entries.scripts import ACQUIRE, FILL
from modkit_redis.client.lifecycle import open_client
from modkit_redis.contract import ModkitRedisError
from modkit_redis.demo import _async, _sync
from modkit_redis.demo.app import App, AsyncApp
from modkit_redis.demo.screen import Screen
from modkit_redis.demo.stage import Stage
from modkit_redis.ratelimit.scripts import DECIDE
from modkit_redis.session.index.scripts import LIST_IN
from modkit_redis.session.records.scripts import CREATE, DESTROY, SAVE, TOUCH
from modkit_redis.testing import EmbeddedServer, ServerWatch

_CREDENTIALS: Final = ("REDIS_USERNAME", "REDIS_PASSWORD")
_SCRIPTS: Final = (ACQUIRE, FILL, CREATE, TOUCH, SAVE, DESTROY, LIST_IN, DECIDE)


def run(addr: str | None, screen: Screen) -> None:
    """Run the tour.

    Args:
        addr: The server to use; an embedded one when omitted.
        screen: Where it is shown.

    Raises:
        ModkitRedisError: If there is no server, or something did not give the result it must.
        redis.RedisError: If the server cannot do what the tour needs.
    """
    if addr is None:
        with EmbeddedServer() as server:
            _show(_settings({"REDIS_ADDR": server.addr}), screen, "an embedded ")
        screen.fact("the embedded server is stopped", good=True)
    else:
        credentials = {name: os.environ[name] for name in _CREDENTIALS if name in os.environ}
        _show(_settings({"REDIS_ADDR": addr, **credentials}), screen)
    screen.say("\nEverything was as it should be.")


def _settings(environ: dict[str, str]) -> RedisSettings:
    """Return settings with a key prefix and a client name that nobody else has."""
    mine = f"modkit-demo-{secrets.token_hex(3)}"
    own = {"REDIS_KEY_PREFIX": mine, "REDIS_CLIENT_NAME": mine, "REDIS_PING_TIMEOUT": "2s"}
    return RedisSettings.from_env({**environ, **own})


def _show(settings: RedisSettings, screen: Screen, kind: str = "") -> None:
    with (
        ServerWatch(settings, client_name=settings.client_name) as watch,
        _swept(settings) as admin,
    ):
        server = f"{kind}{_product(admin)} at {settings.addr}"
        screen.say(f"modkit-redis {version('modkit-redis')} on {server}")
        for script in _SCRIPTS:  # else whoever is first sends it whole: a page of text
            admin.script_load(script.source)
        stage = Stage(screen, watch)
        screen.heading("Sync: RedisBundle gives a redis.Redis")
        _sync.run(App(settings=settings), stage)
        screen.heading("Async: AsyncRedisBundle gives a redis.asyncio.Redis")
        asyncio.run(_async.run(AsyncApp(settings=settings), stage))
        screen.heading("Afterwards")
        stage.check_connections(0)
        stage.check("keys of the tour at the server", list(_keys(admin, settings)), [])


@contextmanager
def _swept(settings: RedisSettings) -> Generator[redis.Redis]:
    """Give a client to look with; delete what the tour leaves when it does not reach its end."""
    with closing(open_client(replace(settings, client_name="modkit-demo-admin"))) as admin:
        try:
            yield admin
        except BaseException:
            with suppress(ModkitRedisError, redis.RedisError):  # there is a better error to tell of
                for key in _keys(admin, settings):
                    admin.unlink(key)
            raise


def _keys(admin: redis.Redis, settings: RedisSettings) -> Iterator[bytes]:
    yield from admin.scan_iter(match=f"{settings.key_prefix}:*", count=1000)


def _product(admin: redis.Redis) -> str:
    """Return what the server says it is."""
    info = admin.info("server")
    valkey = info.get("valkey_version")
    return f"Valkey {valkey}" if valkey else f"Redis {info['redis_version']}"
