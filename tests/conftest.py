"""The server that the tests use, and names of their own on it."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from modkit_redis.check import main
from modkit_redis.testing import EmbeddedServer, launch
from tests.certificates import Certificates, make_certificates
from tests.checking import Check, Outcome
from tests.issued import Listener, remember_tokens, secrets_below
from tests.support import TestServer, delete_below, docker_is_missing, running_container

# Laws are tried on the same examples in each run, on more of them in `make test-all`;
# `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=60)
settings.register_profile("thorough", derandomize=True, deadline=None, max_examples=400)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)

CHOICE = os.environ.get("MODKIT_REDIS_TEST_SERVER", "embedded")


if CHOICE == "redis-server":  # every server that a test starts is the one on the PATH

    def _program() -> Path:
        found = shutil.which(CHOICE)
        assert found, "MODKIT_REDIS_TEST_SERVER=redis-server needs redis-server on the PATH"
        return Path(found)

    launch.find_program = _program


remember_tokens()  # before anything of the run makes one
LISTENER = Listener()


def pytest_configure(config: pytest.Config) -> None:
    logging.getLogger().addHandler(LISTENER)
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("fixed")


def pytest_report_header() -> str:
    return f"redis server: {CHOICE} (MODKIT_REDIS_TEST_SERVER: embedded, redis-server, container, host:port)"


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    """The one server of this run; others may use it too, so nothing is flushed."""
    if CHOICE in ("embedded", "redis-server"):
        with EmbeddedServer() as embedded:
            yield TestServer(CHOICE, embedded.addr)
    elif CHOICE == "container":
        with running_container() as addr:
            yield TestServer("container", addr)
    else:
        yield TestServer("given", CHOICE)


@pytest.fixture
def addr(server: TestServer) -> str:
    return server.addr


@pytest.fixture
def prefix(admin: redis.Redis) -> Iterator[str]:
    """A key prefix of this test's own; what it leaves behind holds no secret, and is deleted."""
    mine = f"test-{secrets.token_hex(6)}"
    yield mine
    found = secrets_below(admin, f"{mine}*:session:")
    delete_below(admin, mine)
    assert found == []


@pytest.fixture
def admin(server: TestServer) -> Iterator[redis.Redis]:
    """A stock client: a second pair of eyes on the server."""
    with server.client() as client:
        yield client


@pytest.fixture
def private_server() -> Iterator[EmbeddedServer]:
    """A server of this test's own, to be killed, frozen or counted on."""
    with EmbeddedServer() as embedded:
        yield embedded


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address where nobody listens, and nobody will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates that only this run knows."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Run ``python -m modkit_redis check`` with these settings in the environment."""

    def run(*argv: str, **settings: str) -> Outcome:
        for name, value in settings.items():
            monkeypatch.setenv(f"REDIS_{name.upper()}", value)
        code = main([*argv])
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return run


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of whoever runs it."""
    for name in list(os.environ):
        if name.startswith("REDIS_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_secret_is_logged() -> Iterator[None]:
    """Whatever a test is about, what is logged meanwhile holds no secret of a session."""
    LISTENER.heard.clear()
    yield
    assert LISTENER.heard == []


@pytest.fixture(scope="session")
def container_addr() -> Iterator[str]:
    """Redis in a container, whatever server the other tests use."""
    if missing := docker_is_missing():
        pytest.skip(missing)
    with running_container() as addr:
        yield addr
