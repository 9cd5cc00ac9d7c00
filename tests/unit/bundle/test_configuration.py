"""Settings come from the environment unless a configuration is given, whatever kind of one."""

from collections.abc import Mapping
from typing import Any

import pytest
from dependency_injector import containers, errors, providers

from modkit_redis import (
    AsyncRedisBundle,
    AsyncRedisModule,
    BundleSettings,
    RedisBundle,
    RedisModule,
    RedisSettings,
    mount,
)
from modkit_redis.contract import ConfigError
from tests.capability import World, application, exactly, in_both_worlds, settled

ADDR = "localhost:6379"

each_module = pytest.mark.parametrize(
    "module", [RedisModule, AsyncRedisModule, RedisBundle, AsyncRedisBundle]
)


def host_of(client: Any) -> str:
    return str(client.connection_pool.connection_kwargs["host"])


@each_module
async def test_the_environment_is_read_when_it_is_needed(
    module: Any, environment: pytest.MonkeyPatch
) -> None:
    redis = application(module).redis
    environment.setenv("REDIS_KEY_PREFIX", "set-later")
    environment.setenv("REDIS_ADDR", "later:1")

    assert redis.key_prefix() == "set-later"
    assert host_of(redis.client()) == "later"


@each_module
async def test_the_environment_is_read_again_after_a_shutdown(
    module: Any, environment: pytest.MonkeyPatch
) -> None:
    app = application(module)
    environment.setenv("REDIS_ADDR", "old:1")
    app.redis.client()
    environment.setenv("REDIS_ADDR", "new:1")
    still = host_of(app.redis.client())

    await settled(app.shutdown_resources())

    assert (still, host_of(app.redis.client())) == ("old", "new")


@each_module
async def test_a_missing_address_fails_at_start_up(module: Any) -> None:
    app = application(module)

    with pytest.raises(ConfigError, match=r"\AREDIS_ADDR is missing"):
        await settled(app.init_resources())


