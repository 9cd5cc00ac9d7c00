"""The settings of sessions: read by every route, refused by the name their writer gave them."""

from __future__ import annotations

import copy
import logging
import pickle
import pprint
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest

from modkit_redis import SessionSettings
from modkit_redis.contract import ConfigError, InvalidNameError
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from modkit_redis.session import sealing
from modkit_redis.session.sealing import Keys
from tests.unit.settings.exposure import exposed, failure
from tests.unit.settings.refused import EMPTY, NO_DURATION, NO_UNIT, TOO_LONG, WRONG_TYPE, ZERO
from tests.unit.settings.routes import refusal, texts

pytestmark = pytest.mark.once

DEFAULTS: Final = {
    "REDIS_SESSION_IDLE_TTL": "required",
    "REDIS_SESSION_ABSOLUTE_TTL": "required",
    "REDIS_SESSION_TOUCH_INTERVAL": "",
    "REDIS_SESSION_RENEWAL_INTERVAL": "",
    "REDIS_SESSION_RENEWAL_GRACE": "30s",
    "REDIS_SESSION_PER_USER_MAX": "",
    "REDIS_SESSION_ON_OUTAGE": "fail",
    "REDIS_SESSION_DEADLINE": "",
    "REDIS_SESSION_MAX_KEYS": "128",
    "REDIS_SESSION_MAX_KEY_BYTES": "64",
    "REDIS_SESSION_MAX_VALUE_BYTES": "16384",
    "REDIS_SESSION_MAX_BYTES": "65536",
    "REDIS_SESSION_ENCRYPTION_KEYS": "",
}
FIELDS: Final = [name.removeprefix("REDIS_SESSION_").lower() for name in DEFAULTS]
WITHOUT_DEFAULT: Final = ("touch_interval", "renewal_interval", "per_user_max", "deadline", "encryption_keys")

SECRET: Final = bytes(range(100, 132))
SECRETS: Final = (b64encode(SECRET).decode(), repr(SECRET)[2:-1], SECRET.hex())
KEYS: Final = f"2026a:{SECRETS[0]}"


@dataclass(frozen=True)
class Route:
    """One way to give settings; ``label`` is what it calls one."""

    name: str
    label: str
    read: Callable[[Mapping[str, Any]], SessionSettings]

    def called(self, field: str) -> str:
        name = self.label.format(field)
        return name.upper() if self.label.startswith("REDIS") else name

    def __str__(self) -> str:
        return self.name


def environment(values: Mapping[str, Any], name: str = "") -> SessionSettings:
    above = f"REDIS_{name.upper()}_SESSION_" if name else "REDIS_SESSION_"
    return SessionSettings.from_env(
        {above + field.upper(): value for field, value in values.items()}, name=name
    )


ENVIRONMENT: Final = Route("environment", "REDIS_SESSION_{}", environment)
MAPPING: Final = Route("mapping", "redis.session.{}", SessionSettings.from_mapping)
OBJECT: Final = Route("object", "{}", lambda values: SessionSettings(**values))
ROUTES: Final = (
    ENVIRONMENT,
    Route("named environment", "REDIS_EU_SESSION_{}", lambda values: environment(values, "eu")),
    MAPPING,
    Route(
        "named mapping",
        "redis.eu.session.{}",
        lambda values: SessionSettings.from_mapping(values, name="eu"),
    ),
    OBJECT,
)
each_route = pytest.mark.parametrize("route", ROUTES, ids=str)
TTLS: Final = {"idle_ttl": "30m", "absolute_ttl": "12h"}

WRITTEN: Final[list[tuple[str, str, object]]] = [
    ("idle_ttl", "12h", timedelta(hours=12)),
    ("idle_ttl", "1ms", timedelta(milliseconds=1)),
    ("absolute_ttl", "30m", timedelta(minutes=30)),
    ("absolute_ttl", "36500d", timedelta(days=36500)),
    ("touch_interval", "1ms", timedelta(milliseconds=1)),
    ("touch_interval", "29m59s", timedelta(minutes=29, seconds=59)),
    ("renewal_interval", "15m", timedelta(minutes=15)),
    ("renewal_grace", "1ms", timedelta(milliseconds=1)),
    ("renewal_grace", "1d", timedelta(days=1)),  # contradicts nothing while nothing is renewed
    ("per_user_max", "1", 1),
    ("per_user_max", "1000", 1000),
    ("on_outage", "fail", "fail"),
    ("on_outage", "anonymous", "anonymous"),
    ("deadline", "250ms", timedelta(milliseconds=250)),
    ("max_keys", "1", 1),
    ("max_keys", "1000", 1000),
    ("max_key_bytes", "1", 1),
    ("max_key_bytes", "1024", 1024),
    ("max_value_bytes", "64", 64),
    ("max_value_bytes", "65536", 65536),
    ("max_bytes", "16384", 16384),
    ("max_bytes", "67108864", 2**26),
    ("encryption_keys", KEYS, Keys((("2026a", SECRET),))),
]

