"""The settings of the rate limiter: read by every route, refused by the name their writer gave them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest

from modkit_redis import RateLimitSettings
from modkit_redis.contract import InvalidNameError, Limit
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from tests.unit.settings.refused import NO_DURATION, NO_UNIT, TOO_LONG, WRONG_TYPE, ZERO
from tests.unit.settings.routes import refusal

pytestmark = pytest.mark.once

DEFAULTS: Final = {
    "REDIS_RATELIMIT_LIMIT": "",
    "REDIS_RATELIMIT_ALGORITHM": "gcra",
    "REDIS_RATELIMIT_ON_OUTAGE": "closed",
    "REDIS_RATELIMIT_REPLICAS": "",
    "REDIS_RATELIMIT_DEADLINE": "",
    "REDIS_RATELIMIT_BREAKER": "1s",
    "REDIS_RATELIMIT_DENY_CACHE": "0",
}
FIELDS: Final = [name.removeprefix("REDIS_RATELIMIT_").lower() for name in DEFAULTS]


@dataclass(frozen=True)
class Route:
    """One way to give settings; ``label`` is what it calls one."""

    name: str
    label: str
    read: Callable[[Mapping[str, Any]], RateLimitSettings]

    def called(self, field: str) -> str:
        name = self.label.format(field)
        return name.upper() if self.label.startswith("REDIS") else name

    def __str__(self) -> str:
        return self.name


def environment(values: Mapping[str, Any], name: str = "") -> RateLimitSettings:
    above = f"REDIS_{name.upper()}_RATELIMIT_" if name else "REDIS_RATELIMIT_"
    return RateLimitSettings.from_env(
        {above + field.upper(): value for field, value in values.items()}, name=name
    )


ENVIRONMENT: Final = Route("environment", "REDIS_RATELIMIT_{}", environment)
MAPPING: Final = Route("mapping", "redis.ratelimit.{}", RateLimitSettings.from_mapping)
OBJECT: Final = Route("object", "{}", lambda values: RateLimitSettings(**values))
ROUTES: Final = (
    ENVIRONMENT,
    Route("named environment", "REDIS_EU_RATELIMIT_{}", lambda values: environment(values, "eu")),
    MAPPING,
    Route(
        "named mapping",
        "redis.eu.ratelimit.{}",
        lambda values: RateLimitSettings.from_mapping(values, name="eu"),
    ),
    OBJECT,
)
each_route = pytest.mark.parametrize("route", ROUTES, ids=str)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
LOCAL: Final = {"on_outage": "local", "replicas": "4"}

WRITTEN: Final[list[tuple[str, str, object]]] = [
    ("limit", "100/minute", (Limit(100, MINUTE),)),
    ("limit", "login=5 per 15m", (Limit(5, timedelta(minutes=15), name="login"),)),
    (
        "limit",
        "second=10/second burst 20, day=1000/day shadow",
        (Limit(10, SECOND, burst=20, name="second"), Limit(1000, DAY, name="day", shadow=True)),
    ),
    *(("algorithm", each, each) for each in ("gcra", "sliding", "fixed", "strict")),
    *(("on_outage", each, each) for each in ("closed", "open")),
    ("deadline", "250ms", timedelta(milliseconds=250)),
    ("breaker", "0", timedelta(0)),
    ("breaker", "5s", timedelta(seconds=5)),
    ("deny_cache", "0", 0),
    ("deny_cache", "1000000", 10**6),
]
ALGORITHM: Final = "must be 'gcra' or 'sliding' or 'fixed' or 'strict'"
OUTAGE: Final = "must be 'closed' or 'open' or 'local'"
REPLICAS: Final = "must be a whole number from 1 to 100000"
DENIALS: Final = "must be a whole number from 0 to 1000000"
EXAMPLES: Final = (
    "must be written like '100/minute', 'login=5/15m', '10/second burst 20' or "
    "'second=10/second, day=1000/day'"
)
COUNT: Final = "count must be a whole number from 1 to 2147483648"

REFUSED: Final[list[tuple[str, object, str]]] = [
    *(("limit", text, EXAMPLES) for text in ("5", "5/fortnight", "many", "a=1/second,", "1/second;2/day")),
    ("limit", "0/minute", COUNT),
    ("limit", "9999999999/minute", COUNT),
    ("limit", "5/367d", "period must be a timedelta from 1ms to 366 days"),
    (
        "limit",
        "1a=5/minute",
        "name must be 1 to 32 letters, digits, '-' and '_', beginning with a letter",
    ),
    ("limit", "a=1/second, 2/day", "needs a name where several stand together, as in 'second=10/second'"),
    ("limit", "a=1/second, a=2/day", "has a name twice: each of several needs one of its own"),
    *(("algorithm", text, ALGORITHM) for text in ("", "GCRA", "token-bucket")),
    *(("on_outage", text, OUTAGE) for text in ("", "Open", "fail")),
    *((each, text, NO_UNIT) for each in ("deadline", "breaker") for text in ("5", "0.5")),
    *((each, text, NO_DURATION) for each in ("deadline", "breaker") for text in ("", "5x", "nan", "-5s")),
    *((each, "36501d", TOO_LONG) for each in ("deadline", "breaker")),
    *(("deadline", text, ZERO) for text in ("0", "0s")),
    *(("replicas", text, REPLICAS) for text in ("0", "-1", "100001", "1.5", "many", "")),
    *(("deny_cache", text, DENIALS) for text in ("-1", "1000001", "1e3", "")),
]
TYPED: Final[list[tuple[str, object, str]]] = [
    *((each, value, WRONG_TYPE) for each in ("deadline", "breaker") for value in (5, True, b"5s")),
    *(("algorithm", value, ALGORITHM) for value in (None, 1)),
    *(("on_outage", value, OUTAGE) for value in (None, False)),
    *(("replicas", value, REPLICAS) for value in (True, 1.5, 0)),
    *(("deny_cache", value, DENIALS) for value in (True, None, 0.5)),
]


def test_the_settings_and_their_defaults_are_those_of_the_documentation() -> None:
    assert {each.name: each.default for each in RateLimitSettings.describe()} == DEFAULTS


def test_every_setting_is_read_below_and_says_what_it_is_about() -> None:
    assert {field for field, _, _ in WRITTEN} | {"replicas"} == {*FIELDS}
    assert all(
        len(each.about) > 20 and each.about.count("`") % 2 == 0 for each in RateLimitSettings.describe()
    )


@each_route
@pytest.mark.parametrize(("field", "written", "value"), WRITTEN)
def test_a_setting_is_read_from_text(route: Route, field: str, written: str, value: object) -> None:
    settings = route.read({field: written})

    assert getattr(settings, field) == value


@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
@pytest.mark.parametrize(("field", "written", "value"), WRITTEN)
def test_a_setting_may_have_its_type_already(route: Route, field: str, written: str, value: object) -> None:
    assert route.read({field: value}) == route.read({field: written})


@each_route
def test_local_decisions_go_with_a_number_of_replicas(route: Route) -> None:
    settings = route.read(LOCAL)

    assert (settings.on_outage, settings.replicas) == ("local", 4)


@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
def test_one_limit_or_a_list_is_as_good_as_a_tuple(route: Route) -> None:
    limit = Limit(5, timedelta(microseconds=1500))

    assert route.read({"limit": limit}) == route.read({"limit": [limit]}) == route.read({"limit": (limit,)})


@each_route
def test_what_is_not_given_has_its_default(route: Route) -> None:
    settings = route.read({"deny_cache": "0"})

    shown = {f"REDIS_RATELIMIT_{name.upper()}": text for name, text in settings.shown().items()}
    assert shown == DEFAULTS
    assert settings == RateLimitSettings()


def test_without_any_setting_it_can_be_used() -> None:
    assert RateLimitSettings.from_env({}) == RateLimitSettings()
    assert RateLimitSettings().rules() == ()


@pytest.mark.parametrize("field", ["limit", "replicas", "deadline"])
@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
def test_none_is_the_same_as_nothing_where_there_is_no_default(route: Route, field: str) -> None:
    assert route.read({field: None, "deny_cache": 3}) == route.read({"deny_cache": 3})


@each_route
@pytest.mark.parametrize(("field", "written", "reason"), REFUSED)
def test_text_that_cannot_be_used_is_refused(route: Route, field: str, written: object, reason: str) -> None:
    error = refusal(lambda: route.read({field: written}))

    assert str(error) == f"{route.called(field)} {reason}"
    assert error.setting == route.called(field)
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize("route", [MAPPING, OBJECT], ids=str)
@pytest.mark.parametrize(("field", "value", "reason"), TYPED)
def test_a_value_of_the_wrong_type_is_refused(route: Route, field: str, value: object, reason: str) -> None:
    error = refusal(lambda: route.read({field: value}))

    assert str(error) == f"{route.called(field)} {reason}"


@pytest.mark.parametrize("route", [MAPPING, OBJECT], ids=str)
@pytest.mark.parametrize("value", [5, True, b"5/minute", [], (), ["5/minute"], {"a": 1}])
def test_limits_of_another_type_are_refused(route: Route, value: object) -> None:
    error = refusal(lambda: route.read({"limit": value}))

    assert error.setting == route.called("limit")


@each_route
def test_all_problems_are_reported_at_once_in_the_order_of_the_documentation(route: Route) -> None:
    error = refusal(lambda: route.read({"deny_cache": "?", "limit": "?", "algorithm": "x"}))

    assert [each.setting for each in error.problems] == [
        route.called(field) for field in ("limit", "algorithm", "deny_cache")
    ]


@each_route
@pytest.mark.parametrize(
    "given", [{"on_outage": "local"}, {"replicas": "3"}, {"replicas": "3", "on_outage": "open"}]
)
def test_local_decisions_and_replicas_are_set_together(route: Route, given: dict[str, str]) -> None:
    error = refusal(lambda: route.read(given))

    outage = route.called("on_outage")
    assert str(error) == f"{route.called('replicas')} goes with {outage}=local: set both or neither"


@each_route
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {"limit": "10/second burst 20", "algorithm": "sliding"},
            "burst is for the algorithm gcra, not for sliding",
        ),
        (
            {"limit": "2147483647/366d"},
            "cannot be counted exactly: ",
        ),
    ],
)
def test_a_limit_that_the_algorithm_cannot_count_is_refused(
    route: Route, given: dict[str, str], reason: str
) -> None:
    error = refusal(lambda: route.read(given))

    assert str(error).startswith(f"{route.called('limit')} {reason}")


def test_what_is_unusable_contradicts_nothing() -> None:
    error = refusal(lambda: MAPPING.read({"limit": "5/second burst 9", "algorithm": "x", "on_outage": "?"}))

    assert [each.setting for each in error.problems] == [
        "redis.ratelimit.algorithm",
        "redis.ratelimit.on_outage",
    ]


@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
@pytest.mark.parametrize(
    ("unknown", "meant"),
    [("burst", None), ("limits", "limit"), ("REDIS_RATELIMIT_LIMIT", "limit"), ("onoutage", "on_outage")],
)
def test_an_unknown_key_is_refused_with_what_was_meant(route: Route, unknown: str, meant: str | None) -> None:
    error = refusal(lambda: route.read({unknown: "x"}))

    said = f"did you mean {route.called(meant)}?" if meant else "there are limit, "
    assert str(error).startswith(f"{route.called(unknown)} is no setting")
    assert said in str(error)


def test_of_the_environment_only_its_own_part_is_read() -> None:
    environ = {
        "REDIS_RATELIMIT_LIMIT": "5/minute",
        "REDIS_EU_RATELIMIT_LIMIT": "9/minute",
        "REDIS_EU_RATELIMIT_ALGORITHM": "strict",
        "REDIS_RATELIMIT_TYPO": "x",
        "REDIS_LIMIT": "1/day",
    }

    assert RateLimitSettings.from_env(environ) == MAPPING.read({"limit": "5/minute"})
    assert RateLimitSettings.from_env(environ, name="eu") == MAPPING.read(
        {"limit": "9/minute", "algorithm": "strict"}
    )


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_RATELIMIT_LIMIT", "7/minute")

    assert RateLimitSettings.from_env().limit == (Limit(7, MINUTE),)
    assert RateLimitSettings.load(FROM_ENVIRONMENT).limit == (Limit(7, MINUTE),)


@pytest.mark.parametrize("name", ["Eu", "ratelimit", "a-b"])
def test_a_name_that_no_instance_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        RateLimitSettings.from_mapping({"deny_cache": 3}, name=name)


def test_settings_are_values() -> None:
    settings = MAPPING.read({"limit": "a=5/minute, b=9/day", "deadline": "1s"})

    assert hash(settings) == hash(copy.deepcopy(settings))
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert RateLimitSettings.load(settings) is settings
    assert repr(settings).startswith("RateLimitSettings(limit='a=5/minute, b=9/day', algorithm='gcra', ")
