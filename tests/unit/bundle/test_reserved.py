"""The tokens of capabilities that are not there yet are reserved and say so."""

from typing import Any

import pytest

from modkit_redis import AsyncRedisBundle, RedisBundle, wire_strict
from modkit_redis.contract import ConfigError, NotExportedError, UnresolvedTokenError, named_tokens
from tests.capability import ASYNC, SYNC, World, application, exactly, in_both_worlds
from tests.support import feature

each_capability = pytest.mark.parametrize("capability", ["ratelimit"])


@each_capability
@in_both_worlds
def test_an_attribute_says_that_it_is_not_there_yet(world: World, capability: str) -> None:
    redis = application(world.bundle).redis
    text = exactly(
        f"{world.bundle.__name__} has no '{capability}'; "
        f"redis.{capability}.store is reserved: this release has no {capability} capability yet"
    )

    for door in (redis, redis(), redis.container, world.bundle()):
        assert not hasattr(door, capability)
        with pytest.raises(NotExportedError, match=text):
            getattr(door, capability)


@each_capability
@in_both_worlds
def test_a_token_says_that_it_is_not_there_yet(world: World, capability: str) -> None:
    module = feature(f'@inject\ndef f(store=Provide["redis.{capability}.store"]): ...')

    with pytest.raises(UnresolvedTokenError) as caught:
        wire_strict(application(world.bundle), modules=[module])

    assert str(caught.value) == (
        "App cannot resolve\n"
        f"  {module.__name__}.f(store) wants 'redis.{capability}.store': "
        f"{world.bundle.__name__} has no '{capability}'; "
        f"redis.{capability}.store is reserved: this release has no {capability} capability yet"
    )


@in_both_worlds
def test_the_tokens_of_a_named_instance_are_reserved_as_well(world: World) -> None:
    module = feature(f'@inject\ndef f(store=Provide["{named_tokens("jobs").ratelimit_store}"]): ...')

    with pytest.raises(UnresolvedTokenError, match="this release has no ratelimit capability yet"):
        wire_strict(application(world.bundle.named("jobs")), modules=[module])


@each_capability
@pytest.mark.parametrize("bundle", [RedisBundle, AsyncRedisBundle])
def test_it_cannot_be_given_or_overridden(bundle: Any, capability: str) -> None:
    for declare in (bundle, bundle().override_providers):
        with pytest.raises(NotExportedError, match=f"redis.{capability}.store is reserved: "):
            declare(**{capability: 1})


@each_capability
def test_its_settings_are_refused_in_a_mapping(capability: str) -> None:
    config = {"addr": "localhost:6379", capability: {"some": "setting"}}

    with pytest.raises(ConfigError) as caught:
        application(SYNC.bundle, config=config).redis.client()

    assert caught.value.setting == f"redis.{capability}"
    assert "reserved for a capability that this release does not have yet" in caught.value.reason


def test_a_base_module_has_no_word_of_them() -> None:
    for module in (SYNC.module, ASYNC.module):
        with pytest.raises(NotExportedError, match=r"has no 'ratelimit'; exports: client, key_prefix; "):
            module().ratelimit  # noqa: B018  # asking is the point


@in_both_worlds
def test_a_subclass_that_has_the_capability_shows_it(world: World) -> None:
    bundle = type("Later", (world.bundle,), {"exports": ("client", "key_prefix", "ratelimit")} | later(world))

    assert set(bundle().providers) == {"client", "key_prefix", "ratelimit"}
    assert set(bundle().ratelimit.providers) == {"store"}


def later(world: World) -> dict[str, Any]:
    """Return what a capability called ``ratelimit`` adds to the body of a bundle."""
    return {"ratelimit": world.notes_bundle.notes}
