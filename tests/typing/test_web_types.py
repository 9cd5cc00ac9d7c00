"""What type checkers see of ``Inject``."""

from __future__ import annotations

from typing import Any, assert_type

import redis.asyncio
from dependency_injector import containers

from modkit_redis import RedisBundle, mount
from modkit_redis.cache import RedisCacheStore
from modkit_redis.contract import AsyncCacheStore, AsyncRateLimitStore, AsyncSessionStore
from modkit_redis.web.fastapi import Inject


class App(containers.DeclarativeContainer):
    redis = mount(RedisBundle, config={"addr": "localhost:6379"})


def test_a_token_of_the_default_instance_has_the_type_of_what_it_stands_for() -> None:
    client = Inject["redis.client"]

    assert assert_type(client, redis.asyncio.Redis) is client
    assert_type(Inject["redis.key_prefix"], str)
    assert_type(Inject["redis.cache.store"], AsyncCacheStore)
    assert_type(Inject["redis.session.store"], AsyncSessionStore)
    assert_type(Inject["redis.ratelimit.store"], AsyncRateLimitStore)


def test_another_id_may_be_anything() -> None:
    assert_type(Inject["redis.analytics.cache.store"], Any)


def test_a_provider_has_the_type_of_what_it_provides() -> None:
    assert_type(Inject[App.redis.cache.store], RedisCacheStore)


def test_a_parameter_of_another_type_is_an_error_for_type_checkers() -> None:
    async def route(store: AsyncSessionStore = Inject["redis.cache.store"]) -> None:  # type: ignore[assignment]  # the mistake
        ...

    assert callable(route)
