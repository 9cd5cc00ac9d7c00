"""A secret is in nothing that settings show, neither when they are right nor when they are wrong."""

from __future__ import annotations

import asyncio
import logging
import pprint
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis import AsyncRedisBundle, AsyncRedisModule, RedisBundle, RedisModule, RedisSettings
from modkit_redis.client.lifecycle import open_async_client, open_client
from modkit_redis.contract import ConfigError, ModkitRedisError
from tests.unit.settings.exposure import exposed, failure
from tests.unit.settings.misplaced import SECRET, WRONG
from tests.unit.settings.routes import ADDR, MAPPING, OBJECT, ROUTES, Route, each_route

pytestmark = pytest.mark.once

MODULES = [RedisModule, AsyncRedisModule, RedisBundle, AsyncRedisBundle]
each_module = pytest.mark.parametrize("module", MODULES)


def shortened(values: Mapping[str, str]) -> str:
    """Return what a case is called in the output of a test run."""
    return str(values)[:60]


each_wrong = pytest.mark.parametrize("values", WRONG, ids=shortened)


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    """A secret could be in a record, its arguments or its traceback; there are no records at all."""
    caplog.set_level(logging.DEBUG)
    yield
    assert [each for each in caplog.records if each.name != "asyncio"] == []


def assert_hidden(read: Callable[[], object]) -> None:
    """Assert that *read* raises one of our errors, and that it shows no secret."""
    error = failure(read)

    assert isinstance(error, ModkitRedisError)
    assert SECRET not in exposed(error)


@each_route
@each_wrong
def test_a_refusal_shows_no_secret(route: Route, values: Mapping[str, str]) -> None:
    assert_hidden(lambda: route.read(values))


@pytest.mark.parametrize("values", [each for each in WRONG if "\\udc80" not in str(each)], ids=shortened)
def test_a_refusal_of_what_an_env_file_says_shows_no_secret(
    values: Mapping[str, str], tmp_path: Path
) -> None:
    lines = (f"REDIS_{field.upper()}='{value}'\n" for field, value in values.items())
    (tmp_path / ".env").write_text("".join(lines), encoding="utf-8")

    assert_hidden(lambda: RedisSettings.from_env({}, env_file=tmp_path / ".env"))


@each_module
@each_wrong
def test_a_module_that_is_given_a_wrong_config_shows_no_secret(
    module: Any, values: Mapping[str, str]
) -> None:
    redis = module(config=values)

    assert_hidden(redis.client)
    assert_hidden(lambda: asyncio.run(initialise(redis)))


