"""Named instances stand beside the default one: their own clients, settings, stores and tokens."""

from typing import Any

import pytest
from dependency_injector import containers

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import ConfigError, named_tokens
from tests.capability import World, application, in_both_worlds, settled
from tests.support import feature


@in_both_worlds
def test_each_instance_has_a_client_and_a_prefix_of_its_own(
    world: World, environment: pytest.MonkeyPatch, prefix: str
) -> None:
    redis = application(world.notes_bundle.named("analytics")).redis

    assert redis.client() is not redis.analytics.client()
    assert (redis.key_prefix(), redis.analytics.key_prefix()) == (prefix, f"{prefix}-analytics")


@in_both_worlds
async def test_the_stores_of_an_instance_use_its_client(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    redis = application(world.notes_bundle.named("analytics")).redis

    store, other = redis.notes.store(), redis.analytics.notes.store()

    assert (store.client, other.client) == (redis.client(), redis.analytics.client())
    assert (store.limit, other.limit) == (100, 9)


@in_both_worlds
def test_their_tokens_are_ids(world: World, environment: pytest.MonkeyPatch) -> None:
    app = application(world.bundle.named("analytics", "jobs"))
    tokens = named_tokens("analytics")
    module = feature(
        "@inject\ndef f(c=Provide[tokens.client], p=Provide[tokens.key_prefix]): return c, p", tokens=tokens
    )

    wire_strict(app, modules=[module])

    assert module.f() == (app.redis.analytics.client(), app.redis.analytics.key_prefix())


@in_both_worlds
def test_reference_ids_of_an_instance_are_ids_too(world: World, environment: pytest.MonkeyPatch) -> None:
    class App(containers.DeclarativeContainer):
        redis: Any = mount(world.notes_bundle.named("analytics"))

    app = App()
    module = feature("@inject\ndef f(store=Provide[App.redis.analytics.notes.store]): return store", App=App)

    wire_strict(app, modules=[module])

    assert module.f() is app.redis.analytics.notes.store() is not app.redis.notes.store()


@in_both_worlds
def test_an_instance_may_be_an_attribute_of_a_class(world: World, environment: pytest.MonkeyPatch) -> None:
    members = {
        "analytics": world.bundle.instance("analytics"),
        "jobs": world.bundle.instance("jobs", client="mine"),
    }
    bundle: Any = type("Mine", (world.bundle,), members)

    redis = application(bundle).redis

    assert bundle.names == ("analytics", "jobs")
    assert redis.analytics.client() is not redis.client()
    assert redis.jobs.client() == "mine"


def test_instances_may_be_added_one_after_the_other(environment: pytest.MonkeyPatch) -> None:
    bundle: Any = RedisBundle.named("a1").named("a2")

    redis = application(bundle).redis

    assert bundle.names == ("a1", "a2")
    assert set(redis.providers) == {"client", "key_prefix", "cache", "session", "ratelimit", "a1", "a2"}
    assert set(redis.a2.providers) == {"client", "key_prefix", "cache", "session", "ratelimit"}  # not nested


def test_naming_instances_leaves_the_bundle_as_it_was() -> None:
    before = {name: each.overrides for name, each in RedisBundle.providers.items()}

    for _ in range(3):
        RedisBundle.named("analytics")

    assert {name: each.overrides for name, each in RedisBundle.providers.items()} == before
    assert not RedisBundle.names


@in_both_worlds
def test_an_instance_inherits_nothing(world: World, environment: pytest.MonkeyPatch) -> None:
    environment.delenv("REDIS_ANALYTICS_ADDR")
    redis = application(world.bundle.named("analytics")).redis
    redis.client()

    with pytest.raises(ConfigError) as caught:
        redis.analytics.client()

    assert caught.value.setting == "REDIS_ANALYTICS_ADDR"


@in_both_worlds
async def test_an_instance_without_an_address_fails_at_start_up(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("REDIS_ANALYTICS_ADDR")
    app = application(world.bundle.named("analytics"))

    with pytest.raises(ConfigError, match=r"\AREDIS_ANALYTICS_ADDR is missing"):
        await settled(app.init_resources())


@in_both_worlds
def test_an_override_in_one_instance_leaves_the_others(
    world: World, environment: pytest.MonkeyPatch, addr: str
) -> None:
    redis = application(world.notes_bundle.named("analytics")).redis
    mine = world.stock_client(addr)

    with redis.analytics.client.override(mine):
        assert redis.analytics.notes.store().client is mine
        assert redis.notes.store().client is redis.client() is not mine


@in_both_worlds
def test_a_token_says_its_instance_in_errors(world: World) -> None:
    redis = application(world.notes_bundle.named("analytics")).redis

    assert redis.analytics.client.token == "redis.analytics.client"
    assert redis.analytics.notes.store.token == "redis.analytics.notes.store"


@in_both_worlds
def test_modules_may_be_chosen_one_by_one(world: World, environment: pytest.MonkeyPatch, prefix: str) -> None:
    class App(containers.DeclarativeContainer):
        base: Any = mount(world.module)
        other: Any = mount(world.module, name="analytics")
        notes: Any = mount(world.notes, redis=base)
        other_notes: Any = mount(world.notes, redis=other, name="analytics")

    app = App()

    assert app.notes.store().client is app.base.client()
    assert app.other_notes.store().client is app.other.client() is not app.base.client()
    assert (app.other_notes.store().key_prefix, app.other_notes.store().limit) == (f"{prefix}-analytics", 9)


def test_a_container_of_the_same_shape_gives_the_same_tokens(environment: pytest.MonkeyPatch) -> None:
    class Redis(containers.DeclarativeContainer):
        base: Any = mount(RedisBundle)
        client, key_prefix = base.client, base.key_prefix

    app = application(Redis)
    module = feature('@inject\ndef f(c=Provide["redis.client"], p=Provide["redis.key_prefix"]): return c, p')

    wire_strict(app, modules=[module])

    assert module.f() == (app.redis.base.client(), app.redis.base.key_prefix())