SPANS: Final = (
    "idle_ttl",
    "absolute_ttl",
    "touch_interval",
    "renewal_interval",
    "renewal_grace",
    "deadline",
)
OUTAGE: Final = "must be 'fail' or 'anonymous'"
TO_1000: Final = "must be a whole number from 1 to 1000"
KEY_BYTES: Final = "must be a whole number from 1 to 1024"
VALUE_BYTES: Final = "must be a whole number from 64 to 16777216"
BYTES: Final = "must be a whole number from 64 to 67108864"
EXAMPLE: Final = "for example '2026a:<key>' or '2026b:<key>,2026a:<key>'"
KEY_NAMES: Final = f"must be names with keys, {EXAMPLE}"
KEY: Final = f"must hold keys of 32 bytes in base64, {EXAMPLE}; make one with `openssl rand -base64 32`"

REFUSED: Final[list[tuple[str, object, str]]] = [
    *((each, text, NO_UNIT) for each in SPANS for text in ("5", "0.5", "-5")),
    *((each, text, NO_DURATION) for each in SPANS for text in ("", "5x", "nan", "inf", "-5s", "for ever")),
    *((each, "36501d", TOO_LONG) for each in SPANS),
    *((each, text, ZERO) for each in SPANS for text in ("0", "0s", "0.0001ms")),
    *(("per_user_max", text, TO_1000) for text in ("0", "1001", "-1", "", "all")),
    *(("max_keys", text, TO_1000) for text in ("0", "1001", "-1", "", "x")),
    *(("max_key_bytes", text, KEY_BYTES) for text in ("0", "1025", "-1", "", "1e2")),
    *(("max_value_bytes", text, VALUE_BYTES) for text in ("0", "63", "16777217", "16kb", "")),
    *(("max_bytes", text, BYTES) for text in ("0", "63", "67108865", "64kb", "")),
    *(("on_outage", text, OUTAGE) for text in ("", "Fail", "miss", "true")),
    ("encryption_keys", "", EMPTY),
    ("encryption_keys", SECRETS[0], KEY_NAMES),
    ("encryption_keys", f"{KEYS},", KEY_NAMES),
    ("encryption_keys", f"plain:{SECRETS[0]}", KEY_NAMES),
    ("encryption_keys", f"2026a:{SECRETS[0][:-1]}", KEY),
    ("encryption_keys", f"2026a:{SECRETS[2]}", KEY),
    ("encryption_keys", f"{KEYS};{KEYS}", KEY),
    ("encryption_keys", f"{KEYS},{KEYS}", "names a key twice"),
    ("encryption_keys", "plain", f"holds no key: leave it out, or write one, {EXAMPLE}"),
]
TYPED: Final[list[tuple[str, object, str]]] = [
    *((each, value, WRONG_TYPE) for each in SPANS for value in (5, 0.5, True, b"5s", float("nan"))),
    *((each, timedelta(seconds=-1), TOO_LONG) for each in SPANS),
    *((each, timedelta(0), ZERO) for each in SPANS),
    *((each, None, WRONG_TYPE) for each in ("idle_ttl", "absolute_ttl", "renewal_grace")),
    *(("per_user_max", value, TO_1000) for value in (True, 1.0, 0, 1001)),
    *(("max_keys", value, TO_1000) for value in (True, 1.0, None, 0)),
    *(("max_bytes", value, BYTES) for value in (True, 1e6, None, 63)),
    *(("on_outage", value, OUTAGE) for value in (None, False)),
    ("encryption_keys", SECRET, "must be text, not bytes"),
    ("encryption_keys", {"2026a": SECRET}, "must be text, not dict"),
    ("encryption_keys", [KEYS], "must be text, not list"),
]


def test_the_settings_and_their_defaults_are_those_of_the_documentation() -> None:
    assert {each.name: each.default for each in SessionSettings.describe()} == DEFAULTS


