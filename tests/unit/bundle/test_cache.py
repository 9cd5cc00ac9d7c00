"""The cache as a part of the bundle: its token, its settings, its events, its overriding and its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from dependency_injector import containers

from modkit_redis import BundleSettings, CacheSettings, RedisSettings, mount, wire_strict
from modkit_redis.contract import (
    MISS,
    TOKEN_CACHE_STORE,
    ArgumentError,
    CacheEvent,
    ConfigError,
    NotExportedError,
    named_tokens,
)
from tests.capability import ASYNC, SYNC, World, application, exactly, in_both_worlds, settled
from tests.stand_ins import AsyncDictCache, DictCache
from tests.support import feature, wait_until

FEATURE = """
@inject
def f(store=Provide[token], other=Provide[other]): return store, other
"""


@pytest.fixture
def cached(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Settings of two instances that have a cache as well."""
    environment.setenv("REDIS_CACHE_DEFAULT_TTL", "100s")
    environment.setenv("REDIS_ANALYTICS_CACHE_DEFAULT_TTL", "50s")
    return environment


class Load:
    """A loader for one world, which gives its value when it is let."""

    def __init__(self, world: World, value: object, *, may_end: bool = True) -> None:
        self.may_end = threading.Event()
        self._world, self._value = world, value
        if may_end:
            self.may_end.set()

    def __call__(self) -> Any:
        if self._world is ASYNC:
            return self._when_it_may()
        self.may_end.wait(5)
        return self._value

    async def _when_it_may(self) -> object:
        while not self.may_end.is_set():  # noqa: ASYNC110  # a thread sets it
            await asyncio.sleep(0.001)
        return self._value


async def lifetime(store: Any) -> int:
    """Return for how many seconds, to the nearest ten, *store* keeps a value when it is not told."""
    await settled(store.set("lifetime", 1))
    left: timedelta = await settled(store.ttl("lifetime"))
    return int(round(left.total_seconds(), -1))


@in_both_worlds
async def test_its_token_gives_the_store_of_each_instance(
    world: World, cached: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    app = application(world.bundle.named("analytics"))
    module = feature(FEATURE, token=TOKEN_CACHE_STORE, other=named_tokens("analytics").cache_store)
    wire_strict(app, modules=[module])

    store, other = module.f()

    assert store is app.redis.cache.store() is not other
    assert other is app.redis.analytics.cache.store()
    assert (await lifetime(store), await lifetime(other)) == (100, 50)
    assert admin.exists(f"{prefix}:cache:lifetime", f"{prefix}-analytics:cache:lifetime") == 2
    app.unwire()
    await settled(app.shutdown_resources())


CONFIGS: Mapping[str, Callable[[str, str], Any]] = {
    "mapping": lambda addr, prefix: {
        "addr": addr,
        "key_prefix": prefix,
        "cache": {"default_ttl": "100s"},
        "named": {"analytics": {"addr": addr, "key_prefix": prefix, "cache": {"default_ttl": "50s"}}},
    },
    "objects": lambda addr, prefix: BundleSettings(
        RedisSettings(addr=addr, key_prefix=prefix),
        cache=CacheSettings(default_ttl="100s"),  # type: ignore[arg-type]  # text with a unit is read as well
        named={
            "analytics": BundleSettings(
                RedisSettings(addr=addr, key_prefix=prefix),
                CacheSettings(default_ttl="50s"),  # type: ignore[arg-type]  # likewise
            )
        },
    ),
    "mapping of objects": lambda addr, prefix: {
        "addr": addr,
        "key_prefix": prefix,
        "cache": CacheSettings.from_mapping({"default_ttl": "100s"}),
        "named": {
            "analytics": BundleSettings(
                RedisSettings(addr=addr, key_prefix=prefix),
                CacheSettings.from_mapping({"default_ttl": "50s"}),
            )
        },
    },
}


@pytest.mark.parametrize("config", CONFIGS)
@in_both_worlds
async def test_its_settings_are_a_section(
    world: World, config: str, addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_CACHE_DEFAULT_TTL", "1s")  # not read: a configuration is given
    app = application(world.bundle.named("analytics"), config=CONFIGS[config](addr, prefix))

    found = await lifetime(app.redis.cache.store()), await lifetime(app.redis.analytics.cache.store())

    assert found == (100, 50)
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_its_settings_may_be_in_an_env_file(
    world: World, addr: str, prefix: str, tmp_path: Path
) -> None:
    file = tmp_path / "settings.env"
    file.write_text(f"REDIS_ADDR={addr}\nREDIS_KEY_PREFIX={prefix}\nREDIS_CACHE_DEFAULT_TTL=100s\n")
    app = application(world.bundle, env_file=file)

    assert await lifetime(app.redis.cache.store()) == 100
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_who_uses_only_the_client_needs_none_of_its_settings(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle)

    app.check_dependencies()
    await settled(app.init_resources())

    assert await settled(app.redis.client().ping())
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_without_a_ttl_its_first_use_is_an_error_and_can_be_tried_again(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle)
    about = "how long a value is fresh when a call does not say, for example '5m'"
    refusal = exactly(f"REDIS_CACHE_DEFAULT_TTL is missing: {about}")
    with pytest.raises(ConfigError, match=refusal):
        app.redis.cache.store()

    environment.setenv("REDIS_CACHE_DEFAULT_TTL", "70s")

    assert await lifetime(app.redis.cache.store()) == 70
    await settled(app.shutdown_resources())


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"addr": "h:1"}, "redis.cache is missing or empty"),
        ({"addr": "h:1", "cache": None}, "redis.cache is missing or empty"),
        (BundleSettings(RedisSettings(addr="h:1")), "redis.cache is missing or empty"),
        (RedisSettings(addr="h:1"), "redis.cache is missing or empty"),
        ({"addr": "h:1", "cache": {}}, "redis.cache.default_ttl is missing"),
        ({"addr": "h:1", "cache": "5m"}, "redis.cache must be a mapping or a CacheSettings, not str"),
        ({"addr": "h:1", "cache": {"default_ttl": 300}}, "redis.cache.default_ttl must be text with a unit"),
        (
            {"addr": "h:1", "cache": {"default_ttl": "5m", "defualt_ttl": "5m"}},
            "redis.cache.defualt_ttl is no setting: did you mean redis.cache.default_ttl?",
        ),
    ],
)
@in_both_worlds
def test_what_is_wrong_with_its_section_is_told_when_it_is_used_and_not_before(
    world: World, config: Any, problem: str, cached: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle, config=config)
    app.redis.client()

    with pytest.raises(ConfigError) as caught:
        app.redis.cache.store()

    assert str(caught.value).startswith(problem)


