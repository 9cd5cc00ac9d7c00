"""A file of settings is read when it is named, and the environment wins over it."""

from pathlib import Path
from typing import Any

import pytest

from modkit_redis import AsyncRedisBundle, AsyncRedisModule, RedisBundle, RedisModule
from modkit_redis.contract import ConfigError
from tests.capability import World, application, exactly, in_both_worlds

each_module = pytest.mark.parametrize(
    "module", [RedisModule, AsyncRedisModule, RedisBundle, AsyncRedisBundle]
)

TEXT = """
# what a deployment sets
REDIS_ADDR=file:1
REDIS_KEY_PREFIX="of-the-file"
REDIS_NOTES_LIMIT=5
REDIS_ANALYTICS_ADDR=file:2
REDIS_ANALYTICS_KEY_PREFIX=analytics-of-the-file
REDIS_ANALYTICS_NOTES_LIMIT=6
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.env"
    path.write_text(TEXT)
    return path


def port_of(client: Any) -> int:
    return int(client.connection_pool.connection_kwargs["port"])


@each_module
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_read_when_it_is_named(module: Any, file: Path, kind: Any) -> None:
    redis = application(module, env_file=kind(file)).redis

    assert (port_of(redis.client()), redis.key_prefix()) == (1, "of-the-file")


@each_module
def test_no_file_is_read_that_is_not_named(module: Any, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.rename(file.with_name(".env"))
    monkeypatch.chdir(file.parent)

    with pytest.raises(ConfigError, match=r"\AREDIS_ADDR is missing"):
        application(module).redis.client()


@each_module
def test_the_environment_wins_over_the_file(module: Any, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_KEY_PREFIX", "of-the-environment")

    redis = application(module, env_file=file).redis

    assert (port_of(redis.client()), redis.key_prefix()) == (1, "of-the-environment")


@in_both_worlds
def test_named_instances_and_capabilities_read_the_file_too(world: World, file: Path) -> None:
    redis = application(world.notes_bundle.named("analytics"), env_file=file).redis

    assert (port_of(redis.client()), port_of(redis.analytics.client())) == (1, 2)
    assert redis.analytics.key_prefix() == "analytics-of-the-file"
    assert (redis.notes.store().limit, redis.analytics.notes.store().limit) == (5, 6)


@in_both_worlds
def test_a_named_instance_may_have_a_file_of_its_own(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_ADDR", "environment:7")
    bundle: Any = type(
        "Mine", (world.bundle,), {"analytics": world.bundle.instance("analytics", env_file=file)}
    )

    redis = application(bundle).redis

    assert (port_of(redis.client()), port_of(redis.analytics.client())) == (7, 2)
    assert redis.key_prefix() == ""


@in_both_worlds
def test_a_named_instance_with_a_configuration_of_its_own_ignores_the_file(world: World, file: Path) -> None:
    own = world.bundle.instance("analytics", config={"addr": "own:9"})
    bundle: Any = type("Mine", (world.bundle,), {"analytics": own})

    redis = application(bundle, env_file=file).redis

    assert (port_of(redis.client()), port_of(redis.analytics.client())) == (1, 9)


@each_module
def test_a_file_that_is_not_there_is_an_error(module: Any, tmp_path: Path) -> None:
    missing = tmp_path / "missing.env"

    redis = application(module, env_file=missing).redis

    for use in (redis.client, redis.key_prefix):
        with pytest.raises(ConfigError, match=r"\Aenv_file must name a file"):
            use()


@each_module
def test_a_file_does_not_go_with_a_configuration(module: Any, file: Path) -> None:
    redis = application(module, env_file=file, config={"addr": "mapped:1"}).redis
    refusal = exactly("env_file cannot be used with a config (redis): leave one of them out")

    for use in (redis.client, redis.key_prefix):
        with pytest.raises(ConfigError, match=refusal):
            use()