def test_every_setting_is_read_below_and_says_what_it_is_about() -> None:
    assert {field for field, _, _ in WRITTEN} == {*FIELDS}
    assert all(len(each.about) > 20 and each.about.count("`") % 2 == 0 for each in SessionSettings.describe())


@each_route
@pytest.mark.parametrize(("field", "written", "value"), WRITTEN)
def test_a_setting_is_read_from_text(route: Route, field: str, written: str, value: object) -> None:
    settings = route.read({**TTLS, field: written})

    assert getattr(settings, field) == value
    assert type(getattr(settings, field)) is type(value)


@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
@pytest.mark.parametrize(("field", "written", "value"), WRITTEN)
def test_a_setting_may_have_its_type_already(route: Route, field: str, written: str, value: object) -> None:
    assert route.read({**TTLS, field: value}) == route.read({**TTLS, field: written})


@each_route
def test_what_is_not_given_has_its_default(route: Route) -> None:
    settings = route.read(TTLS)

    shown = {f"REDIS_SESSION_{name.upper()}": text for name, text in settings.shown().items()}
    assert shown == {**DEFAULTS, "REDIS_SESSION_IDLE_TTL": "30m", "REDIS_SESSION_ABSOLUTE_TTL": "12h"}
    assert settings == SessionSettings(idle_ttl=timedelta(minutes=30), absolute_ttl=timedelta(hours=12))


@pytest.mark.parametrize("field", WITHOUT_DEFAULT)
@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
def test_none_is_the_same_as_nothing_where_there_is_no_default(route: Route, field: str) -> None:
    assert route.read({**TTLS, field: None}) == route.read(TTLS)


@each_route
@pytest.mark.parametrize(("field", "written", "reason"), REFUSED)
def test_text_that_cannot_be_used_is_refused(route: Route, field: str, written: object, reason: str) -> None:
    error = refusal(lambda: route.read({**TTLS, field: written}))

    assert str(error) == f"{route.called(field)} {reason}"
    assert error.setting == route.called(field)
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize("route", [MAPPING, OBJECT], ids=str)
@pytest.mark.parametrize(("field", "value", "reason"), TYPED)
def test_a_value_of_the_wrong_type_is_refused(route: Route, field: str, value: object, reason: str) -> None:
    error = refusal(lambda: route.read({**TTLS, field: value}))

    assert str(error) == f"{route.called(field)} {reason}"


IDLE_MISSING: Final = (
    "is missing: how long a session lives without being used, for example '30m'; older sessions keep theirs"
)
ABSOLUTE_MISSING: Final = (
    "is missing: how long a session lives at most, however much it is used, for example '12h'; likewise"
)


@each_route
def test_how_long_sessions_live_must_be_given(route: Route) -> None:
    error = refusal(lambda: route.read({}))

    assert texts(error) == [
        f"{route.called('idle_ttl')} {IDLE_MISSING}",
        f"{route.called('absolute_ttl')} {ABSOLUTE_MISSING}",
    ]


@each_route
def test_all_problems_are_reported_at_once_in_the_order_of_the_documentation(route: Route) -> None:
    error = refusal(
        lambda: route.read({"encryption_keys": "x", "max_keys": "0", "on_outage": "?", "idle_ttl": "5"})
    )

    assert [each.setting for each in error.problems] == [
        route.called(field)
        for field in ("idle_ttl", "absolute_ttl", "on_outage", "max_keys", "encryption_keys")
    ]


CONTRADICTIONS: Final[list[tuple[dict[str, str], str, str]]] = [
    ({"idle_ttl": "12h1ms"}, "idle_ttl", "must not be more than {absolute_ttl}"),
    (
        {"touch_interval": "30m"},
        "touch_interval",
        "must be less than {idle_ttl}: a session in use would end between two touches",
    ),
    (
        {"touch_interval": "31m"},
        "touch_interval",
        "must be less than {idle_ttl}: a session in use would end between two touches",
    ),
    ({"renewal_interval": "30s"}, "renewal_grace", "must be less than {renewal_interval}"),
    (
        {"renewal_interval": "15m", "renewal_grace": "16m"},
        "renewal_grace",
        "must be less than {renewal_interval}",
    ),
]


