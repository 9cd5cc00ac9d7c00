"""What type checkers see. mypy and pyright check this file, and an unneeded ``type: ignore`` is an error."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import assert_type

import pytest
import redis
import redis.asyncio
from dependency_injector import containers

from modkit_redis import AsyncRedisBundle, AsyncRedisModule, RedisBundle, RedisModule, mount
from modkit_redis.contract import NotExportedError

CONFIG = {"addr": "localhost:6379"}
NAMED = {**CONFIG, "named": {"analytics": CONFIG}}


class App(containers.DeclarativeContainer):
    redis = mount(RedisBundle.named("analytics"), config=NAMED)
    base = mount(RedisModule, config=CONFIG)
    aredis = mount(AsyncRedisBundle, config=CONFIG)
    abase = mount(AsyncRedisModule, config=CONFIG)


def test_a_mounted_module_has_its_own_types() -> None:
    app = App()

    assert_type(app.redis.client(), redis.Redis)
    assert_type(app.base.client(), redis.Redis)
    assert_type(app.redis.key_prefix(), str)
    assert_type(app.redis.init_resources(), None)
    assert_type(app.redis.shutdown_resources(), None)
    assert isinstance(app.redis.client(), redis.Redis)


async def test_a_mounted_async_module_has_its_own_types() -> None:
    app = App()

    client = app.abase.client()
    closing = app.aredis.shutdown_resources()

    await assert_type(closing, Awaitable[None])
    assert isinstance(assert_type(client, redis.asyncio.Redis), redis.asyncio.Redis)


def test_a_misspelled_export_is_an_error_for_type_checkers_and_when_it_runs() -> None:
    app = App()

    with pytest.raises(NotExportedError, match="RedisBundle has no 'clinet'"):
        app.redis.clinet  # type: ignore[attr-defined]  # noqa: B018  # the mistake


async def test_a_forgotten_await_is_an_error_for_type_checkers() -> None:
    module = AsyncRedisModule(config=CONFIG)

    with pytest.warns(RuntimeWarning, match="never awaited"):
        module.shutdown_resources()  # type: ignore[unused-awaitable]  # the mistake

    await module.shutdown_resources()


def test_replies_keep_redis_pys_types(addr: str, prefix: str) -> None:
    module = RedisModule(config={"addr": addr})

    reply = module.client().exists(prefix)

    assert_type(reply, int)
    assert reply == 0
    module.shutdown_resources()
