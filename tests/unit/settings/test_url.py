"""A URL stands for an address, a user, a password, a database and TLS, and for nothing else."""

from __future__ import annotations

import pytest

from modkit_redis import RedisSettings
from tests.unit.settings.routes import ENVIRONMENT, MAPPING, Route, each_route, refusal, texts

FORM = (
    "must be 'redis://user:password@host:port/db', 'rediss://…' for TLS or 'unix:///path?db=0'; "
    "special characters in user and password are percent-encoded, '/' as '%2F'"
)
QUERY = (
    "may name the database once, and have no query but '?db=…': "
    "other options are settings of their own, such as <read_timeout>"
)
SLASHES = "must have three slashes before the path of a unix socket: 'unix:///path?db=0'"
DATABASE = "must have a whole number from 0 as its database, as in 'redis://host:port/0'"


@each_route
@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("redis://localhost", {"addr": "localhost:6379"}),
        ("redis://localhost/", {"addr": "localhost:6379"}),
        ("REDIS://Localhost:7000", {"addr": "localhost:7000"}),
        ("redis://h:7/3", {"addr": "h:7", "db": 3}),
        ("redis://h:7/3/", {"addr": "h:7", "db": 3}),
        ("redis://h?db=4", {"addr": "h:6379", "db": 4}),
        ("redis://[::1]:7/2", {"addr": "[::1]:7", "db": 2}),
        ("redis://[::1]", {"addr": "[::1]:6379"}),
        ("redis://[fe80::1%25eth0]:7", {"addr": "[fe80::1%eth0]:7"}),
        ("redis://:p@h", {"addr": "h:6379", "password": "p"}),
        ("redis://app:p@h", {"addr": "h:6379", "username": "app", "password": "p"}),
        ("redis://a%3Ab:%2F%3f%23%40%25%20@h", {"addr": "h:6379", "username": "a:b", "password": "/?#@% "}),
        ("redis://:p%C3%A4ss@h", {"addr": "h:6379", "password": "päss"}),
        ("redis://:päss@h", {"addr": "h:6379", "password": "päss"}),
        ("redis://:p@h:6379:6379@h2", {"addr": "h2:6379", "password": "p@h:6379:6379"}),
        ("redis://:@h", {"addr": "h:6379"}),
        ("rediss://h:7", {"addr": "h:7", "tls": True}),
        ("rediss://u:p@h:7/1", {"addr": "h:7", "tls": True, "username": "u", "password": "p", "db": 1}),
        ("unix:///run/redis.sock", {"addr": "unix:/run/redis.sock"}),
        ("unix:/run/redis.sock", {"addr": "unix:/run/redis.sock"}),
        ("unix:///run/my%20redis.sock?db=2", {"addr": "unix:/run/my redis.sock", "db": 2}),
        ("unix://u:p@/a", {"addr": "unix:/a", "username": "u", "password": "p"}),
    ],
)
def test_a_url_gives_its_parts(route: Route, url: str, parts: dict[str, object]) -> None:
    settings = route.read({"url": url})

    assert settings == RedisSettings(**parts)  # type: ignore[arg-type]  # each has its type
    assert settings.url is None


@each_route
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("localhost:6379", FORM),
        ("http://h", FORM),
        ("redis+sentinel://h", FORM),
        ("redis:/h", FORM),
        ("redis://", FORM),
        ("redis://:6379", FORM),
        ("redis://a,b", FORM),
        ("redis://h:0", FORM),
        ("redis://h:65536", FORM),
        ("redis://h:port", FORM),
        ("redis://[::1", FORM),
        ("redis://[:::]", FORM),
        ("redis://h#0", FORM),
        ("redis://:pa#ss@h", FORM),
        ("redis://:pa/ss@h", FORM),
        ("redis://:pa?ss@h", FORM),
        ("redis://:pa ss@h", FORM),
        ("redis://:%FF@h", FORM),
        ("redis://h\n:6379", FORM),
        ("\tredis://h", FORM),
        ("redis://h\0", FORM),
        ("redis://h/one", DATABASE),
        ("redis://h/-1", DATABASE),
        ("redis://h/1/2", DATABASE),
        ("redis://h?db=", DATABASE),
        ("unix:///a?db=x", DATABASE),
        ("redis://h/0?db=0", QUERY),
        ("redis://h?db=1&db=2", QUERY),
        ("redis://h?socket_timeout=5", QUERY),
        ("rediss://h?ssl_cert_reqs=none", QUERY),
        ("redis://h?protocol=3&db=1", QUERY),
        ("redis://h?db", FORM),
        ("unix://run/redis.sock", SLASHES),
        ("unix://u:p@run/redis.sock", SLASHES),
        ("unix://", FORM),
        ("unix://///a", FORM),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(route: Route, url: str, reason: str) -> None:
    error = refusal(lambda: route.read({"url": url}))

    reason = reason.replace("<read_timeout>", route.called("read_timeout"))
    assert texts(error) == [f"{route.called('url')} {reason}"]


def test_an_unusable_url_is_reported_beside_other_problems() -> None:
    error = refusal(lambda: ENVIRONMENT.read({"url": "http://h", "db": "x", "addr": "h"}))

    assert [each.setting for each in error.problems] == ["REDIS_ADDR", "REDIS_URL", "REDIS_DB"]


def test_a_url_says_nothing_of_the_other_settings() -> None:
    settings = MAPPING.read({"url": "redis://h/1", "key_prefix": "shop", "retries": "2"})

    assert (settings.db, settings.key_prefix, settings.retries) == (1, "shop", 2)
