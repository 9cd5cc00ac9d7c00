"""Settings that do not go with each other are refused, together with all that is wrong anyway."""

from __future__ import annotations

from pathlib import Path

import pytest

from modkit_redis import AsyncRedisModule, RedisModule, RedisSettings
from tests.unit.settings.refused import DATABASE, UNREADABLE, YES_OR_NO
from tests.unit.settings.routes import ADDR, ENVIRONMENT, MAPPING, Route, each_route, refusal, texts

FILE = __file__
SOCKET = "unix:/run/redis.sock"
NO_TLS = "has no effect without TLS: set <tls> to true, or leave it out"
TWO_PASSWORDS = "cannot be used together with a password: leave one of them out"
NO_PASSWORD = "needs a password: <password> or <password_file>"


def written_for(route: Route, text: str) -> str:
    """Return *text* with the names of settings, ``<db>``, as *route* writes them."""
    for info in RedisSettings.describe():
        field = info.name.removeprefix("REDIS_").lower()
        text = text.replace(f"<{field}>", route.called(field))
    return text


@each_route
@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"addr": ADDR, "password": "p", "password_file": FILE}, f"<password_file> {TWO_PASSWORDS}"),
        ({"url": "redis://:p@h", "password_file": FILE}, f"<password_file> {TWO_PASSWORDS}"),
        ({"addr": ADDR, "username": "app"}, f"<username> {NO_PASSWORD}"),
        (
            {"addr": SOCKET, "tls": "true"},
            "<tls> cannot be used with a unix socket: leave it out, or give a host and a port",
        ),
        (
            {"url": "unix:///run/redis.sock", "tls": "true"},
            "<tls> cannot be used with a unix socket: leave it out, or give a host and a port",
        ),
        ({"addr": ADDR, "tls_ca_file": FILE}, f"<tls_ca_file> {NO_TLS}"),
        ({"addr": ADDR, "tls_cert_file": FILE, "tls": "false"}, f"<tls_cert_file> {NO_TLS}"),
        ({"addr": ADDR, "tls_server_name": "redis.example"}, f"<tls_server_name> {NO_TLS}"),
        ({"addr": ADDR, "tls_min_version": "1.3"}, f"<tls_min_version> {NO_TLS}"),
        ({"url": "redis://h", "tls_ca_file": FILE}, f"<tls_ca_file> {NO_TLS}"),
        (
            {"addr": ADDR, "tls": "true", "tls_key_file": FILE},
            "<tls_key_file> needs the certificate that belongs to it: <tls_cert_file>",
        ),
        ({"url": "redis://h", "addr": ADDR}, "<url> already gives <addr>: leave one of them out"),
        ({"url": "redis://:p@h", "password": "p"}, "<url> already gives <password>: leave one of them out"),
        ({"url": "redis://u:p@h", "username": "u"}, "<url> already gives <username>: leave one of them out"),
        ({"url": "redis://h/1", "db": "1"}, "<url> already gives <db>: leave one of them out"),
        ({"url": "redis://h?db=1", "db": "2"}, "<url> already gives <db>: leave one of them out"),
        ({"url": "rediss://h", "tls": "false"}, "<url> already gives <tls>: leave one of them out"),
        ({"url": "redis://u@h"}, f"<url> gives a user, who {NO_PASSWORD}"),
        ({"url": "redis://u:@h"}, f"<url> gives a user, who {NO_PASSWORD}"),
        ({"url": "redis://u@h", "password": None}, f"<url> gives a user, who {NO_PASSWORD}"),
    ],
)
def test_a_contradiction_is_refused(route: Route, values: dict[str, object], text: str) -> None:
    error = refusal(lambda: route.read(values))

    assert str(error) == written_for(route, text)


@pytest.mark.parametrize(
    "values",
    [
        {"addr": SOCKET, "tls": "false"},
        {"addr": ADDR, "tls_min_version": "1.2"},
        {"addr": ADDR, "username": "app", "password_file": FILE},
        {"addr": ADDR, "tls": "true", "tls_cert_file": FILE},
        {"url": "redis://h", "tls": "true"},
        {"url": "redis://h", "db": "3", "username": "u", "password": "p"},
        {"url": "redis://u@h", "password": "p"},
        {"url": "redis://u@h", "password_file": FILE},
        {"url": "redis://:p@h", "username": "u"},
        {"url": "redis://u:p@h", "username": None, "password": None},
    ],
)
def test_what_goes_together_is_accepted(values: dict[str, object]) -> None:
    assert MAPPING.read(values)


def test_a_contradiction_is_reported_beside_what_is_wrong_anyway() -> None:
    error = refusal(lambda: ENVIRONMENT.read({"addr": ADDR, "db": "x", "username": "u", "tls_ca_file": FILE}))

    assert texts(error) == [
        "REDIS_USERNAME needs a password: REDIS_PASSWORD or REDIS_PASSWORD_FILE",
        f"REDIS_DB {DATABASE}",
        "REDIS_TLS_CA_FILE has no effect without TLS: set REDIS_TLS to true, or leave it out",
    ]


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({"username": "u", "password_file": "/nowhere"}, [f"<password_file> {UNREADABLE}"]),
        ({"tls": "maybe", "tls_ca_file": FILE}, [f"<tls> {YES_OR_NO}"]),
        ({"tls": "true", "tls_key_file": FILE, "tls_cert_file": "/no"}, [f"<tls_cert_file> {UNREADABLE}"]),
    ],
)
def test_what_is_unusable_contradicts_nothing(values: dict[str, object], problems: list[str]) -> None:
    error = refusal(lambda: MAPPING.read({"addr": ADDR, **values}))

    assert texts(error) == [written_for(MAPPING, each) for each in problems]


@pytest.mark.parametrize("beside", [{"username": "u"}, {"tls_ca_file": FILE}, {"password_file": FILE}])
def test_what_an_unusable_url_would_have_given_is_not_missed(beside: dict[str, object]) -> None:
    error = refusal(lambda: MAPPING.read({"url": "ftp://x", **beside}))

    assert [each.setting for each in error.problems] == ["redis.url"]


def test_everything_that_a_url_gives_twice_is_reported() -> None:
    values = {
        "url": "rediss://u:p@h/1",
        "addr": ADDR,
        "username": "u",
        "password": "p",
        "db": "1",
        "tls": "1",
    }

    error = refusal(lambda: MAPPING.read(values))

    twice = ["addr", "db", "password", "tls", "username"]
    assert texts(error) == [f"redis.url already gives redis.{each}: leave one of them out" for each in twice]


@pytest.mark.parametrize("module", [RedisModule, AsyncRedisModule])
@pytest.mark.parametrize("config", [{"addr": ADDR}, RedisSettings(addr=ADDR)], ids=["mapping", "object"])
def test_an_env_file_is_not_read_beside_a_config(
    module: type[RedisModule | AsyncRedisModule], config: object, tmp_path: Path
) -> None:
    text = "env_file cannot be used with a config (redis.eu): leave one of them out"

    assert str(refusal(module(config=config, name="eu", env_file=tmp_path / ".env").client)) == text
    assert str(refusal(module(config=config, name="eu", env_file=tmp_path / ".env").key_prefix)) == text