@each_module
@pytest.mark.parametrize("values", [each for each in WRONG if r"\x00" not in str(each)], ids=shortened)
def test_a_module_that_reads_a_wrong_environment_shows_no_secret(
    module: Any, values: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for field, value in values.items():
        monkeypatch.setenv(f"REDIS_{field.upper()}", value)

    assert_hidden(module().client)


@each_module
def test_a_wrong_key_prefix_that_is_read_alone_shows_no_secret(module: Any) -> None:
    config = {"addr": ADDR, "password": SECRET, "key_prefix": f"{SECRET}:cache"}

    assert_hidden(module(config=config).key_prefix)
    assert_hidden(lambda: RedisSettings.load_key_prefix(config))


@each_module
@pytest.mark.parametrize("inputs", [{"name": "Tls"}, {"env_file": ".env"}], ids=str)
def test_other_wrong_inputs_beside_a_config_show_no_secret(module: Any, inputs: dict[str, str]) -> None:
    redis = module(config={"addr": ADDR, "password": SECRET}, **inputs)

    assert_hidden(redis.client)
    assert_hidden(redis.key_prefix)


@pytest.mark.parametrize("bundle", [RedisBundle, AsyncRedisBundle])
def test_a_named_instance_with_a_wrong_config_shows_no_secret(bundle: Any) -> None:
    class App(containers.DeclarativeContainer):
        config = providers.Configuration()
        redis = providers.Container(bundle.named("eu"), config=config.redis)

    app: Any = App(
        config={"redis": {"addr": ADDR, "password": SECRET, "named": {"eu": {"password": SECRET}}}}
    )

    assert_hidden(app.redis.eu.client)


@pytest.mark.parametrize("values", [{"password": SECRET}, {"addr": SECRET}, {"addr": ADDR, SECRET: {}}])
def test_a_config_that_is_no_mapping_shows_no_secret(values: dict[str, object]) -> None:
    assert_hidden(lambda: RedisSettings.load(list(values.items())))
    assert_hidden(lambda: RedisSettings.load_key_prefix(list(values.items())))


@pytest.mark.parametrize(
    "content",
    [
        f"REDIS_PASSWORD={SECRET}\xff\n".encode("latin-1"),
        f"REDIS_PASSWORD {SECRET}\n".encode(),
        f"REDIS_PASSWORD='{SECRET}\n".encode(),
        f"REDIS_PASSWORD={SECRET}\nREDIS_ADDR\n".encode(),
    ],
)
def test_a_refused_env_file_shows_no_secret(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(content)

    assert_hidden(lambda: RedisSettings.from_env({"REDIS_PASSWORD": SECRET}, env_file=tmp_path / ".env"))
    assert_hidden(RedisModule(env_file=tmp_path / ".env").client)


def test_a_missing_env_file_shows_no_secret_of_the_environment(tmp_path: Path) -> None:
    assert_hidden(lambda: RedisSettings.from_env({"REDIS_PASSWORD": SECRET}, env_file=tmp_path / "none"))


def test_a_name_that_no_instance_can_have_shows_no_secret() -> None:
    assert_hidden(lambda: RedisSettings.from_env({"REDIS_PASSWORD": SECRET}, name="Tls"))
    assert_hidden(lambda: RedisSettings.from_mapping({"password": SECRET}, name="Tls"))


@pytest.mark.parametrize("values", [{"addr": ADDR, "password": SECRET}, {"url": f"redis://:{SECRET}@h"}])
@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_settings_show_no_secret(route: Route, values: dict[str, str]) -> None:
    settings = route.read(values)

    assert settings.password == SECRET
    shown = (
        repr(settings),
        str(settings),
        f"{settings}",
        pprint.pformat(settings, width=1),
        str(settings.shown()),
    )
    assert SECRET not in "\n".join(shown)
    assert settings.shown()["password"] == "***"


def test_a_secret_that_is_not_there_is_not_masked() -> None:
    assert "***" not in repr(OBJECT.read({"addr": ADDR}))


@pytest.mark.parametrize("values", [{}, {"tls": "true"}, {"addr": "unix:/run/redis.sock"}])
@pytest.mark.parametrize("opened", [open_client, open_async_client])
def test_a_client_shows_no_secret(opened: Callable[[RedisSettings], Any], values: dict[str, str]) -> None:
    client = opened(MAPPING.read({"addr": ADDR, "password": SECRET, "username": "u", **values}))

    pool = client.connection_pool
    shown = (repr(client), str(client), repr(pool), str(pool), repr(pool.make_connection()))
    assert SECRET not in "\n".join(shown)


@pytest.mark.parametrize("file", ["tls_ca_file", "tls_cert_file"])
@pytest.mark.parametrize("opened", [open_client, open_async_client])
def test_a_certificate_that_is_none_shows_no_secret(
    opened: Callable[[RedisSettings], Any], file: str
) -> None:
    settings = MAPPING.read({"addr": ADDR, "password": SECRET, "tls": "true", file: __file__})

    assert_hidden(lambda: opened(settings))


@each_module
def test_a_module_shows_no_secret(module: Any) -> None:
    redis = module(config={"addr": ADDR, "password": SECRET})

    assert SECRET not in "\n".join(
        (repr(redis), repr(redis.providers), repr(redis.client), repr(redis.client()))
    )


def test_this_module_would_see_a_secret_wherever_it_is() -> None:
    code = compile("def fail(error, config):\n    raise error\n", "elsewhere.py", "exec")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  # its frame belongs to no test
    noted = ValueError()
    noted.add_note(SECRET)
    chained = ConfigError("a", "b")
    chained.__context__ = ValueError(SECRET)

    assert SECRET in exposed(failure(lambda: names["fail"](ValueError(), {"password": SECRET})))
    assert SECRET in exposed(noted)
    assert SECRET in exposed(chained)
    assert SECRET in exposed(ConfigError.of([ConfigError("a", "b"), ConfigError("a", SECRET)]))
    assert SECRET in exposed(failure(lambda: f"{SECRET}\udc80".encode()))


async def initialise(redis: Any) -> None:
    """Initialise the resources of a module of either world."""
    started = redis.init_resources()
    if started is not None:
        await started