@each_route
@pytest.mark.parametrize(("given", "field", "reason"), CONTRADICTIONS)
def test_settings_that_contradict_each_other_are_refused_by_the_names_of_their_writer(
    route: Route, given: dict[str, str], field: str, reason: str
) -> None:
    error = refusal(lambda: route.read({**TTLS, **given}))

    expected = reason.format_map({each: route.called(each) for each in FIELDS})
    assert texts(error) == [f"{route.called(field)} {expected}"]


@pytest.mark.parametrize(
    "given",
    [
        {"idle_ttl": "12h"},
        {"touch_interval": "1799999ms"},
        {"renewal_interval": "30001ms"},
        {"max_value_bytes": "65537"},
        {"max_bytes": "16383"},
    ],
)
def test_settings_that_just_go_together_are_not_refused(given: dict[str, str]) -> None:
    assert MAPPING.read({**TTLS, **given})


@pytest.mark.parametrize(
    ("given", "unusable"),
    [
        ({"idle_ttl": "x", "touch_interval": "100d"}, "idle_ttl"),
        ({"idle_ttl": "100d", "absolute_ttl": "x"}, "absolute_ttl"),
        ({"touch_interval": "x"}, "touch_interval"),
        ({"renewal_interval": "x", "renewal_grace": "100d"}, "renewal_interval"),
        ({"renewal_interval": "1s", "renewal_grace": "x"}, "renewal_grace"),
    ],
)
def test_what_is_unusable_contradicts_nothing(given: dict[str, str], unusable: str) -> None:
    error = refusal(lambda: MAPPING.read({**TTLS, **given}))

    assert [each.setting for each in error.problems] == [f"redis.session.{unusable}"]


@pytest.mark.parametrize("route", ROUTES[2:], ids=str)
@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("secret", None),
        ("idel_ttl", "idle_ttl"),
        ("idle", "idle_ttl"),
        ("REDIS_SESSION_MAX_BYTES", "max_bytes"),
        ("encryption_key", "encryption_keys"),
    ],
)
def test_an_unknown_key_is_refused_with_what_was_meant(route: Route, unknown: str, meant: str | None) -> None:
    error = refusal(lambda: route.read({**TTLS, unknown: "x"}))

    said = f"did you mean {route.called(meant)}?" if meant else "there are idle_ttl, "
    assert str(error).startswith(f"{route.called(unknown)} is no setting")
    assert said in str(error)


def test_of_the_environment_only_its_own_part_is_read() -> None:
    environ = {
        "REDIS_SESSION_IDLE_TTL": "30m",
        "REDIS_SESSION_ABSOLUTE_TTL": "12h",
        "REDIS_EU_SESSION_IDLE_TTL": "1m",
        "REDIS_EU_SESSION_ABSOLUTE_TTL": "2m",
        "REDIS_EU_SESSION_PER_USER_MAX": "3",
        "REDIS_SESSION_TYPO": "x",
        "REDIS_IDLE_TTL": "9m",
        "REDIS_CACHE_DEADLINE": "9m",
    }

    assert SessionSettings.from_env(environ) == MAPPING.read(TTLS)
    assert SessionSettings.from_env(environ, name="eu") == MAPPING.read(
        {"idle_ttl": "1m", "absolute_ttl": "2m", "per_user_max": 3}
    )


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_SESSION_IDLE_TTL", "7s")
    monkeypatch.setenv("REDIS_SESSION_ABSOLUTE_TTL", "8s")

    assert SessionSettings.from_env().idle_ttl == timedelta(seconds=7)
    assert SessionSettings.load(FROM_ENVIRONMENT).absolute_ttl == timedelta(seconds=8)


@pytest.mark.parametrize("name", ["Eu", "session", "a-b"])
def test_a_name_that_no_instance_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        SessionSettings.from_mapping(TTLS, name=name)


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({"idle_ttl": "30m"}, timedelta(minutes=1)),
        ({"idle_ttl": "4m"}, timedelta(minutes=1)),
        ({"idle_ttl": "2m"}, timedelta(seconds=30)),
        ({"idle_ttl": "4ms"}, timedelta(milliseconds=1)),
        ({"touch_interval": "5m"}, timedelta(minutes=5)),
    ],
)
def test_a_session_is_touched_after_a_minute_or_a_quarter_of_its_idle_time(
    given: dict[str, str], after: timedelta
) -> None:
    assert MAPPING.read({**TTLS, **given}).touch_after == after