@in_both_worlds
def test_a_section_of_a_named_instance_is_called_by_its_name(world: World) -> None:
    config = {"addr": "h:1", "named": {"analytics": {"addr": "h:1", "cache": {"lease": "1ms"}}}}
    redis = application(world.bundle.named("analytics"), config=config).redis

    with pytest.raises(ConfigError) as caught:
        redis.analytics.cache.store()

    assert [each.setting for each in caught.value.problems] == [
        "redis.analytics.cache.default_ttl",
        "redis.analytics.cache.lease",
    ]


@in_both_worlds
async def test_the_events_of_a_bundle_are_those_of_its_cache(
    world: World, cached: pytest.MonkeyPatch
) -> None:
    seen: list[CacheEvent] = []
    app = application(world.bundle, cache_events=seen.append)

    await settled(app.redis.cache.store().get("a"))

    assert [(each.kind, each.key) for each in seen] == [("miss", "a")]
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_events_that_nobody_could_be_told_of_are_refused(
    world: World, cached: pytest.MonkeyPatch
) -> None:
    async def awaited(event: CacheEvent) -> None:
        raise AssertionError("nobody awaits it")

    for events in (5, "print", awaited):
        app = application(world.bundle, cache_events=events)
        with pytest.raises(ArgumentError, match=r"^events must be a plain function that takes a CacheEvent"):
            app.redis.cache.store()
        await settled(app.shutdown_resources())


