"""Each setting has its default, and is read by every route."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from modkit_redis import RedisSettings
from modkit_redis.client.config import Address
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from tests.unit.settings.routes import ADDR, NAMED_MAPPING, OBJECT, ROUTES, Route, each_route, refusal

DEFAULTS = {
    "REDIS_ADDR": "required",
    "REDIS_URL": "",
    "REDIS_USERNAME": "",
    "REDIS_PASSWORD": "",
    "REDIS_PASSWORD_FILE": "",
    "REDIS_DB": "0",
    "REDIS_DIAL_TIMEOUT": "5s",
    "REDIS_READ_TIMEOUT": "3s",
    "REDIS_WRITE_TIMEOUT": "",
    "REDIS_POOL_SIZE": "50",
    "REDIS_POOL_TIMEOUT": "1s",
    "REDIS_KEY_PREFIX": "",
    "REDIS_PING_TIMEOUT": "0",
    "REDIS_RETRIES": "0",
    "REDIS_TLS": "false",
    "REDIS_TLS_CA_FILE": "",
    "REDIS_TLS_CERT_FILE": "",
    "REDIS_TLS_KEY_FILE": "",
    "REDIS_TLS_SERVER_NAME": "",
    "REDIS_TLS_MIN_VERSION": "1.2",
    "REDIS_CLIENT_NAME": "modkit-redis",
    "REDIS_TOPOLOGY": "standalone",
}
FILE = Path(__file__)
BESIDE = {
    "username": {"password": "p"},
    "tls_ca_file": {"tls": "true"},
    "tls_cert_file": {"tls": "true"},
    "tls_key_file": {"tls": "true", "tls_cert_file": str(FILE)},
    "tls_server_name": {"tls": "true"},
    "tls_min_version": {"tls": "true"},
}
WRITTEN: list[tuple[str, str, object]] = [
    ("addr", "redis.example:7000", "redis.example:7000"),
    ("addr", "localhost:06379", "localhost:6379"),
    ("addr", "[::1]:6379", "[::1]:6379"),
    ("addr", "[fe80::1%eth0]:6379", "[fe80::1%eth0]:6379"),
    ("addr", "[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.1]:1"),
    ("addr", "unix:/run/redis.sock", "unix:/run/redis.sock"),
    ("username", "app", "app"),
    ("password", "p%40: $x'\"", "p%40: $x'\""),
    ("password_file", str(FILE), FILE),
    ("db", "15", 15),
    ("db", "007", 7),
    ("dial_timeout", "250ms", timedelta(milliseconds=250)),
    ("read_timeout", "1m30s", timedelta(seconds=90)),
    ("write_timeout", "1.5s", timedelta(seconds=1.5)),
    ("pool_size", "1", 1),
    ("pool_timeout", "1d2h", timedelta(hours=26)),
    ("key_prefix", ":shop::eu:", "shop:eu"),
    ("key_prefix", "", ""),
    ("ping_timeout", "0", timedelta(0)),
    ("ping_timeout", "0s", timedelta(0)),
    ("ping_timeout", "2s", timedelta(seconds=2)),
    ("retries", "3", 3),
    *(("tls", each, True) for each in ("true", "True", "yes", "on", "1")),
    *(("tls", each, False) for each in ("false", "FALSE", "no", "off", "0")),
    ("tls_ca_file", str(FILE), FILE),
    ("tls_cert_file", str(FILE), FILE),
    ("tls_key_file", str(FILE), FILE),
    ("tls_server_name", "redis.example", "redis.example"),
    ("tls_min_version", "1.3", "1.3"),
    ("client_name", "shop-7", "shop-7"),
    ("topology", "standalone", "standalone"),
]


def test_the_settings_and_their_defaults_are_those_of_the_documentation() -> None:
    assert {each.name: each.default for each in RedisSettings.describe()} == DEFAULTS


@pytest.mark.parametrize("info", RedisSettings.describe(), ids=lambda info: info.name)
def test_every_setting_says_what_it_is_about(info: Any) -> None:
    assert len(info.about) > len("a word")
    assert info.about.count("`") % 2 == 0


def test_every_setting_but_the_url_is_read_below() -> None:
    read = {f"REDIS_{field.upper()}" for field, _, _ in WRITTEN}

    assert read == DEFAULTS.keys() - {"REDIS_URL"}  # it has a module of its own


@each_route
@pytest.mark.parametrize(("field", "written", "value"), WRITTEN)
def test_a_setting_is_read_from_text(route: Route, field: str, written: str, value: object) -> None:
    settings = route.read({"addr": ADDR, **BESIDE.get(field, {}), field: written})

    assert getattr(settings, field) == value
    assert type(getattr(settings, field)) is type(value)


@pytest.mark.parametrize("route", [*ROUTES[2:]], ids=str)
@pytest.mark.parametrize(("field", "written", "value"), WRITTEN)
def test_a_setting_may_have_its_type_already(route: Route, field: str, written: str, value: object) -> None:
    settings = route.read({"addr": ADDR, **BESIDE.get(field, {}), field: value})

    assert getattr(settings, field) == value


@each_route
def test_what_is_not_given_has_its_default(route: Route) -> None:
    settings = route.read({"addr": ADDR})

    assert settings == RedisSettings(addr=ADDR)
    shown = {f"REDIS_{name.upper()}": text for name, text in settings.shown().items()}
    assert shown == {**DEFAULTS, "REDIS_ADDR": ADDR}


def test_the_write_timeout_is_not_given_unless_it_is_written() -> None:
    assert RedisSettings(addr=ADDR, read_timeout=timedelta(seconds=7)).write_timeout is None


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("localhost:6379", Address("localhost", 6379)),
        ("[::1]:7", Address("::1", 7)),
        ("unix:/run/redis.sock", Address(path="/run/redis.sock")),
    ],
)
def test_an_address_has_a_host_and_a_port_or_a_path(written: str, address: Address) -> None:
    settings = RedisSettings(addr=written)

    assert settings.address == address
    assert str(address) == written


@pytest.mark.parametrize("unset", ["username", "password", "write_timeout", "tls_ca_file", "url"])
@pytest.mark.parametrize("route", [NAMED_MAPPING, OBJECT], ids=str)
def test_none_is_the_same_as_nothing_where_there_is_no_default(route: Route, unset: str) -> None:
    assert route.read({"addr": ADDR, unset: None}) == RedisSettings(addr=ADDR)


def test_an_environment_variable_that_nobody_knows_is_nobodys_business() -> None:
    orchestrated = {
        "REDIS_PORT": "tcp://10.0.0.1:6379",
        "REDIS_SERVICE_HOST": "10.0.0.1",
        "REDIS_": "",
        "DB": "x",
    }

    settings = RedisSettings.from_env({"REDIS_ADDR": ADDR, **orchestrated})

    assert settings == RedisSettings(addr=ADDR)


def test_a_named_instance_inherits_nothing() -> None:
    environ = {"REDIS_ADDR": ADDR, "REDIS_DB": "7", "REDIS_EU_ADDR": "eu:1"}

    assert RedisSettings.from_env(environ, name="eu") == RedisSettings(addr="eu:1")
    assert RedisSettings.from_env(environ) == RedisSettings(addr=ADDR, db=7)


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_ADDR", "from.environ:1")

    assert RedisSettings.from_env().addr == "from.environ:1"
    assert RedisSettings.load(FROM_ENVIRONMENT).addr == "from.environ:1"


def test_loading_settings_gives_the_same_object() -> None:
    settings = RedisSettings(addr=ADDR)

    assert RedisSettings.load(settings) is settings


def test_loading_a_mapping_reads_it() -> None:
    assert RedisSettings.load({"addr": ADDR}, "eu") == RedisSettings(addr=ADDR)


def test_the_key_prefix_is_read_alone_whatever_the_others_are() -> None:
    assert RedisSettings.load_key_prefix({"key_prefix": ":shop:", "db": "wrong", "typo": 1}) == "shop"
    assert RedisSettings.load_key_prefix(RedisSettings(addr=ADDR, key_prefix="eu")) == "eu"
    assert RedisSettings.load_key_prefix({}) == ""


def test_a_key_prefix_that_is_read_alone_is_checked() -> None:
    error = refusal(lambda: RedisSettings.load_key_prefix({"key_prefix": "cache"}, "eu"))

    assert str(error) == "redis.eu.key_prefix must not hold the part 'cache': it names a section of the keys"
    assert (error.__cause__, error.__context__) == (None, None)


def test_settings_are_values() -> None:
    settings = RedisSettings(addr=ADDR, password="p", dial_timeout=timedelta(seconds=1))

    assert settings == RedisSettings(addr=ADDR, password="p", dial_timeout=timedelta(seconds=1))
    assert hash(settings) == hash(copy.deepcopy(settings))
    assert pickle.loads(pickle.dumps(settings)) == settings
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.db = 3  # type: ignore[misc]  # the point  # pyright: ignore[reportAttributeAccessIssue]


def test_a_setting_can_be_replaced_in_a_copy() -> None:
    settings = RedisSettings(addr=ADDR, password="p")

    assert dataclasses.replace(cast(Any, settings), db=3) == RedisSettings(addr=ADDR, password="p", db=3)