def test_without_a_list_of_users_sessions_who_needs_it_is_told_what_to_set() -> None:
    MAPPING.read({**TTLS, "per_user_max": 1}).check_index()

    with pytest.raises(ConfigError) as refused:
        MAPPING.read(TTLS).check_index()

    assert str(refused.value) == (
        "REDIS_SESSION_PER_USER_MAX is not set, so nobody knows which sessions a user has: set it to use "
        "bind, sessions_of, drain and revoke_all"
    )


@pytest.mark.parametrize("given", [{}, {"encryption_keys": f"plain,{KEYS}"}])
def test_settings_are_values(given: dict[str, str]) -> None:
    settings = MAPPING.read({**TTLS, "deadline": "1s", **given})

    assert hash(settings) == hash(copy.deepcopy(settings))
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert SessionSettings.load(settings) is settings
    assert repr(settings).startswith("SessionSettings(idle_ttl='30m', absolute_ttl='12h', renewal_grace=")


def test_keys_in_another_order_are_other_settings() -> None:
    """The first one writes."""
    other = f"b:{b64encode(bytes(32)).decode()}"

    written = f"{KEYS},{other}", f"{other},{KEYS}"

    one, two = (MAPPING.read({**TTLS, "encryption_keys": each}) for each in written)

    assert one != two


def shows_a_secret(text: str) -> bool:
    return any(each in text for each in SECRETS)


@each_route
def test_no_representation_of_settings_shows_their_keys(route: Route) -> None:
    settings = route.read({**TTLS, "encryption_keys": KEYS})

    shown = [repr(settings), str(settings), f"{settings}", pprint.pformat(settings), str(settings.shown())]

    assert all("encryption_keys" in each and "***" in each for each in shown)
    assert not any(map(shows_a_secret, [*shown, repr(vars(settings)), repr(settings.encryption_keys)]))


WRONG: Final[list[dict[str, object]]] = [
    # beside good keys
    {"encryption_keys": KEYS, "idle_ttl": "x"},
    {"encryption_keys": KEYS, "idle_ttl": "13h"},
    {"encryption_keys": KEYS, "max_value_bytes": "63", "typo": "x"},
    # keys that are unusable
    {"encryption_keys": SECRETS[0]},
    {"encryption_keys": f"{KEYS},"},
    {"encryption_keys": f"{KEYS},{KEYS}"},
    {"encryption_keys": f"{KEYS},b:x"},
    {"encryption_keys": f"b:x,{KEYS}"},
    {"encryption_keys": f"a:{SECRETS[2]}"},
    {"encryption_keys": f"a:x{SECRETS[0]}"},
    {"encryption_keys": f"{KEYS}\udc80"},
    # keys in the wrong place
    *(dict[str, object]({each: KEYS}) for each in FIELDS if each != "encryption_keys"),
]


@each_route
@pytest.mark.parametrize("values", WRONG, ids=range(len(WRONG)))
def test_a_refusal_shows_no_key(
    route: Route, values: Mapping[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    error = failure(lambda: route.read({**TTLS, **values}))

    assert isinstance(error, ConfigError)
    assert not shows_a_secret(exposed(error))
    assert not caplog.records


def test_what_looks_for_secrets_would_find_them() -> None:
    def shows(key: object) -> None:
        raise ValueError(key)

    assert shows_a_secret(exposed(failure(lambda: shows(KEYS))))
    assert shows_a_secret(exposed(failure(lambda: shows(SECRET))))


@pytest.fixture
def no_cryptography(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    sealing.aesgcm.cache_clear()
    yield
    sealing.aesgcm.cache_clear()


@each_route
def test_keys_without_the_extra_are_an_error_that_says_how_to_get_it(
    route: Route, no_cryptography: None
) -> None:
    error = refusal(lambda: route.read({**TTLS, "encryption_keys": KEYS}))

    extra = "is set, and needs the extra cryptography: pip install 'modkit-redis[cryptography]'"
    assert texts(error) == [f"{route.called('encryption_keys')} {extra}"]
    assert not shows_a_secret(exposed(error))


@each_route
def test_keys_that_are_unusable_are_reported_once_without_the_extra(
    route: Route, no_cryptography: None
) -> None:
    error = refusal(lambda: route.read({**TTLS, "encryption_keys": "plain"}))

    assert len(error.problems) == 1 and "holds no key" in str(error)


def test_without_keys_the_extra_is_not_asked_for(no_cryptography: None) -> None:
    assert MAPPING.read(TTLS).encryption_keys is None
