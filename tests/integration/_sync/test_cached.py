# Generated from ../_async/test_cached.py by .ci/unasync.py; do not edit.
"""Functions under ``@inject`` and ``@cached``, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from dependency_injector import containers

from modkit_redis import RedisBundle, cached, mount, wire_strict
from modkit_redis.contract import ArgumentError, CacheStore
from tests.support import feature

SOURCE = '''
calls = []

@inject
@cached(key=lambda user_id, lang: f"user:{user_id}:{lang}", ttl=60)
def find(user_id, lang="en", *, prefix=Provide["redis.key_prefix"], cache=Provide["redis.cache.store"]):
    """Find somebody."""
    calls.append((user_id, lang, prefix))
    return {"id": user_id, "lang": lang}

@inject
@cached(key=lambda user_id: f"nobody:{user_id}", negative_ttl=0.05, store="shelf")
def find_nobody(user_id, shelf=Provide["redis.cache.store"]):
    calls.append(user_id)

class Repository:
    @inject
    @cached(key=lambda user_id: f"user:{user_id}")
    def find(self, user_id, cache=Provide["redis.cache.store"]):
        calls.append(self)
        return user_id

@inject
@cached(key=lambda user_id: user_id)
def no_text(user_id, cache=Provide["redis.cache.store"]):
    calls.append(user_id)

@inject
@cached(key=lambda: "failing")
def failing(cache=Provide["redis.cache.store"]):
    calls.append("failing")
    raise LookupError("nobody")
'''


@pytest.fixture
def bundle(addr: str, prefix: str) -> Iterator[Any]:
    class App(containers.DeclarativeContainer):
        redis = mount(
            RedisBundle, config={"addr": addr, "key_prefix": prefix, "cache": {"default_ttl": "1m"}}
        )

    app = App()
    yield app
    app.unwire()
    app.redis.shutdown_resources()


@pytest.fixture
def users(bundle: Any) -> Any:
    module = feature(SOURCE, cached=cached)
    wire_strict(bundle, modules=[module])
    return module


def test_a_function_is_called_once_for_the_arguments_that_its_key_names(users: Any, prefix: str) -> None:
    found = [
        users.find(1),
        users.find(user_id=1),
        users.find(1, "en"),
        users.find(1, lang="de"),
    ]

    assert found == [{"id": 1, "lang": "en"}] * 3 + [{"id": 1, "lang": "de"}]
    assert users.calls == [(1, "en", prefix), (1, "de", prefix)]


def test_what_is_cached_is_found_and_deleted_by_its_key(users: Any, bundle: Any) -> None:
    store: CacheStore = bundle.redis.cache.store()
    users.find(1)

    assert store.get("user:1:en") == {"id": 1, "lang": "en"}
    assert store.delete("user:1:en") == 1
    users.find(1)
    assert len(users.calls) == 2


def test_the_ttl_is_that_of_the_decorator(users: Any, admin: redis.Redis, prefix: str) -> None:
    users.find(1)

    [key] = admin.keys(f"{prefix}:cache:*")
    assert 50_000 < int(admin.pttl(key)) <= 60_000


def test_a_method_is_cached_for_all_its_objects(users: Any) -> None:
    first, second = users.Repository(), users.Repository()

    assert [first.find(7), second.find(7)] == [7, 7]
    assert users.calls == [first]


def test_options_reach_the_store_of_another_name(users: Any, admin: redis.Redis, prefix: str) -> None:
    assert users.find_nobody(1) is None
    assert users.find_nobody(1) is None

    assert users.calls == [1]
    [key] = admin.keys(f"{prefix}:cache:*")
    assert int(admin.pttl(key)) <= 50


def test_an_error_is_not_cached(users: Any) -> None:
    for _ in range(2):
        with pytest.raises(LookupError):
            users.failing()

    assert users.calls == ["failing", "failing"]


def test_a_key_that_is_no_text_is_refused(users: Any) -> None:
    with pytest.raises(ArgumentError, match="key part must be text, not int"):
        users.no_text(5)

    assert users.calls == []


def test_a_stand_in_for_the_store_is_what_the_function_gets(users: Any, bundle: Any) -> None:
    class StandIn:
        def get_or_set(self, key: str, loader: Any, **options: Any) -> Any:
            return key, loader()

    with bundle.redis.cache.store.override(StandIn()):
        assert users.find(2) == ("user:2:en", {"id": 2, "lang": "en"})
