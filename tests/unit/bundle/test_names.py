"""Distinct names never collide: not their tokens, not their settings, not with what containers use."""

import keyword
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis import (
    AsyncRedisBundle,
    CacheModule,
    CacheSettings,
    RateLimitModule,
    RateLimitSettings,
    RedisBundle,
    RedisSettings,
    SessionModule,
    SessionSettings,
)
from modkit_redis.contract import DeclarationError, InvalidNameError, Tokens, named_tokens
from modkit_redis.contract.names import ATTRIBUTES, CAPABILITIES, SETTING_WORDS
from modkit_redis.kernel import token_ids
from tests.capability import World, application, exactly, in_both_worlds

BAD = """
a-b a.b 1a _a __a a$ A aB é ß class lambda cache client key_prefix session ratelimit store wire container
providers provided parent sentinel named names name config env_file instance tls tls_ca pool read dial cache_x
session_store ratelimit_limit
""".split()


def configured(name: str) -> object:
    return RedisBundle.instance(name, config={})


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "\uff46", *BAD])
@pytest.mark.parametrize("declare", [RedisBundle.named, AsyncRedisBundle.instance, configured])
def test_bad_names_are_refused_when_declared(declare: Any, name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        declare(name)

    assert caught.value.name == name
    assert str(caught.value).startswith(f"instance name {name!r} ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Jobs", "must be lower-case letters, digits and '_', beginning with a letter"),
        ("tls", "is reserved: REDIS_TLS_… begins the name of a setting"),
        ("cache_x", "is reserved: REDIS_CACHE_X_… begins the name of a setting"),
        ("wire", "is reserved: containers and modules use it"),
        ("class", "is reserved: containers and modules use it"),
    ],
)
def test_a_refusal_says_why(name: str, reason: str) -> None:
    with pytest.raises(InvalidNameError, match=exactly(f"instance name {name!r} {reason}")):
        RedisBundle.named(name)


@pytest.mark.parametrize("name", ["analytics", "a", "a1", "jobs_2", "shop_jobs", "type", "match"])
def test_good_names_are_good(name: str) -> None:
    assert RedisBundle.named(name).names == (name,)


@pytest.mark.parametrize(
    "names",
    [
        ("shop", "shop_cache"),
        ("shop_cache", "shop"),
        ("shop", "shop_tls"),
        ("shop_tls_ca", "shop"),
        ("shop", "shop_session_x"),
        ("x", "shop", "y", "shop_pool"),
    ],
)
def test_names_whose_settings_would_collide_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidNameError, match="cannot stand beside 'shop"):
        RedisBundle.named(*names)


def test_a_collision_is_found_across_declarations() -> None:
    with pytest.raises(InvalidNameError) as caught:
        RedisBundle.named("shop").named("shop_cache")

    assert str(caught.value) == (
        "instance name 'shop_cache' cannot stand beside 'shop': "
        "REDIS_SHOP_CACHE_… would begin settings of both"
    )


@pytest.mark.parametrize("names", [("s", "s_jobs"), ("s", "ss"), ("s", "s_wire"), ("s", "s_class")])
def test_names_whose_settings_do_not_collide_are_not_refused(names: tuple[str, ...]) -> None:
    assert RedisBundle.named(*names).names == names


def test_setting_words_are_what_begins_a_setting() -> None:
    settings = [each.name.removeprefix("REDIS_").lower() for each in RedisSettings.describe()]
    begun = {each[:n] for each in settings for n, letter in enumerate(each) if letter == "_"}

    assert begun | {*CAPABILITIES, "sentinel"} == SETTING_WORDS


def test_no_two_instances_read_the_same_variable() -> None:
    classes = (RedisSettings, CacheSettings, SessionSettings, RateLimitSettings)
    described = [each.name for settings in classes for each in settings.describe()]
    settings = [each.removeprefix("REDIS_") for each in described]
    names = ["shop", "shop_jobs", "s", "a1"]

    read = [f"REDIS_{each}" for each in settings]
    read += [f"REDIS_{name.upper()}_{each}" for name in names for each in settings]

    assert len(read) == len(set(read))


def test_attributes_are_what_containers_and_modules_use() -> None:
    bundle = RedisBundle.named("analytics")
    used = {
        each
        for thing in (bundle, bundle(), providers.Container(bundle), containers.DeclarativeContainer)
        for each in dir(thing)
        if each[0] != "_" and each.islower()
    }
    modules = (CacheModule, SessionModule, RateLimitModule)
    ours = {*bundle.inputs, *CAPABILITIES, *(name for each in modules for name in each.exports + each.inputs)}
    events = {"cache_events", "session_events"}  # they begin with the names of capabilities

    assert used | ours == ATTRIBUTES | events | {"analytics"}
    assert all(map(refuses, events))


def test_a_word_of_python_cannot_be_an_attribute() -> None:
    assert not [each for each in keyword.kwlist if each.islower() and not refuses(each)]


def refuses(name: str) -> bool:
    try:
        named_tokens(name)
    except InvalidNameError:
        return True
    return False


@in_both_worlds
def test_the_ids_of_a_bundle_are_its_tokens(world: World) -> None:
    def of(tokens: Tokens) -> set[str]:
        stores = {tokens.cache_store, tokens.session_store, tokens.ratelimit_store}
        return {tokens.client, tokens.key_prefix, *stores, *(each.removesuffix(".store") for each in stores)}

    ids = token_ids(application(world.bundle.named("analytics")))

    assert set(ids) == of(named_tokens()) | of(named_tokens("analytics")) | {"redis", "redis.analytics"}


def test_a_nested_bundle_is_an_instance_of_the_name_it_has() -> None:
    refusal = exactly("Mine.other must be made with .instance('other')")

    for nested in (RedisBundle.instance("analytics"), providers.Container(RedisBundle)):
        with pytest.raises(DeclarationError, match=refusal):
            type("Mine", (RedisBundle,), {"other": nested})
