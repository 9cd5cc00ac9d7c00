"""Tokens are what the documentation says, and no two names can give the same one."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest
from dependency_injector import containers, providers

from modkit_redis import AsyncRedisBundle, AsyncRedisModule, RedisBundle, RedisModule, RedisSettings, mount
from modkit_redis.contract import (
    TOKEN_CACHE_STORE,
    TOKEN_CLIENT,
    TOKEN_KEY_PREFIX,
    TOKEN_RATELIMIT_STORE,
    TOKEN_SESSION_STORE,
    InvalidNameError,
    Tokens,
    named_tokens,
)
from modkit_redis.contract.names import CAPABILITIES, SETTING_WORDS, checked_name
from modkit_redis.kernel.facade import Module

SPELLING = "must be lower-case letters, digits and '_', beginning with a letter"
USED = "is reserved: containers and modules use it"
MODULES: list[type[Module]] = [RedisModule, AsyncRedisModule, RedisBundle, AsyncRedisBundle]
SETTINGS = [each.name.removeprefix("REDIS_").lower() for each in RedisSettings.describe()]


def test_the_tokens_of_the_default_instance_are_what_users_write() -> None:
    tokens = named_tokens()

    assert dataclasses.asdict(tokens) == {
        "client": "redis.client",
        "key_prefix": "redis.key_prefix",
        "cache_store": "redis.cache.store",
        "session_store": "redis.session.store",
        "ratelimit_store": "redis.ratelimit.store",
    }


def test_the_constants_are_the_tokens_of_the_default_instance() -> None:
    constants = (
        TOKEN_CLIENT,
        TOKEN_KEY_PREFIX,
        TOKEN_CACHE_STORE,
        TOKEN_SESSION_STORE,
        TOKEN_RATELIMIT_STORE,
    )

    assert Tokens(*constants) == named_tokens("") == named_tokens()


def test_the_tokens_of_a_named_instance_have_its_name_after_redis() -> None:
    tokens = named_tokens("analytics")

    assert dataclasses.asdict(tokens) == {
        "client": "redis.analytics.client",
        "key_prefix": "redis.analytics.key_prefix",
        "cache_store": "redis.analytics.cache.store",
        "session_store": "redis.analytics.session.store",
        "ratelimit_store": "redis.analytics.ratelimit.store",
    }


def test_tokens_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        named_tokens().client = "other"  # type: ignore[misc]  # the point  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", ["analytics", "a", "a1", "eu_west_1", "a_", "pools", "caches", "client2"])
def test_a_plain_lower_case_name_is_accepted(name: str) -> None:
    assert named_tokens(name).client == f"redis.{name}.client"


@pytest.mark.parametrize(
    "name", ["Analytics", "1a", "_a", "a-b", "a.b", "a b", "a\n", "ünïcode", "a:b", "*", "A", "ª", " "]
)
def test_a_name_that_is_no_lower_case_identifier_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        named_tokens(name)

    assert str(caught.value) == f"instance name {name!r} {SPELLING}"
    assert (caught.value.name, caught.value.reason) == (name, SPELLING)


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidNameError) as caught:
        named_tokens(cast(Any, 5))

    assert str(caught.value) == f"instance name 5 {SPELLING}"


@pytest.mark.parametrize(
    "name", ["tls", "tls_ca", "pool", "sentinel", "cache", "session", "ratelimit", "cache_eu", "ratelimit_a"]
)
def test_a_name_that_begins_a_setting_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        named_tokens(name)

    assert caught.value.reason == f"is reserved: REDIS_{name.upper()}_… begins the name of a setting"


@pytest.mark.parametrize(
    "name", ["config", "name", "providers", "wire", "store", "redis", "override", "class"]
)
def test_a_name_that_containers_or_modules_use_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        named_tokens(name)

    assert caught.value.reason == USED


def test_every_word_that_begins_a_setting_is_reserved() -> None:
    begun = {
        "_".join(words[:n]) for each in SETTINGS if (words := each.split("_")) for n in range(1, len(words))
    }
    planned = {*CAPABILITIES, "sentinel"}

    assert begun | planned == SETTING_WORDS


def test_no_setting_of_one_instance_is_a_setting_of_another() -> None:
    # REDIS_A_<other>_<own> would be <other>_<own> of the instance `a`, and <own> of `a_<other>`.
    ambiguous = [(each, own) for each in SETTINGS for own in SETTINGS if each.endswith(f"_{own}")]

    assert ambiguous == []


def attributes_in_use() -> set[str]:
    """Return every public attribute that a container, a mounted module or a module's class has."""
    mounted = [mount(each) for each in MODULES]
    plain = (containers.DynamicContainer(), containers.DeclarativeContainer, providers.Container(RedisModule))
    found = {name for each in (*plain, *MODULES, *mounted) for name in dir(each)}
    for module in MODULES:
        found |= {*module.exports, *module.inputs, *module.providers, *dir(module())}
    return {name for name in found if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(attributes_in_use()))
def test_an_attribute_of_containers_and_modules_is_no_name(name: str) -> None:
    with pytest.raises(InvalidNameError):
        checked_name(name)
