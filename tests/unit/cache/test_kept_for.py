"""A TTL and what comes on top of it must fit: settings are told by their own names, arguments by theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from modkit_redis import CacheSettings
from modkit_redis.cache.planning import Planner
from modkit_redis.contract import ArgumentError, ConfigError

LONGEST = timedelta(milliseconds=2**32 - 1)
TOGETHER = "and the TTL must not be more than 49 days together"


@pytest.mark.parametrize("grace", ["stale_for", "stale_if_error"])
@pytest.mark.parametrize("ttl", ["default_ttl", "negative_ttl"])
def test_what_the_settings_keep_for_too_long_is_told_by_the_name_of_a_setting(ttl: str, grace: str) -> None:
    given = {"default_ttl": "1s", grace: "1d"}
    fits = LONGEST - timedelta(days=1)
    CacheSettings.from_mapping({**given, ttl: fits})

    with pytest.raises(ConfigError) as caught:
        CacheSettings.from_mapping({**given, ttl: fits + timedelta(milliseconds=1)})

    assert str(caught.value) == f"redis.cache.{grace} {TOGETHER}"


def test_a_named_instance_is_told_by_its_own_name() -> None:
    environ = {"REDIS_ANALYTICS_CACHE_DEFAULT_TTL": "49d", "REDIS_ANALYTICS_CACHE_STALE_FOR": "1d"}

    with pytest.raises(ConfigError) as caught:
        CacheSettings.from_env(environ, name="analytics")

    assert caught.value.setting == "REDIS_ANALYTICS_CACHE_STALE_FOR"


def test_without_a_grace_a_ttl_may_be_longer() -> None:
    assert CacheSettings.from_mapping({"default_ttl": "36500d"}).default_ttl == timedelta(days=36500)


def test_what_a_call_keeps_for_too_long_is_told_by_the_name_of_an_argument() -> None:
    planner = Planner(CacheSettings(default_ttl=timedelta(seconds=1)))
    planner.plan(LONGEST - timedelta(days=1), stale_for=timedelta(days=1))

    with pytest.raises(ArgumentError) as caught:
        planner.plan(LONGEST, stale_if_error=1)

    assert str(caught.value) == f"stale_if_error {TOGETHER}"
