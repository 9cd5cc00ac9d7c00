"""``python -m modkit_redis check`` on real servers: what it finds and how it ends."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
import redis

from modkit_redis.testing import EmbeddedServer
from tests.checking import SECRET, Check
from tests.faults.mute import mute_peer
from tests.support import TestServer, stock_client


@pytest.fixture
def admin(private_server: EmbeddedServer) -> Iterator[redis.Redis]:
    with stock_client(private_server.addr) as admin:
        yield admin


def test_a_server_that_answers_is_described_in_aligned_text(check: Check, addr: str) -> None:
    done = check(addr=addr, key_prefix="shop")

    lines = done.out.splitlines()
    assert done.code == 0
    assert f"  REDIS_ADDR             {addr}" in lines
    assert "  REDIS_PASSWORD         -" in lines
    assert f"  ok       connection   {addr} answers" in lines
    assert "  ok       key prefix   shop" in lines
    assert "  ok       rights       all that is needed for base, cache, session, ratelimit" in lines
    assert [line for line in lines if line != line.rstrip()] == []
    assert lines[-1].split()[1] == "ok,"


def test_the_json_object_has_the_same_keys_whatever_happens(
    check: Check, addr: str, closed_port: str
) -> None:
    good = check("--json", addr=addr).json
    lost = check("--json", addr=closed_port).json
    bad = check("--json", addr="nonsense").json

    keys = ["exit_code", "settings", "server", "latency", "tls", "acl", "memory", "persistence", "findings"]
    assert [*good] == [*lost] == [*bad] == keys
    assert (good["exit_code"], lost["exit_code"], bad["exit_code"]) == (0, 1, 2)
    assert {*good["findings"][0]} == {"about", "level", "text"}
    assert (good["settings"]["addr"], good["settings"]["password"]) == (addr, None)
    assert [*good["server"]] == ["kind", "version", "mode", "role"]
    assert [*good["latency"]] == ["pings", "min_ms", "median_ms", "max_ms"]
    assert [*good["acl"]] == ["user", "missing"]
    assert [*good["memory"]] == ["maxmemory", "policy"]
    assert [*good["persistence"]] == ["aof", "rdb"]
    assert lost["settings"]["addr"] == closed_port and lost["server"] is None
    assert bad["settings"] is None


def test_an_embedded_server_keeps_nothing(
    check: Check, private_server: EmbeddedServer, server: TestServer
) -> None:
    done = check("--json", addr=private_server.addr, key_prefix="shop")

    latency = done.json["latency"]
    assert done.json["server"]["kind"] == ("Redis" if server.kind == "redis-server" else "Valkey")
    assert re.match(r"[7-9]\.", done.json["server"]["version"])
    assert 0 < latency["min_ms"] <= latency["median_ms"] <= latency["max_ms"] < 5000
    assert done.json["acl"]["missing"] == {"base": [], "cache": [], "session": [], "ratelimit": []}
    assert done.levels()["persistence"] == "warning"
    assert done.code == 0


def test_strict_makes_warnings_count(
    check: Check, private_server: EmbeddedServer, admin: redis.Redis
) -> None:
    settings = {"addr": private_server.addr, "key_prefix": "shop"}
    assert check("--strict", **settings).code == 1

    admin.config_set("save", "3600 1")  # which makes it a note

    assert check("--strict", **settings).code == 0


def test_nothing_is_written(check: Check, private_server: EmbeddedServer, admin: redis.Redis) -> None:
    check(addr=private_server.addr)

    ran = {name.removeprefix("cmdstat_") for name in admin.info("commandstats")}
    assert admin.dbsize() == 0
    assert ran >= {"ping", "acl|dryrun"}  # the others are this test's own
    assert ran <= {
        "ping",
        "info",
        "client|setname",
        "acl|whoami",
        "acl|dryrun",
        "config|get",
        "config|set",
        "dbsize",
        "client|setinfo",
    }


def test_a_user_who_may_do_little_is_told_what_is_missing(
    check: Check, private_server: EmbeddedServer, admin: redis.Redis
) -> None:
    asks = ["+acl|dryrun", "+acl|whoami", "+ping", "+client|setname"]
    admin.acl_setuser(
        "app",
        enabled=True,
        passwords=[f"+{SECRET}"],
        commands=[*asks, "+get", "+hgetall"],
        keys=["shop:cache:*"],
    )

    settings = {"addr": private_server.addr, "username": "app", "password": SECRET, "key_prefix": "shop"}
    done = check("--json", **settings)

    missing = done.json["acl"]["missing"]
    assert done.json["acl"]["user"] == "app"
    assert missing["base"] == []
    assert missing["cache"] == [
        *("mget", "getrange", "set", "setrange", "pttl", "pexpire", "persist", "unlink", "scan", "time"),
        *("eval", "evalsha"),
    ]
    assert "hgetall" in missing["session"]  # it may, but not on these keys
    assert done.json["server"] is None and done.levels()["server"] == "note"
    assert (done.code, check("--strict", **settings).code) == (0, 1)


def test_a_user_who_may_not_ask_has_unknown_rights(
    check: Check, private_server: EmbeddedServer, admin: redis.Redis
) -> None:
    commands = ["+ping", "+client|setname"]
    admin.acl_setuser("app", enabled=True, passwords=[f"+{SECRET}"], commands=commands)

    done = check("--json", addr=private_server.addr, username="app", password=SECRET)

    assert done.json["acl"] == {"user": "app", "missing": None}
    assert done.levels()["rights"] == "note"
    assert done.code == 0


def test_a_user_who_may_nothing_ends_the_check(
    check: Check, private_server: EmbeddedServer, admin: redis.Redis
) -> None:
    admin.acl_setuser("app", enabled=True, passwords=[f"+{SECRET}"])

    done = check(addr=private_server.addr, username="app", password=SECRET)

    assert done.code == 1
    assert "(noperm): the user may not even run PING" in done.out


@pytest.mark.parametrize("password", [SECRET, f"not-{SECRET}"], ids=["right", "wrong"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_password_is_masked(
    check: Check, private_server: EmbeddedServer, admin: redis.Redis, password: str, form: list[str]
) -> None:
    admin.config_set("requirepass", SECRET)

    done = check(*form, addr=private_server.addr, password=password)

    assert done.code == (0 if password == SECRET else 1)
    assert "***" in done.out
    assert ("(auth): the user or the password is wrong" in done.out) == (password != SECRET)


def test_a_url_is_taken_apart_and_masked(
    check: Check, private_server: EmbeddedServer, admin: redis.Redis
) -> None:
    admin.config_set("requirepass", SECRET)

    done = check("--json", url=f"redis://default:{SECRET}@{private_server.addr}/0")

    assert done.code == 0
    assert (done.json["settings"]["password"], done.json["settings"]["url"]) == ("***", None)


def test_what_may_be_lost_is_said(check: Check, private_server: EmbeddedServer, admin: redis.Redis) -> None:
    admin.config_set("maxmemory", "64mb")
    admin.config_set("maxmemory-policy", "allkeys-lru")
    admin.config_set("save", "3600 1")

    done = check("--json", addr=private_server.addr)

    assert done.text("memory").startswith("64 MiB, allkeys-lru")
    assert (done.levels()["memory"], done.levels()["persistence"]) == ("warning", "note")


def test_a_replica_is_a_warning(check: Check, private_server: EmbeddedServer, admin: redis.Redis) -> None:
    admin.replicaof("127.0.0.1", 1)

    done = check("--json", addr=private_server.addr)

    assert done.json["server"]["role"] == "replica"
    assert done.levels()["server"] == "warning"


def test_a_node_of_a_cluster_is_a_warning(check: Check) -> None:
    with EmbeddedServer(cluster_enabled="yes") as node:
        done = check("--json", addr=node.addr)

    assert done.json["server"]["mode"] == "cluster"
    assert done.levels()["server"] == "warning"


def test_nobody_at_the_address_is_an_error_at_once(check: Check, closed_port: str) -> None:
    started = time.monotonic()

    done = check(addr=closed_port)

    assert done.code == 1
    assert f"{closed_port} is of no use (refused): nobody listens there" in done.out
    assert time.monotonic() - started < 5


def test_a_mute_peer_is_an_error_within_the_timeout(check: Check) -> None:
    with mute_peer() as address:
        started = time.monotonic()

        done = check("--timeout", "200ms", addr=address)

        assert 0.15 < time.monotonic() - started < 2
    assert done.code == 1
    assert "(deadline): it did not answer in time" in done.out
