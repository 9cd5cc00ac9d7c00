# Generated from ../_async/test_traps_settings.py by .ci/unasync.py; do not edit.
"""Traps 1 to 4 and 42: settings are checked before anything is sent, and what is on the client closes first.

Every setting with every bad value and its exact text is in ``tests/unit/settings``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from modkit_redis import RedisModule, RedisSettings
from modkit_redis.contract import ConfigError
from tests.capability import NotesBundle
from tests.support import connections_named


def refused(config: object) -> ConfigError:
    """Return the error with which a module of this configuration refuses to start."""
    with pytest.raises(ConfigError) as caught:
        RedisModule(config=config).init_resources()
    return caught.value


@pytest.mark.parametrize(
    "addr", ["localhost", "redis://localhost:6379", ":6379", "localhost:0", "localhost:65536", "", "unix:"]
)
def test_trap_01_an_address_that_is_none_is_refused(addr: str) -> None:
    assert (refused({"addr": addr})).setting == "redis.addr"

    with pytest.raises(ConfigError):
        RedisSettings(addr=addr)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("db", "one"),
        ("db", -1),
        ("db", True),
        ("read_timeout", "-1s"),
        ("read_timeout", "nan"),
        ("read_timeout", "5"),
        ("dial_timeout", 5),
        ("pool_size", 0),
        ("pool_size", True),
        ("pool_timeout", ""),
    ],
)
def test_trap_02_a_value_that_cannot_be_used_never_becomes_a_default(name: str, value: object) -> None:
    error = refused({"addr": "localhost:6379", name: value})

    assert error.setting == f"redis.{name}"


def test_trap_03_an_unknown_setting_is_refused_and_an_unknown_variable_is_not(
    addr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_ADDR", addr)
    monkeypatch.setenv("REDIS_PORT", "tcp://10.0.0.1:6379")  # as orchestrators set it
    monkeypatch.setenv("REDIS_SERVICE_HOST", "10.0.0.1")

    assert "did you mean" in str(refused({"addr": addr, "read_timeuot": "1s"}))
    assert (refused({"url": f"redis://{addr}?timeout=5"})).setting == "redis.url"
    with pytest.raises(ConfigError):
        replace(RedisSettings(addr=addr), adr=addr)  # type: ignore[call-arg]  # the mistake
    module = RedisModule()
    assert module.client().ping()
    module.shutdown_resources()


@pytest.mark.parametrize(
    "more",
    [
        {"addr": "unix:/run/redis.sock", "tls": True},
        {"url": "redis://localhost:6379"},
        {"password": "a", "password_file": __file__},
        {"client_name": "two words"},
        {"tls_server_name": "redis.example"},
    ],
)
def test_trap_04_settings_that_contradict_each_other_are_refused(more: dict[str, object]) -> None:
    assert refused({"addr": "localhost:6379", **more})


def test_trap_42_what_is_on_the_client_is_closed_before_it(
    addr: str, prefix: str, admin: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_NOTES_LIMIT", "100")
    monkeypatch.setenv("REDIS_ADDR", addr)
    monkeypatch.setenv("REDIS_KEY_PREFIX", prefix)
    monkeypatch.setenv("REDIS_CLIENT_NAME", prefix)
    bundle = NotesBundle()
    bundle.notes.store().write("last", "sent when it is closed")

    bundle.shutdown_resources()

    assert admin.get(f"{prefix}:notes:last") == b"sent when it is closed"
    assert connections_named(admin, prefix) == 0