@each_module
async def test_a_failed_start_up_can_be_tried_again(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app = application(module)
    with pytest.raises(ConfigError):
        await settled(app.init_resources())
    monkeypatch.setenv("REDIS_ADDR", ADDR)

    await settled(app.init_resources())

    assert host_of(app.redis.client()) == "localhost"


@each_module
def test_the_prefix_is_read_on_its_own(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_KEY_PREFIX", "alone")

    assert application(module).redis.key_prefix() == "alone"  # although there is no address


@each_module
def test_a_configuration_may_be_a_mapping(module: Any, environment: pytest.MonkeyPatch) -> None:
    redis = application(module, config={"addr": "mapped:1", "key_prefix": "m", "read_timeout": "250ms"}).redis

    assert host_of(redis.client()) == "mapped"
    assert redis.client().connection_pool.connection_kwargs["socket_timeout"] == 0.25
    assert redis.key_prefix() == "m"


@each_module
def test_a_configuration_may_be_a_settings_object(module: Any, environment: pytest.MonkeyPatch) -> None:
    redis = application(module, config=RedisSettings(addr="object:1", key_prefix="o")).redis

    assert (host_of(redis.client()), redis.key_prefix()) == ("object", "o")


@each_module
@pytest.mark.parametrize("how", [mount, providers.Container])
def test_a_configuration_may_be_a_linked_section(
    module: Any, how: Any, environment: pytest.MonkeyPatch
) -> None:
    class App(containers.DeclarativeContainer):
        config = providers.Configuration(strict=True)
        redis = how(module, config=config.redis)

    redis: Any = App(config={"redis": {"addr": "linked:1", "key_prefix": "l"}}).redis

    assert (host_of(redis.client()), redis.key_prefix()) == ("linked", "l")


@each_module
def test_a_section_may_be_filled_after_the_application_is_made(module: Any) -> None:
    class App(containers.DeclarativeContainer):
        config = providers.Configuration()
        redis = mount(module, config=config.redis)

    app: Any = App()
    app.config.from_dict({"redis": {"addr": "filled:1"}})

    assert host_of(app.redis.client()) == "filled"


@each_module
def test_a_linked_section_that_is_missing_is_an_error(module: Any, environment: pytest.MonkeyPatch) -> None:
    class App(containers.DeclarativeContainer):
        config = providers.Configuration()
        redis = mount(module, config=config.redis)

    refusal = exactly("redis is missing or empty: fill it, or give no config at all to read the environment")

    for use in (App().redis.client, App().redis.key_prefix):
        with pytest.raises(ConfigError, match=refusal):
            use()


@each_module
def test_a_linked_section_that_is_empty_is_an_error(module: Any, environment: pytest.MonkeyPatch) -> None:
    class App(containers.DeclarativeContainer):
        config = providers.Configuration()
        redis = mount(module, config=config.redis)

    with pytest.raises(ConfigError, match=r"\Aredis\.addr is missing"):
        App(config={"redis": {}}).redis.client()


@each_module
def test_a_missing_section_of_a_strict_configuration_says_which(module: Any) -> None:
    class App(containers.DeclarativeContainer):
        config = providers.Configuration(strict=True)
        redis = mount(module, config=config.redis)

    with pytest.raises(errors.Error, match=r'Undefined configuration option "config\.redis"'):
        App().redis.client()


@each_module
def test_what_is_no_configuration_is_refused(module: Any) -> None:
    refusal = exactly("redis must be a mapping or a RedisSettings, not str")

    with pytest.raises(ConfigError, match=refusal):
        application(module, config="localhost:6379").redis.client()


@each_module
def test_an_unknown_setting_of_a_section_is_refused(module: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        application(module, config={"addr": ADDR, "adr": "1"}).redis.client()

    assert caught.value.setting == "redis.adr"


SECTIONS: Mapping[str, Any] = {
    "addr": "default:1",
    "key_prefix": "d",
    "named": {"analytics": {"addr": "named:1", "key_prefix": "n"}},
}
OBJECTS = BundleSettings(
    RedisSettings(addr="default:1", key_prefix="d"),
    named={"analytics": BundleSettings(RedisSettings(addr="named:1", key_prefix="n"))},
)


@pytest.mark.parametrize("config", [SECTIONS, OBJECTS], ids=["mapping", "objects"])
@in_both_worlds
def test_a_bundle_has_sections_for_its_named_instances(
    world: World, config: object, environment: pytest.MonkeyPatch
) -> None:
    redis = application(world.bundle.named("analytics"), config=config).redis

    assert (host_of(redis.client()), redis.key_prefix()) == ("default", "d")
    assert (host_of(redis.analytics.client()), redis.analytics.key_prefix()) == ("named", "n")


@pytest.mark.parametrize(
    "config",
    [
        {"addr": ADDR},
        {"addr": ADDR, "named": None},
        {"addr": ADDR, "named": {}},
        {"addr": ADDR, "named": {"analytics": None}},
        BundleSettings(RedisSettings(addr=ADDR)),
    ],
)
@in_both_worlds
def test_a_named_instance_without_a_section_is_an_error(
    world: World, config: object, environment: pytest.MonkeyPatch
) -> None:
    redis = application(world.bundle.named("analytics"), config=config).redis

    for use in (redis.analytics.client, redis.analytics.key_prefix):
        with pytest.raises(ConfigError, match=r"\Aredis\.analytics is missing or empty"):
            use()


@in_both_worlds
def test_a_settings_object_of_the_client_alone_has_no_named_instances(world: World) -> None:
    redis = application(world.bundle.named("analytics"), config=RedisSettings(addr=ADDR)).redis

    for use in (redis.analytics.client, redis.analytics.key_prefix):
        with pytest.raises(ConfigError, match=r"\Aredis\.analytics is missing or empty"):
            use()


@in_both_worlds
def test_a_named_instance_may_have_a_configuration_of_its_own(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    own = world.bundle.instance("analytics", config={"addr": "own:1"})
    bundle: Any = type("Mine", (world.bundle,), {"analytics": own})

    redis = application(bundle, config={"addr": "default:1"}).redis

    assert (host_of(redis.client()), host_of(redis.analytics.client())) == ("default", "own")


@in_both_worlds
async def test_the_settings_of_a_capability_are_read_when_it_is_used(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("REDIS_NOTES_LIMIT")
    app = application(world.notes_bundle)
    await settled(app.init_resources())

    with pytest.raises(ConfigError, match=r"\AREDIS_NOTES_LIMIT is missing"):
        app.redis.notes.store()
    environment.setenv("REDIS_NOTES_LIMIT", "7")

    assert app.redis.notes.store().limit == 7
