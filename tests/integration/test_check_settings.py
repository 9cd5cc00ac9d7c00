"""The check, where it cannot even begin: bad settings and arguments, and hosts that are no Redis."""

from __future__ import annotations

from pathlib import Path

import pytest

from modkit_redis.testing import EmbeddedServer
from tests.certificates import Certificates
from tests.checking import SECRET, Check
from tests.faults.on_the_way import FAULTS
from tests.faults.scripted import ScriptedPeer, to_all


def test_all_bad_settings_are_said_at_once(check: Check) -> None:
    done = check(addr="nonsense", db="one", password=SECRET)

    assert done.code == 2
    assert [line.split()[:3] for line in done.out.splitlines() if line.startswith("  ")] == [
        ["error", "settings", "REDIS_ADDR"],
        ["error", "settings", "REDIS_DB"],
    ]


@pytest.mark.parametrize("url", [f"redis://:{SECRET}@host:port", f"http://{SECRET}@host:6379", SECRET])
def test_a_bad_url_is_not_repeated(check: Check, url: str) -> None:
    assert check(url=url).code == 2
    assert check("--json", url=url).text("settings").startswith("REDIS_URL must be")


def test_a_missing_address_is_a_bad_setting(check: Check) -> None:
    done = check()

    assert done.code == 2
    assert "REDIS_ADDR is missing" in done.out


def test_files_for_tls_that_hold_nothing_are_bad_settings(check: Check, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")

    done = check(addr="localhost:1", tls="true", tls_ca_file=str(tmp_path / "ca.pem"))

    assert done.code == 2
    assert "PEM is expected" in done.out


def test_an_instance_reads_its_own_settings(check: Check, addr: str) -> None:
    done = check("--name", "analytics", addr="nowhere.invalid:1", analytics_addr=addr, analytics_db="3")

    assert done.code == 0
    assert f"  REDIS_ANALYTICS_ADDR             {addr}" in done.out.splitlines()
    assert "  REDIS_ANALYTICS_DB               3" in done.out.splitlines()


def test_an_instance_may_be_named_as_in_the_environment(check: Check, addr: str) -> None:
    assert check("--name", "ANALYTICS", analytics_addr=addr).code == 0


@pytest.mark.parametrize("name", ["no-name", "cache", "1"])
def test_a_name_that_is_none_is_a_bad_setting(check: Check, name: str) -> None:
    done = check("--name", name)

    assert done.code == 2
    assert f"instance name '{name}'" in done.out


def test_an_env_file_is_read_when_asked_for(check: Check, addr: str, tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text(f"REDIS_ADDR={addr}\nREDIS_KEY_PREFIX=file\n")

    done = check("--json", "--env-file", str(tmp_path / "app.env"), key_prefix="environment")

    assert (done.code, done.json["settings"]["addr"]) == (0, addr)
    assert done.json["settings"]["key_prefix"] == "environment"


def test_a_missing_env_file_is_a_bad_setting(check: Check) -> None:
    done = check("--env-file", "/nowhere/app.env")

    assert done.code == 2
    assert "must name a file that can be read: '/nowhere/app.env'" in done.out


@pytest.mark.parametrize("argv", [["--nonsense"], ["--timeout", "5"], ["--timeout", "0"]], ids=" ".join)
def test_a_wrong_argument_is_a_usage_error(
    check: Check, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        check(*argv)

    assert ended.value.code == 2
    assert "usage: python -m modkit_redis check" in capsys.readouterr().err


@pytest.mark.parametrize(
    "reason", ["refused", "dns", "reset", "disconnected", "protocol", "loading", "connection"]
)
def test_each_way_to_miss_a_server_is_said_with_its_reason(
    check: Check, certificates: Certificates, reason: str
) -> None:
    fault = next(each for each in FAULTS if each.reason == reason)

    with fault.happening(certificates) as settings:
        done = check("--json", **{name: str(value) for name, value in settings.items()})

    assert done.code == 1
    assert [*done.levels().values()] == ["error"]
    assert f"({reason})" in done.text("connection")


def test_a_server_that_refuses_everything_else_is_described_as_far_as_it_goes(check: Check) -> None:
    def answer(command: list[bytes]) -> bytes:
        return b"+PONG\r\n" if command[0] == b"PING" else b"-ERR unknown command\r\n"

    with ScriptedPeer(lambda command: b"+OK\r\n" if command[0] == b"CLIENT" else answer(command)) as peer:
        done = check("--json", addr=peer.addr)

    assert done.code == 0
    assert (done.json["server"], done.json["memory"], done.json["persistence"]) == (None, None, None)
    assert done.json["acl"] == {"user": "default", "missing": None}


def test_a_server_that_goes_away_ends_the_check(check: Check) -> None:
    with ScriptedPeer(to_all(b"+PONG\r\n"), deaf_after=2) as peer:
        done = check("--timeout", "200ms", addr=peer.addr)

    assert done.code == 1
    assert "(deadline)" in done.out


def test_a_unix_socket_needs_no_tls(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with EmbeddedServer(unixsocket=str(path)):
        done = check("--json", addr=f"unix:{path}")

    assert done.code == 0
    assert done.text("tls") == "none: a unix socket"
