"""The settings of the cache: read by every route, refused by the name their writer gave them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest

from modkit_redis import CacheSettings
from modkit_redis.contract import InvalidNameError
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from tests.unit.settings.refused import (
    NO_DURATION,
    NO_UNIT,
    TOO_LONG,
    WRONG_TYPE,
    YES_OR_NO,
    ZERO,
)
from tests.unit.settings.routes import refusal, texts

pytestmark = pytest.mark.once

DEFAULTS: Final = {
    "REDIS_CACHE_DEFAULT_TTL": "required",
    "REDIS_CACHE_TTL_JITTER": "0",
    "REDIS_CACHE_CODEC": "json",
    "REDIS_CACHE_COMPRESS_ABOVE": "",
    "REDIS_CACHE_MAX_BYTES": "16777216",
    "REDIS_CACHE_ON_OUTAGE": "raise",
    "REDIS_CACHE_DEADLINE": "",
    "REDIS_CACHE_LEASE": "5s",
    "REDIS_CACHE_STALE_FOR": "0",
    "REDIS_CACHE_STALE_IF_ERROR": "0",
    "REDIS_CACHE_ERROR_COOLDOWN": "1s",
    "REDIS_CACHE_NEGATIVE_TTL": "",
    "REDIS_CACHE_EARLY_REFRESH": "false",
    "REDIS_CACHE_REFRESHES": "8",
    "REDIS_CACHE_DRAIN_TIMEOUT": "5s",
    "REDIS_CACHE_GENERATIONS": "false",
}
FIELDS: Final = [name.removeprefix("REDIS_CACHE_").lower() for name in DEFAULTS]


@dataclass(frozen=True)
class Route:
    """One way to give settings; ``label`` is what it calls one."""

    name: str
    label: str
    read: Callable[[Mapping[str, Any]], CacheSettings]

    def called(self, field: str) -> str:
        name = self.label.format(field)
        return name.upper() if self.label.startswith("REDIS") else name

    def __str__(self) -> str:
        return self.name


def environment(values: Mapping[str, Any], name: str = "") -> CacheSettings:
    above = f"REDIS_{name.upper()}_CACHE_" if name else "REDIS_CACHE_"
    return CacheSettings.from_env(
        {above + field.upper(): value for field, value in values.items()}, name=name
    )


ENVIRONMENT: Final = Route("environment", "REDIS_CACHE_{}", environment)
MAPPING: Final = Route("mapping", "redis.cache.{}", CacheSettings.from_mapping)
OBJECT: Final = Route("object", "{}", lambda values: CacheSettings(**values))
ROUTES: Final = (
    ENVIRONMENT,
    Route("named environment", "REDIS_EU_CACHE_{}", lambda values: environment(values, "eu")),
    MAPPING,
    Route(
        "named mapping",
        "redis.eu.cache.{}",
        lambda values: CacheSettings.from_mapping(values, name="eu"),
    ),
    OBJECT,
)
each_route = pytest.mark.parametrize("route", ROUTES, ids=str)
TTL: Final = {"default_ttl": "1m"}

WRITTEN: Final[list[tuple[str, str, object]]] = [
    ("default_ttl", "1m30s", timedelta(seconds=90)),
    ("default_ttl", "36500d", timedelta(days=36500)),
    ("default_ttl", "1ms", timedelta(milliseconds=1)),
    ("ttl_jitter", "0", 0),
    ("ttl_jitter", "50", 50),
    ("codec", "json", "json"),
    ("codec", "msgpack", "msgpack"),
    ("compress_above", "64", 64),
    ("compress_above", "536870912", 2**29),
    ("max_bytes", "64", 64),
    ("max_bytes", "536870912", 2**29),
    ("on_outage", "raise", "raise"),
    ("on_outage", "miss", "miss"),
    ("deadline", "250ms", timedelta(milliseconds=250)),
    ("lease", "50ms", timedelta(milliseconds=50)),
    ("lease", "1h", timedelta(hours=1)),
    ("stale_for", "0", timedelta(0)),
    ("stale_for", "10m", timedelta(minutes=10)),
    ("stale_if_error", "0s", timedelta(0)),
    ("stale_if_error", "1d", timedelta(days=1)),
    ("error_cooldown", "100ms", timedelta(milliseconds=100)),
    ("negative_ttl", "5s", timedelta(seconds=5)),
    *(("early_refresh", each, True) for each in ("true", "yes", "on", "1")),
    ("early_refresh", "false", False),
    ("refreshes", "1", 1),
    ("refreshes", "1000", 1000),
    ("drain_timeout", "0", timedelta(0)),
    ("drain_timeout", "30s", timedelta(seconds=30)),
    ("generations", "on", True),
    ("generations", "off", False),
]

POSITIVE: Final = ("default_ttl", "deadline", "lease", "error_cooldown", "negative_ttl")
SPANS: Final = (*POSITIVE, "stale_for", "stale_if_error", "drain_timeout")
LEASE: Final = "must be from 50ms to 1h"
CODEC: Final = "must be 'json' or 'msgpack'"
OUTAGE: Final = "must be 'raise' or 'miss'"
JITTER: Final = "must be a whole number from 0 to 50"
BYTES: Final = "must be a whole number from 64 to 536870912"
REFRESHES: Final = "must be a whole number from 1 to 1000"

REFUSED: Final[list[tuple[str, object, str]]] = [
    *((each, text, NO_UNIT) for each in SPANS for text in ("5", "0.5", "-5")),
    *((each, text, NO_DURATION) for each in SPANS for text in ("", "5x", "nan", "inf", "-5s", "for ever")),
    *((each, "36501d", TOO_LONG) for each in SPANS),
    *((each, text, ZERO) for each in POSITIVE for text in ("0", "0s", "0.0001ms")),
    *(("ttl_jitter", text, JITTER) for text in ("-1", "51", "10%", "0.1", "", "true")),
    *(("codec", text, CODEC) for text in ("pickle", "JSON", "", "yaml")),
    *(("compress_above", text, BYTES) for text in ("0", "63", "536870913", "1kb", "", "never")),
    *(("max_bytes", text, BYTES) for text in ("0", "-1", "63", "536870913", "1e6", "")),
    *(("on_outage", text, OUTAGE) for text in ("", "Raise", "ignore", "true")),
    *(("lease", text, LEASE) for text in ("1ms", "49ms", "61m", "1d")),
    *(("refreshes", text, REFRESHES) for text in ("0", "1001", "-1", "")),
    *((each, text, YES_OR_NO) for each in ("early_refresh", "generations") for text in ("", "2", "maybe")),
]
TYPED: Final[list[tuple[str, object, str]]] = [
    *((each, value, WRONG_TYPE) for each in SPANS for value in (5, 0.5, True, b"5s", float("nan"))),
    *((each, timedelta(seconds=-1), TOO_LONG) for each in SPANS),
    *((each, timedelta(0), ZERO) for each in POSITIVE),
    *((each, None, WRONG_TYPE) for each in ("default_ttl", "lease", "stale_for")),
    *(("ttl_jitter", value, JITTER) for value in (True, 0.1, None, 51)),
    *(("max_bytes", value, BYTES) for value in (True, None, 1e6, 63)),
    *(("compress_above", value, BYTES) for value in (True, 1e6, 63)),
    *(("codec", value, CODEC) for value in (None, 1, b"json")),
    *(("on_outage", value, OUTAGE) for value in (None, False)),
    *((each, value, YES_OR_NO) for each in ("early_refresh", "generations") for value in (None, 1, 0)),
]


def test_the_settings_and_their_defaults_are_those_of_the_documentation() -> None:
    assert {each.name: each.default for each in CacheSettings.describe()} == DEFAULTS


def test_every_setting_is_read_below_and_says_what_it_is_about() -> None:
    assert {field for field, _, _ in WRITTEN} == {*FIELDS}
    assert all(len(each.about) > 20 and each.about.count("`") % 2 == 0 for each in CacheSettings.describe())


@each_route
@pytest.mark.parametrize(("field", "written", "value"), WRITTEN)
def test_a_setting_is_read_from_text(route: Route, field: str, written: str, value: object) -> None:
    settings = route.read({**TTL, field: written})

    assert getattr(settings, field) == value
    assert type(getattr(settings, field)) is type(value)


@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
@pytest.mark.parametrize(("field", "written", "value"), WRITTEN)
def test_a_setting_may_have_its_type_already(route: Route, field: str, written: str, value: object) -> None:
    assert route.read({**TTL, field: value}) == route.read({**TTL, field: written})


@each_route
def test_what_is_not_given_has_its_default(route: Route) -> None:
    settings = route.read(TTL)

    shown = {f"REDIS_CACHE_{name.upper()}": text for name, text in settings.shown().items()}
    assert shown == {**DEFAULTS, "REDIS_CACHE_DEFAULT_TTL": "1m"}
    assert settings == CacheSettings(default_ttl=timedelta(minutes=1))


@pytest.mark.parametrize("field", ["compress_above", "deadline", "negative_ttl"])
@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
def test_none_is_the_same_as_nothing_where_there_is_no_default(route: Route, field: str) -> None:
    assert route.read({**TTL, field: None}) == route.read(TTL)


@each_route
@pytest.mark.parametrize(("field", "written", "reason"), REFUSED)
def test_text_that_cannot_be_used_is_refused(route: Route, field: str, written: object, reason: str) -> None:
    error = refusal(lambda: route.read({**TTL, field: written}))

    assert str(error) == f"{route.called(field)} {reason}"
    assert error.setting == route.called(field)
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize("route", [MAPPING, OBJECT], ids=str)
@pytest.mark.parametrize(("field", "value", "reason"), TYPED)
def test_a_value_of_the_wrong_type_is_refused(route: Route, field: str, value: object, reason: str) -> None:
    error = refusal(lambda: route.read({**TTL, field: value}))

    assert str(error) == f"{route.called(field)} {reason}"


@each_route
def test_a_default_ttl_must_be_given(route: Route) -> None:
    error = refusal(lambda: route.read({}))

    about = "how long a value is fresh when a call does not say, for example '5m'"
    assert str(error) == f"{route.called('default_ttl')} is missing: {about}"


@each_route
def test_all_problems_are_reported_at_once_in_the_order_of_the_documentation(route: Route) -> None:
    error = refusal(lambda: route.read({"generations": "?", "lease": "2h", "codec": "x"}))

    assert [each.setting for each in error.problems] == [
        route.called(field) for field in ("default_ttl", "codec", "lease", "generations")
    ]


def test_a_lease_that_is_unusable_is_reported_once() -> None:
    assert texts(refusal(lambda: MAPPING.read({**TTL, "lease": "0"}))) == [f"redis.cache.lease {ZERO}"]


TOGETHER: Final = "and the TTL must not be more than 49 days together"


@each_route
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"default_ttl": "49d", "stale_for": "1d"}, "stale_for"),
        ({"stale_for": "50d"}, "stale_for"),
        ({"default_ttl": "49d", "stale_if_error": "1d"}, "stale_if_error"),
        ({"negative_ttl": "49d", "stale_for": "1h", "stale_if_error": "1d"}, "stale_if_error"),
    ],
)
def test_a_grace_that_entries_cannot_express_is_refused(
    route: Route, given: dict[str, str], field: str
) -> None:
    error = refusal(lambda: route.read({**TTL, **given}))

    assert str(error) == f"{route.called(field)} {TOGETHER}"


@pytest.mark.parametrize(
    "given",
    [
        {"default_ttl": "36500d"},
        {"default_ttl": "36500d", "negative_ttl": "36500d"},
        {"default_ttl": "48d", "stale_for": "1d", "stale_if_error": "1d"},
    ],
)
def test_without_a_grace_a_ttl_may_be_long(given: dict[str, str]) -> None:
    assert MAPPING.read(given)


def test_what_is_unusable_contradicts_nothing() -> None:
    error = refusal(lambda: MAPPING.read({"default_ttl": "x", "stale_for": "100d"}))

    assert [each.setting for each in error.problems] == ["redis.cache.default_ttl"]


@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
@pytest.mark.parametrize(
    ("unknown", "meant"),
    [("ttl", None), ("leese", "lease"), ("REDIS_CACHE_LEASE", "lease"), ("onoutage", "on_outage")],
)
def test_an_unknown_key_is_refused_with_what_was_meant(route: Route, unknown: str, meant: str | None) -> None:
    error = refusal(lambda: route.read({**TTL, unknown: "x"}))

    said = f"did you mean {route.called(meant)}?" if meant else "there are default_ttl, "
    assert str(error).startswith(f"{route.called(unknown)} is no setting")
    assert said in str(error)


def test_of_the_environment_only_its_own_part_is_read() -> None:
    environ = {
        "REDIS_CACHE_DEFAULT_TTL": "1m",
        "REDIS_EU_CACHE_DEFAULT_TTL": "2m",
        "REDIS_EU_CACHE_CODEC": "msgpack",
        "REDIS_CACHE_TYPO": "x",
        "REDIS_DEFAULT_TTL": "9m",
    }

    assert CacheSettings.from_env(environ) == MAPPING.read(TTL)
    assert CacheSettings.from_env(environ, name="eu") == MAPPING.read(
        {"default_ttl": "2m", "codec": "msgpack"}
    )


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_CACHE_DEFAULT_TTL", "7s")

    assert CacheSettings.from_env().default_ttl == timedelta(seconds=7)
    assert CacheSettings.load(FROM_ENVIRONMENT).default_ttl == timedelta(seconds=7)


@pytest.mark.parametrize("name", ["Eu", "cache", "a-b"])
def test_a_name_that_no_instance_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        CacheSettings.from_mapping(TTL, name=name)


def test_settings_are_values() -> None:
    settings = MAPPING.read({**TTL, "deadline": "1s"})

    assert hash(settings) == hash(copy.deepcopy(settings))
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert CacheSettings.load(settings) is settings
    assert repr(settings).startswith("CacheSettings(default_ttl='1m', ttl_jitter='0', codec='json', ")