@in_both_worlds
async def test_an_instance_has_events_of_its_own(world: World, cached: pytest.MonkeyPatch) -> None:
    seen: list[CacheEvent] = []
    nested = world.bundle.instance("analytics", cache_events=seen.append)
    bundle: Any = type("Mine", (world.bundle,), {"analytics": nested})
    app = application(bundle)

    await settled(app.redis.cache.store().get("default"))
    await settled(app.redis.analytics.cache.store().get("named"))

    assert [each.key for each in seen] == ["named"]
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_the_module_may_be_mounted_by_hand(
    world: World, cached: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    seen: list[CacheEvent] = []

    class Redis(containers.DeclarativeContainer):
        base: Any = mount(world.module)
        client, key_prefix = base.client, base.key_prefix
        cache: Any = mount(world.cache, redis=base, config={"default_ttl": "70s"}, events=seen.append)

    app = application(Redis)
    module = feature("@inject\ndef f(store=Provide[token]): return store", token=TOKEN_CACHE_STORE)
    wire_strict(app, modules=[module])

    store = module.f()

    assert store is app.redis.cache.store()
    assert await lifetime(store) == 70
    assert await settled(store.get("lifetime")) == 1
    assert [each.kind for each in seen] == ["hit"]
    assert admin.exists(f"{prefix}:cache:lifetime")
    app.unwire()
    await settled(app.shutdown_resources())


@in_both_worlds
def test_it_shows_its_store_and_nothing_else(world: World, cached: pytest.MonkeyPatch) -> None:
    cache = application(world.bundle).redis.cache

    for door in (cache, cache(), cache.container):
        assert set(door.providers) == {"store"}
        for hidden in ("redis", "_redis", "_settings", "settings", "client", "events"):
            with pytest.raises(NotExportedError, match=" exports: store; inputs: redis, config, name, "):
                getattr(door, hidden)


@in_both_worlds
def test_a_bundle_may_keep_it_to_itself(world: World) -> None:
    bundle: Any = type("Mine", (world.bundle,), {"exports": ("client", "key_prefix")})

    redis = application(bundle).redis

    assert set(redis.providers) == {"client", "key_prefix"}
    assert not hasattr(redis, "cache")


@in_both_worlds
async def test_there_is_one_store_for_each_client_and_prefix(
    world: World, cached: pytest.MonkeyPatch, addr: str
) -> None:
    app = application(world.bundle)
    store, mine = app.redis.cache.store(), world.stock_client(addr)

    with app.redis.client.override(mine):
        of_mine = {app.redis.cache.store() for _ in range(3)}
        with app.redis.key_prefix.override("other"):
            of_both = app.redis.cache.store()
    with app.redis.client.override(mine):
        again = app.redis.cache.store()

    assert {again} == of_mine
    assert len({store, of_both, *of_mine}) == 3
    assert app.redis.cache.store() is store
    await settled(app.shutdown_resources())
    assert app.redis.cache.store() is not store
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_dict_may_stand_in_for_it(world: World, cached: pytest.MonkeyPatch) -> None:
    app, dictionary = application(world.bundle), DictCache() if world is SYNC else AsyncDictCache()
    module = feature("@inject\ndef f(store=Provide[token]): return store", token=TOKEN_CACHE_STORE)
    wire_strict(app, modules=[module])

    with app.redis.cache.store.override(dictionary):
        overridden = module.f()
        loaded = await settled(overridden.get_or_set("k", Load(world, "loaded")))
        kept = await settled(overridden.get("k"))

    assert overridden is dictionary
    assert (loaded, kept) == ("loaded", "loaded")
    assert await settled(module.f().get("k")) is MISS
    app.unwire()
    await settled(app.shutdown_resources())


async def begin_refresh(world: World, store: Any) -> Load:
    """Let *store* begin to load a new value of ``k`` in the background; it ends when it is let."""
    load = Load(world, "new", may_end=False)
    await settled(store.set("k", "old", ttl=0.001))
    while await settled(store.get("k")) is not MISS:  # noqa: ASYNC110  # the server's clock decides
        await asyncio.sleep(0.001)
    assert await settled(store.get_or_set("k", load)) == "old"
    return load


def replaced_by_nothing(app: Any) -> Any:
    return app.redis.cache.store


def store_replaced(app: Any) -> Any:
    return app.redis.cache.store.override(object())


def prefix_replaced(app: Any) -> Any:
    return app.redis.key_prefix.override("other")


def client_replaced(app: Any) -> Any:
    return app.redis.client.override(object())


@pytest.mark.parametrize("replace", [replaced_by_nothing, store_replaced, prefix_replaced, client_replaced])
@in_both_worlds
async def test_what_it_loads_in_the_background_is_stored_before_the_client_closes(
    world: World, replace: Callable[[Any], Any], cached: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    cached.setenv("REDIS_CACHE_STALE_FOR", "60s")
    app = application(world.bundle)
    load = await begin_refresh(world, app.redis.cache.store())
    replace(app)

    letting = threading.Timer(0.02, load.may_end.set)
    letting.start()
    await settled(app.shutdown_resources())
    letting.join()

    ended = admin.get(f"{prefix}:cache:k")
    assert isinstance(ended, bytes) and ended.endswith(b'"new"')


@in_both_worlds
async def test_what_takes_longer_than_the_drain_timeout_is_given_up(
    world: World, cached: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    cached.setenv("REDIS_CACHE_STALE_FOR", "60s")
    cached.setenv("REDIS_CACHE_DRAIN_TIMEOUT", "1ms")
    app = application(world.bundle)
    load = await begin_refresh(world, app.redis.cache.store())

    await settled(app.shutdown_resources())
    load.may_end.set()

    ended = admin.get(f"{prefix}:cache:k")
    assert isinstance(ended, bytes) and ended.endswith(b'"old"')


@pytest.mark.parametrize("world", [SYNC, ASYNC], ids=lambda world: world.name)
def test_importing_and_mounting_it_sends_nothing(
    world: World, cached: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    cached.setenv("REDIS_CLIENT_NAME", prefix)

    application(world.bundle).redis.cache.store()

    wait_until(lambda: prefix not in {each["name"] for each in admin.client_list()}, "no connection")
