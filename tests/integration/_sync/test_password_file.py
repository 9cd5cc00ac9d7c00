# Generated from ../_async/test_password_file.py by .ci/unasync.py; do not edit.
"""``REDIS_PASSWORD_FILE``: a password that can be rotated while the application runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from modkit_redis import RedisModule
from modkit_redis.contract import StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.leaks import leaks
from tests.support import stock_client


@pytest.fixture
def admin(private_server: EmbeddedServer) -> Iterator[redis.Redis]:
    with stock_client(private_server.addr) as admin:
        yield admin


@pytest.fixture
def file(tmp_path: Path, admin: redis.Redis) -> Path:
    """The mounted file; its first password is the server's."""
    admin.config_set("requirepass", "first-s3cret")
    file = tmp_path / "password"
    file.write_text("first-s3cret\n")
    return file


def put(file: Path, password: bytes) -> None:
    file.write_bytes(password)


def take_away(file: Path) -> None:
    file.unlink()


@pytest.fixture
def module(private_server: EmbeddedServer, file: Path) -> Iterator[RedisModule]:
    module = RedisModule(config={"addr": private_server.addr, "password_file": file})
    yield module
    module.shutdown_resources()


def test_the_password_is_read_again_at_each_new_connection(
    module: RedisModule, admin: redis.Redis, file: Path
) -> None:
    client = module.client()
    client.set("before", "1")
    admin.config_set("requirepass", "second-s3cret")
    put(file, b"second-s3cret\n")
    held = client.connection_pool.get_connection()  # the one that signed in with the first

    assert client.get("before") == b"1"  # a further one, with the second

    client.connection_pool.release(held)
    admin.client_kill_filter(_type="normal", skipme=True)
    assert client.get("before") == b"1"


def test_a_password_that_is_not_rotated_in_time_is_refused_until_it_is(
    module: RedisModule, admin: redis.Redis, file: Path
) -> None:
    client = module.client()
    client.ping()
    admin.config_set("requirepass", "second-s3cret")
    admin.client_kill_filter(_type="normal", skipme=True)

    with pytest.raises(StoreUnavailableError) as refused:
        client.ping()
    put(file, b"second-s3cret")

    assert refused.value.reason == "auth"
    assert leaks("s3cret", refused.value) == []
    assert client.ping()


def test_a_file_that_cannot_be_read_is_a_typed_error_until_it_can(module: RedisModule, file: Path) -> None:
    client = module.client()
    take_away(file)

    with pytest.raises(StoreUnavailableError) as refused:
        client.ping()
    put(file, b"first-s3cret")

    assert isinstance(refused.value, redis.AuthenticationError)
    assert (refused.value.operation, refused.value.reason) == ("read the password file", "auth")
    assert isinstance(refused.value.__cause__, FileNotFoundError)
    assert client.ping()


def test_a_password_need_not_be_text(module: RedisModule, admin: redis.Redis, file: Path) -> None:
    password = b"\xff\xfe s3cret"
    admin.execute_command("CONFIG", "SET", "requirepass", password)

    put(file, password + b"\r\n")

    assert module.client().ping()


def test_reading_the_password_warns_of_nothing(module: RedisModule, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    module.client().ping()

    assert caplog.records == []
