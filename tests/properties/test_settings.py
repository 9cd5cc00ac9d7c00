"""Whatever is written in a setting, it is understood or refused, and shown only if it is no secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st

from modkit_redis import RedisSettings
from modkit_redis.contract import ConfigError
from tests.unit.settings.exposure import exposed
from tests.unit.settings.misplaced import SECRET

FIELDS = [each.name.removeprefix("REDIS_").lower() for each in RedisSettings.describe()]
spans = st.timedeltas(timedelta(microseconds=1), timedelta(days=36_500))
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=1, max_size=3).map(".".join) | st.ip_addresses(v=4).map(str)
ports = st.integers(1, 65535)
tcp = st.builds("{}:{}".format, hosts, ports) | st.builds("[{}]:{}".format, st.ip_addresses(v=6), ports)
sockets = st.from_regex(r"unix:/[A-Za-z0-9._-][A-Za-z0-9/._ -]*", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), min_size=1)
junk = st.text(st.characters(), max_size=5) | st.text("redis:/@[]%?#=.0123456789 \n\0", max_size=8)
values: dict[str, st.SearchStrategy[Any]] = {
    "addr": tcp | sockets,
    "db": st.integers(0, 2**31 - 1),
    "dial_timeout": spans,
    "read_timeout": spans,
    "write_timeout": spans,
    "pool_timeout": spans,
    "ping_timeout": spans | st.just(timedelta(0)),
    "pool_size": st.integers(1, 100_000),
    "retries": st.integers(0, 100),
    "key_prefix": st.from_regex(r"[a-z]*(:[a-z]+)*", fullmatch=True),
    "client_name": st.from_regex(r"[!-~]+", fullmatch=True),
}


@given(st.fixed_dictionaries({"addr": values.pop("addr")}, optional=values))
def test_settings_are_the_same_when_their_text_is_read(given_values: dict[str, Any]) -> None:
    settings = RedisSettings(**given_values)

    shown = {name: text for name, text in settings.shown().items() if text}
    assert RedisSettings.from_mapping(shown) == settings
    assert RedisSettings.from_env({f"REDIS_{name.upper()}": text for name, text in shown.items()}) == settings


@given(tcp | sockets)
def test_an_address_keeps_its_spelling(addr: str) -> None:
    settings = RedisSettings(addr=addr)

    assert str(settings.address) == settings.addr == addr


@given(
    st.sampled_from(["redis", "rediss"]),
    tcp,
    texts,
    texts,
    st.none() | st.integers(0, 2**31 - 1),
    st.booleans(),
)
def test_a_url_gives_back_what_was_encoded_in_it(
    scheme: str, addr: str, username: str, password: str, db: int | None, by_query: bool
) -> None:
    sign_in = f"{quote(username, safe='')}:{quote(password, safe='')}"
    database = "" if db is None else f"?db={db}" if by_query else f"/{db}"

    settings = RedisSettings(url=f"{scheme}://{sign_in}@{addr}{database}")

    expected = RedisSettings(
        addr=addr, username=username, password=password, db=db or 0, tls=scheme == "rediss"
    )
    assert settings == expected


@given(st.sampled_from(FIELDS), junk, junk)
@example("tls_ca_file", "", "x" * 10_000)
@example("addr", "", "\ud800:1")
@example("url", "redis://:", "\ud800@h")
@example("url", "redis://[v1.", "]")
def test_a_secret_in_any_setting_is_accepted_or_refused_without_a_word_of_it(
    field: str, before: str, after: str
) -> None:
    given_values: dict[str, Any] = {"addr": "h:1", "password": SECRET}
    try:
        RedisSettings(**{**given_values, field: before + SECRET + after})
    except ConfigError as error:
        refusal = error
    else:
        return

    assert SECRET not in exposed(refusal)


@given(
    junk, junk, st.sampled_from(["redis://{}@h", "redis://{}", "unix://{}", "rediss://:{}@[::1]:7/1", "{}"])
)
def test_a_url_is_understood_or_refused_without_a_word_of_it(before: str, after: str, url: str) -> None:
    given_values = {"url": url.format(before + SECRET + after), "password_file": __file__}
    try:
        RedisSettings.from_mapping(given_values)
    except ConfigError as error:
        refusal = error
    else:
        return

    assert SECRET not in exposed(refusal)


@given(st.dictionaries(st.sampled_from([f"REDIS_{each.upper()}" for each in FIELDS]), junk))
def test_any_environment_is_understood_or_all_of_its_problems_are_reported_once(
    environ: dict[str, str],
) -> None:
    try:
        RedisSettings.from_env(environ)
    except ConfigError as error:
        problems = [each.setting for each in error.problems]
    else:
        return

    known = [f"REDIS_{each.upper()}" for each in FIELDS]
    assert problems == sorted(problems, key=known.index)
    assert set(problems) <= {*environ, "REDIS_ADDR"}
