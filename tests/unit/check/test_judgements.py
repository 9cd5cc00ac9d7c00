"""What facts mean: each rule of the check by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modkit_redis.check._core import Finding, Level, exit_code, judge
from modkit_redis.check.command import HINTS
from modkit_redis.check.facts import Acl, Facts, Latency, Memory, Persistence, Server, Tls
from modkit_redis.check.rights import BASE, needed
from modkit_redis.client.config import RedisSettings
from modkit_redis.client.errors import REASONS
from modkit_redis.contract.names import CAPABILITIES

NOW = datetime(2026, 11, 23, tzinfo=UTC)
QUICK = Latency(5, 0.1, 0.2, 0.3)
NO_RIGHTS = Acl("app", None)


def found(about: str, *, facts: Facts | None = None, **settings: object) -> list[tuple[str, str]]:
    given = RedisSettings.from_mapping({"addr": "redis.example.com:6379", **settings})
    known = facts or Facts(QUICK, None, NO_RIGHTS)
    return [(each.level, each.text) for each in judge(given, known, NOW) if each.about == about]


@pytest.mark.parametrize(
    ("server", "level", "text"),
    [
        (Server("Valkey", "9.1.2", "standalone", "primary"), "ok", "Valkey 9.1.2, standalone, primary"),
        (Server("Redis", "7.0.15", "standalone", "replica"), "warning", "writes are refused"),
        (Server("Redis", "7.0.15", "cluster", "primary"), "warning", "not supported yet"),
        (Server("Redis", "7.0.15", "sentinel", "primary"), "error", "it holds no data"),
        (None, "note", "unknown"),
    ],
)
def test_a_server_is_judged_by_its_mode_and_role(server: Server | None, level: Level, text: str) -> None:
    [(given, said)] = found("server", facts=Facts(QUICK, None, NO_RIGHTS, server=server))

    assert given == level
    assert text in said


@pytest.mark.parametrize(
    ("days", "level"), [(400, "ok"), (31, "ok"), (29, "warning"), (1, "warning")], ids=str
)
def test_a_certificate_that_expires_soon_is_a_warning(days: int, level: Level) -> None:
    tls = Tls("TLSv1.3", "AES", ("a.example.com", "b.example.com"), NOW + timedelta(days=days, hours=1))

    [(given, text)] = found("tls", facts=Facts(QUICK, tls, NO_RIGHTS))

    assert given == level
    assert text.startswith("TLSv1.3, AES; certificate of a.example.com, b.example.com, expires 202")
    assert text.endswith(f"in {days} days")


@pytest.mark.parametrize(
    ("addr", "password", "level"),
    [
        ("unix:/run/redis.sock", None, "ok"),
        ("localhost:6379", "x", "ok"),
        ("127.8.8.8:6379", "x", "ok"),
        ("[::1]:6379", "x", "ok"),
        ("10.0.0.1:6379", None, "note"),
        ("10.0.0.1:6379", "x", "warning"),
        ("redis.example.com:6379", "x", "warning"),
    ],
)
def test_plain_text_matters_where_it_crosses_a_network(addr: str, password: str | None, level: Level) -> None:
    [(given, _)] = found("tls", addr=addr, password=password)

    assert given == level


@pytest.mark.parametrize(
    ("addr", "level"),
    [("localhost:6379", "note"), ("unix:/a", "note"), ("redis.example.com:6379", "warning")],
)
def test_no_password_matters_where_others_reach_the_server(addr: str, level: Level) -> None:
    [(given, text)] = found("user", addr=addr)

    assert given == level
    assert text.startswith("app, without a password")


def test_a_password_from_a_file_is_a_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("x")

    assert found("user", password_file=tmp_path / "password") == [("ok", "app")]


def test_each_part_without_its_rights_is_named() -> None:
    missing = {"base": (), "cache": ("scan", "evalsha"), "session": (), "ratelimit": ("time",)}

    rights = found("rights", facts=Facts(QUICK, None, Acl("app", missing)))

    assert rights == [
        ("ok", "all that is needed for base, session"),
        ("warning", "not all for cache: the user lacks scan evalsha"),
        ("warning", "not all for ratelimit: the user lacks time"),
    ]


def test_without_the_rights_of_the_base_nothing_works() -> None:
    rights = found("rights", facts=Facts(QUICK, None, Acl("app", {"base": ("ping",)})))

    assert rights == [("error", "not all for base: the user lacks ping")]


def test_a_key_prefix_is_recommended() -> None:
    assert found("key prefix", key_prefix="shop") == [("ok", "shop")]
    assert [level for level, _ in found("key prefix")] == ["warning"]


@pytest.mark.parametrize(
    ("memory", "level", "text"),
    [
        (None, "note", "unknown"),
        (Memory(0, "allkeys-lru"), "note", "no maxmemory"),
        (Memory(64 * 2**20, "noeviction"), "ok", "64 MiB, noeviction"),
        (Memory(3 * 2**29, "allkeys-lru"), "warning", "1.5 GiB, allkeys-lru: when it is full, sessions"),
        (Memory(100, "volatile-ttl"), "warning", "100 B, volatile-ttl: when it is full, sessions"),
    ],
)
def test_eviction_matters_for_sessions(memory: Memory | None, level: Level, text: str) -> None:
    [(given, said)] = found("memory", facts=Facts(QUICK, None, NO_RIGHTS, memory=memory))

    assert given == level
    assert said.startswith(text)


@pytest.mark.parametrize(
    ("persistence", "level", "text"),
    [
        (None, "note", "unknown"),
        (Persistence(aof=True, rdb=True), "ok", "AOF and RDB"),
        (Persistence(aof=True, rdb=None), "ok", "AOF"),
        (Persistence(aof=False, rdb=True), "note", "RDB alone"),
        (Persistence(aof=False, rdb=None), "note", "no AOF; RDB unknown"),
        (Persistence(aof=False, rdb=False), "warning", "neither AOF nor RDB: sessions are lost"),
    ],
)
def test_persistence_matters_for_sessions(persistence: Persistence | None, level: Level, text: str) -> None:
    [(given, said)] = found("persistence", facts=Facts(QUICK, None, NO_RIGHTS, persistence=persistence))

    assert given == level
    assert said.startswith(text)


@pytest.mark.parametrize(
    ("levels", "code", "strict"),
    [("ok note", 0, 0), ("ok warning", 0, 1), ("warning error", 1, 1), ("", 0, 0)],
)
def test_the_exit_code_follows_the_worst_level(levels: str, code: int, strict: int) -> None:
    worst: dict[str, Level] = {"ok": "ok", "note": "note", "warning": "warning", "error": "error"}
    findings = [Finding("it", worst[level], "is so") for level in levels.split()]

    assert exit_code(findings, strict=False) == code
    assert exit_code(findings, strict=True) == strict


def test_the_rights_are_those_of_every_part_on_keys_of_this_application() -> None:
    rights = needed("shop", 3)

    assert rights.keys() == {BASE, *CAPABILITIES}
    assert ("SELECT", 3) in rights[BASE] and ("SELECT", 0) not in needed("shop", 0)[BASE]
    assert ("PTTL", "shop:cache:check") in rights["cache"]
    assert "KEY" not in str(rights)


def test_hints_are_for_reasons_that_exist() -> None:
    assert REASONS.keys() >= HINTS.keys()
