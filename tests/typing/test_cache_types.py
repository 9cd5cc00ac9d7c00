"""What type checkers see of the cache: types that were asked for, types of loaders, protocols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_type

import pytest
from dependency_injector import containers

from modkit_redis import (
    AsyncRedisBundle,
    BundleSettings,
    CacheSettings,
    RedisBundle,
    RedisSettings,
    cached,
    mount,
)
from modkit_redis.cache import AsyncRedisCacheStore, RedisCacheStore
from modkit_redis.contract import (
    MISS,
    NO_EXPIRY,
    ArgumentError,
    AsyncCacheStore,
    CacheEvent,
    CacheStore,
    Miss,
    NoExpiry,
)
from tests.stand_ins import AsyncDictCache, DictCache


@dataclass
class User:
    name: str


class App(containers.DeclarativeContainer):
    redis = mount(RedisBundle)
    aredis = mount(AsyncRedisBundle)


@pytest.fixture
def app(addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> App:
    for name, value in {"ADDR": addr, "KEY_PREFIX": prefix, "CACHE_DEFAULT_TTL": "1m"}.items():
        monkeypatch.setenv(f"REDIS_{name}", value)
    return App()


@pytest.fixture
def store(app: App) -> Iterator[CacheStore]:
    yield app.redis.cache.store()
    app.redis.shutdown_resources()


def as_protocol(store: CacheStore) -> CacheStore:
    return store


def as_async_protocol(store: AsyncCacheStore) -> AsyncCacheStore:
    return store


async def test_a_mounted_store_has_its_own_type_and_is_what_the_protocol_wants(app: App) -> None:
    store, async_store = app.redis.cache.store(), app.aredis.cache.store()

    assert_type(store, RedisCacheStore)
    assert_type(async_store, AsyncRedisCacheStore)
    assert as_protocol(store) is store
    assert as_async_protocol(async_store) is async_store


def test_a_stand_in_is_what_the_protocol_wants() -> None:
    assert as_protocol(DictCache())
    assert as_async_protocol(AsyncDictCache())


def test_a_store_of_the_other_world_is_an_error_for_type_checkers(app: App) -> None:
    as_protocol(app.aredis.cache.store())  # type: ignore[arg-type]  # the mistake
    as_async_protocol(app.redis.cache.store())  # type: ignore[arg-type]  # the mistake


def test_a_value_of_a_type_is_narrowed_by_asking_whether_it_is_a_miss(store: CacheStore) -> None:
    pytest.importorskip("msgspec")
    store.set("ada", User("Ada"), type=User)

    found = store.get("ada", type=User)

    assert_type(found, User | Miss)
    if found is MISS:
        pytest.fail("it was stored")
    assert_type(found, User)
    assert found.name == "Ada"
    assert_type(store.get("ada", None, type=User), User | None)


def test_a_value_without_a_type_is_an_object(store: CacheStore) -> None:
    store.set("ada", {"name": "Ada"})

    found = store.get("ada")

    assert_type(found, object)
    assert found == {"name": "Ada"}


def test_many_values_are_a_sequence(store: CacheStore) -> None:
    pytest.importorskip("msgspec")
    store.set_many({"ada": User("Ada")}, ttl=timedelta(minutes=1), type=User)

    found = store.get_many(["ada", "bob"], type=User)

    assert_type(found, Sequence[User | Miss])
    assert_type(store.get_many(["ada"]), Sequence[object])
    assert [each.name for each in found if each is not MISS] == ["Ada"]


def test_get_or_set_returns_what_its_loader_returns(store: CacheStore) -> None:
    pytest.importorskip("msgspec")

    def find() -> User | None:
        return None

    def number() -> int:
        return 3

    assert_type(store.get_or_set("user", find, type=User | None), User | None)
    assert assert_type(store.get_or_set("number", number), int) == 3
    assert assert_type(store.get_or_set("text", lambda: "x"), str) == "x"


async def test_get_or_set_returns_what_its_loader_gives_when_it_is_awaited(app: App) -> None:
    async def number() -> int:
        return 3

    store: AsyncCacheStore = app.aredis.cache.store()

    assert assert_type(await store.get_or_set("number", number), int) == 3
    with pytest.raises(ArgumentError, match="must return an awaitable"):
        await store.get_or_set("other", lambda: 3)  # type: ignore[arg-type, return-value]  # the mistake
    await app.aredis.shutdown_resources()


def test_what_the_other_methods_return(store: CacheStore) -> None:
    assert_type(store.set("k", 1, ttl=NO_EXPIRY), bool)
    assert_type(store.touch("k", ttl=60), bool)
    assert_type(store.delete("k", "l"), int)

    left = store.ttl("k")

    assert_type(left, timedelta | NoExpiry | Miss)
    assert left is MISS
    assert_type(store.clear(), None)


def test_a_condition_is_one_of_two_words(store: CacheStore) -> None:
    assert store.set("k", 1, only_if="absent")
    with pytest.raises(ArgumentError, match="only_if"):
        store.set("k", 1, only_if="missing")  # type: ignore[arg-type]  # the mistake


def test_a_decorated_function_keeps_its_type(store: CacheStore) -> None:
    @cached(key=lambda number: f"square:{number}", store="store")
    def square(number: int, store: CacheStore) -> int:
        return number * number

    assert assert_type(square(3, store), int) == 9
    with pytest.raises(TypeError):
        square("3")  # type: ignore[call-arg, arg-type]  # the mistake


def test_settings_are_objects_with_types() -> None:
    settings = CacheSettings(default_ttl=timedelta(minutes=5), stale_for=timedelta(hours=1))
    bundle = BundleSettings(RedisSettings(addr="localhost:6379"), cache=settings)

    assert_type(settings.default_ttl, timedelta)
    assert_type(settings.negative_ttl, timedelta | None)
    assert_type(settings.early_refresh, bool)
    assert bundle.cache is settings


def test_a_hook_takes_an_event() -> None:
    def count(event: CacheEvent) -> None:
        assert_type(event.took, timedelta | None)

    count(CacheEvent("hit", "key"))
    with pytest.raises(TypeError):
        CacheEvent("hit")  # type: ignore[call-arg]  # the mistake
