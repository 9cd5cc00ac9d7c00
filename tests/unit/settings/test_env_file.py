"""A file in ``.env`` format is read when it is named, literally, and below the real environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from modkit_redis import AsyncRedisBundle, AsyncRedisModule, RedisBundle, RedisModule, RedisSettings
from tests.unit.settings.refused import DATABASE, EMPTY
from tests.unit.settings.routes import ADDR, refusal

READABLE = "env_file must name a file that can be read"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes an ``.env`` file."""

    def written(text: str) -> Path:
        file = tmp_path / ".env"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def test_a_named_file_is_read(write: Write) -> None:
    file = write(
        f'# ours\nexport REDIS_ADDR={ADDR}\nREDIS_DB = 3  # three\n\nREDIS_PASSWORD="two\\nlines"\nOTHER=1\n'
    )

    settings = RedisSettings.from_env({}, env_file=file)

    assert settings == RedisSettings(addr=ADDR, db=3, password="two\nlines")


def test_a_file_may_be_named_by_text(write: Write) -> None:
    assert RedisSettings.from_env({}, env_file=str(write(f"REDIS_ADDR={ADDR}"))).addr == ADDR


def test_a_file_that_is_not_named_is_not_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write(f"REDIS_ADDR={ADDR}").parent)

    error = refusal(lambda: RedisSettings.from_env({}))

    assert error.setting == "REDIS_ADDR"


def test_the_real_environment_wins(write: Write) -> None:
    file = write(f"REDIS_ADDR={ADDR}\nREDIS_DB=3\nREDIS_RETRIES=2")

    settings = RedisSettings.from_env({"REDIS_DB": "4"}, env_file=file)

    assert (settings.addr, settings.db, settings.retries) == (ADDR, 4, 2)


def test_an_empty_variable_of_the_real_environment_wins_as_well(write: Write) -> None:
    file = write(f"REDIS_ADDR={ADDR}\nREDIS_PASSWORD=secret")

    error = refusal(lambda: RedisSettings.from_env({"REDIS_PASSWORD": ""}, env_file=file))

    assert str(error) == f"REDIS_PASSWORD {EMPTY}"


def test_reading_a_file_leaves_the_environment_alone(write: Write) -> None:
    before = dict(os.environ)

    RedisSettings.from_env(env_file=write(f"REDIS_ADDR={ADDR}\nNEW=1"))

    assert dict(os.environ) == before


@pytest.mark.parametrize("literal", ["p${HOME}", "$HOME", "${REDIS_ADDR}", "a$$b", "${X:-y}"])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_values_are_literal(write: Write, quote: str, literal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")

    file = write(f"REDIS_ADDR={ADDR}\nREDIS_PASSWORD={quote}{literal}{quote}")

    assert RedisSettings.from_env(env_file=file).password == literal


def test_a_byte_order_mark_is_no_part_of_the_first_name(write: Write) -> None:
    assert RedisSettings.from_env({}, env_file=write(f"\ufeffREDIS_ADDR={ADDR}")).addr == ADDR


@pytest.mark.parametrize("line", ["REDIS_DB", "REDIS_DB=", "REDIS_DB=  # none", "export REDIS_DB"])
def test_a_variable_without_a_value_never_becomes_a_default(write: Write, line: str) -> None:
    error = refusal(lambda: RedisSettings.from_env({}, env_file=write(f"REDIS_ADDR={ADDR}\n{line}\n")))

    assert str(error) == f"REDIS_DB {DATABASE}"


def test_the_last_of_two_values_counts(write: Write) -> None:
    assert RedisSettings.from_env({}, env_file=write("REDIS_ADDR=a:1\nREDIS_ADDR=b:2")).addr == "b:2"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("REDIS_DB 5", "1"),
        (f"REDIS_ADDR={ADDR}\nREDIS_DB: 5\n", "2"),
        ("REDIS_DB 5\nREDIS_RETRIES 5\n", "1, 2"),
        (f"REDIS_ADDR={ADDR}\nREDIS_PASSWORD='secret\n", "2"),
        ('A="open\nREDIS_DB=5\nB="x"\n', "1"),
    ],
)
def test_a_line_that_is_no_assignment_is_refused(write: Write, text: str, lines: str) -> None:
    error = refusal(lambda: RedisSettings.from_env({}, env_file=write(text)))

    advice = "write REDIS_…=value, and close all quotes"
    assert str(error) == f"env_file cannot be understood at line {lines}: {advice}"


def test_what_others_write_in_the_file_is_their_business(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    settings = RedisSettings.from_env(
        {}, env_file=write(f"what is this\nREDIS_ADDR={ADDR}\nREDIS_PORT=tcp://x\n")
    )

    assert settings == RedisSettings(addr=ADDR)
    assert caplog.records == []


def test_a_named_instance_reads_its_own_variables(write: Write) -> None:
    file = write(f"REDIS_ADDR={ADDR}\nREDIS_DB=1\nREDIS_EU_ADDR=eu:1\n")

    assert RedisSettings.from_env({}, name="eu", env_file=file) == RedisSettings(addr="eu:1")


@pytest.mark.parametrize("module", [RedisModule, AsyncRedisModule, RedisBundle, AsyncRedisBundle])
def test_a_module_reads_the_file_that_it_is_given(
    module: type[RedisModule | AsyncRedisModule | RedisBundle | AsyncRedisBundle], write: Write
) -> None:
    redis = module(env_file=write(f"REDIS_ADDR={ADDR}\nREDIS_KEY_PREFIX=shop"))

    assert redis.key_prefix() == "shop"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    error = refusal(lambda: RedisSettings.from_env({"REDIS_ADDR": ADDR}, env_file=tmp_path / "none"))

    assert str(error) == f"{READABLE}: '{tmp_path / 'none'}' (FileNotFoundError)"
    assert (error.setting, error.__cause__, error.__context__) == ("env_file", None, None)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("", f"{READABLE}: '' (IsADirectoryError)"),
        ("/", f"{READABLE}: '/' (IsADirectoryError)"),
        ("a\0b", rf"{READABLE}: 'a\x00b' (ValueError)"),
        (5, "env_file must be a path, not int"),
        (b".env", "env_file must be a path, not bytes"),
        (True, "env_file must be a path, not bool"),
    ],
)
def test_what_is_no_file_is_refused(file: str, text: str) -> None:
    assert str(refusal(lambda: RedisSettings.from_env({"REDIS_ADDR": ADDR}, env_file=file))) == text


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"REDIS_PASSWORD=\xff\n")

    error = refusal(lambda: RedisSettings.from_env({}, env_file=tmp_path / ".env"))

    assert str(error) == f"{READABLE}: '{tmp_path / '.env'}' (no UTF-8 text)"
    assert (error.__cause__, error.__context__) == (None, None)
