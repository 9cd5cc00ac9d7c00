"""A setting that cannot be used is refused by the name its writer gave it, with what to write instead."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis import AsyncRedisBundle, AsyncRedisModule, RedisBundle, RedisModule, RedisSettings, mount
from modkit_redis.contract import ConfigError, InvalidNameError
from tests.unit.settings.refused import (
    DATABASE,
    FILES,
    HOST_AND_PORT,
    NO_UNIT,
    RETRIES,
    TYPED,
    UNREADABLE,
    WRITTEN,
    YES_OR_NO,
    cases,
)
from tests.unit.settings.routes import (
    ADDR,
    ENVIRONMENT,
    MAPPING,
    NAMED_ENVIRONMENT,
    NAMED_MAPPING,
    OBJECT,
    Route,
    each_route,
    refusal,
    texts,
)

pytestmark = pytest.mark.once


def assert_refused(route: Route, field: str, value: object, reason: str) -> None:
    """Assert that *value* is refused, with this text and nothing behind it."""
    beside = {} if field == "url" else {"addr": ADDR}

    error = refusal(lambda: route.read({**beside, field: value}))

    assert str(error) == f"{route.called(field)} {reason.replace('<url>', route.called('url'))}"
    assert error.setting == route.called(field)
    assert (error.__cause__, error.__context__) == (None, None)


@each_route
@pytest.mark.parametrize(("field", "written", "reason"), cases(WRITTEN))
def test_text_that_cannot_be_used_is_refused(route: Route, field: str, written: str, reason: str) -> None:
    assert_refused(route, field, written, reason)


@pytest.mark.parametrize("route", [MAPPING, OBJECT], ids=str)
@pytest.mark.parametrize(("field", "value", "reason"), cases(TYPED))
def test_a_value_of_the_wrong_type_is_refused(route: Route, field: str, value: object, reason: str) -> None:
    assert_refused(route, field, value, reason)


@pytest.mark.parametrize("field", FILES.split())
def test_a_file_that_may_not_be_read_is_refused(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read all files

    assert_refused(MAPPING, field, __file__, UNREADABLE)


@pytest.mark.parametrize(
    ("route", "text"),
    [
        (ENVIRONMENT, "REDIS_ADDR is missing: {}; or give 'REDIS_URL'"),
        (NAMED_ENVIRONMENT, "REDIS_EU_ADDR is missing: {}; or give 'REDIS_EU_URL'"),
        (MAPPING, "redis.addr is missing: {}; or give 'redis.url'"),
        (NAMED_MAPPING, "redis.eu.addr is missing: {}; or give 'redis.eu.url'"),
        (OBJECT, "addr is missing: {}; or give 'url'"),
    ],
    ids=str,
)
def test_an_address_must_be_given(route: Route, text: str) -> None:
    error = refusal(lambda: route.read({}))

    assert str(error) == text.format("where Redis listens, as 'host:port', '[v6]:port' or 'unix:/path'")


@each_route
def test_all_problems_are_reported_at_once_in_the_order_of_the_documentation(route: Route) -> None:
    wrong = {"tls": "?", "retries": "x", "read_timeout": "5", "db": "x", "addr": "h"}

    error = refusal(lambda: route.read(wrong))

    problems = [
        f"{route.called('addr')} {HOST_AND_PORT}",
        f"{route.called('db')} {DATABASE}",
        f"{route.called('read_timeout')} {NO_UNIT}",
        f"{route.called('retries')} {RETRIES}",
        f"{route.called('tls')} {YES_OR_NO}",
    ]
    assert texts(error) == problems
    assert str(error) == "\n  ".join(("5 settings are wrong:", *problems))
    assert error.setting == route.called("addr")


@pytest.mark.parametrize("route", [MAPPING, NAMED_MAPPING, OBJECT], ids=str)
@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("adr", "addr"),
        ("REDIS_ADDR", "addr"),
        ("readtimeout", "read_timeout"),
        ("Db", "db"),
        ("dial-timeout", "dial_timeout"),
    ],
)
def test_an_unknown_key_is_refused_with_what_was_meant(route: Route, unknown: str, meant: str) -> None:
    error = refusal(lambda: route.read({"addr": ADDR, unknown: "x"}))

    assert str(error) == f"{route.called(unknown)} is no setting: did you mean {route.called(meant)}?"


@pytest.mark.parametrize("route", [MAPPING, OBJECT], ids=str)
def test_a_key_like_no_setting_is_refused_with_all_there_are(route: Route) -> None:
    error = refusal(lambda: route.read({"addr": ADDR, "zzz": "x"}))

    known = ", ".join(each.name.removeprefix("REDIS_").lower() for each in RedisSettings.describe())
    assert str(error) == f"{route.called('zzz')} is no setting; there are {known}"


@pytest.mark.parametrize("capability", ["cache", "session", "ratelimit"])
def test_the_section_of_a_capability_is_refused_as_no_setting_of_the_client(capability: str) -> None:
    error = refusal(lambda: MAPPING.read({"addr": ADDR, capability: {}}))

    reason = "is a section of its own: give it to a bundle, or to the module that it is for"
    assert str(error) == f"redis.{capability} {reason}"


def test_unknown_keys_are_reported_after_the_settings() -> None:
    values: dict[Any, object] = {"zz": 1, 5: 1, "db": "x", "addr": ADDR}

    error = refusal(lambda: RedisSettings.from_mapping(values))

    assert [each.setting for each in error.problems] == ["redis.db", "redis.5", "redis.zz"]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (None, "redis.eu is missing or empty: fill it, or give no config at all to read the environment"),
        ("addr", "redis.eu must be a mapping or a RedisSettings, not str"),
        ([("addr", ADDR)], "redis.eu must be a mapping or a RedisSettings, not list"),
        (5, "redis.eu must be a mapping or a RedisSettings, not int"),
        (RedisSettings, "redis.eu must be a mapping or a RedisSettings, not type"),
    ],
)
def test_a_config_that_settings_cannot_be_read_from_is_refused(config: object, text: str) -> None:
    assert str(refusal(lambda: RedisSettings.load(config, "eu"))) == text
    assert str(refusal(lambda: RedisSettings.load_key_prefix(config, "eu"))) == text


@pytest.mark.parametrize("empty", [{}, None])
def test_an_empty_config_never_becomes_the_environment(
    empty: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_ADDR", ADDR)

    with pytest.raises(ConfigError):
        RedisSettings.load(empty)


@pytest.mark.parametrize("module", [RedisModule, AsyncRedisModule, RedisBundle, AsyncRedisBundle])
@pytest.mark.parametrize(
    ("section", "text"),
    [
        (None, "redis is missing or empty: fill it, or give no config at all to read the environment"),
        ({"db": 1}, "redis.addr is missing: where Redis listens, as 'host:port'"),
    ],
)
def test_a_linked_section_never_becomes_the_environment(
    module: Any, section: object, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class App(containers.DeclarativeContainer):
        config = providers.Configuration()
        redis = mount(module, config=config.redis)

    monkeypatch.setenv("REDIS_ADDR", ADDR)

    assert str(refusal(App(config={"redis": section}).redis.client)).startswith(text)


@pytest.mark.parametrize("name", ["Eu", "tls", "config", "a-b"])
@pytest.mark.parametrize(
    "read",
    [
        lambda name: RedisSettings.from_env({"REDIS_ADDR": ADDR}, name=name),
        lambda name: RedisSettings.from_mapping({"addr": ADDR}, name=name),
        lambda name: RedisSettings.load({"addr": ADDR}, name),
        lambda name: RedisSettings.load_key_prefix({}, name),
    ],
    ids=["from_env", "from_mapping", "load", "load_key_prefix"],
)
def test_a_name_that_no_instance_can_have_is_refused(read: Callable[[str], object], name: str) -> None:
    with pytest.raises(InvalidNameError, match=f"^instance name '{name}' "):
        read(name)


@pytest.mark.parametrize("module", [RedisModule, AsyncRedisModule, RedisBundle, AsyncRedisBundle])
def test_a_module_reports_all_problems_of_its_config(module: Any) -> None:
    error = refusal(module(config={"addr": "h", "db": "x", "typo": 1}).client)

    assert [each.setting for each in error.problems] == ["redis.addr", "redis.db", "redis.typo"]
