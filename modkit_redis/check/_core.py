"""What the facts mean for whoever runs an application: a finding each, with a level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final, Literal, TypeAlias

from modkit_redis.check.facts import Acl, Facts, Latency, Memory, Persistence, Server, Tls
from modkit_redis.check.rights import BASE
from modkit_redis.client.config import RedisSettings

Level: TypeAlias = Literal["ok", "note", "warning", "error"]

BAD_SETTINGS: Final = 2
SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: What it was.
        level: How much it matters.
        text: What was found, and what to do.
    """

    about: str
    level: Level
    text: str


def exit_code(findings: Sequence[Finding], *, strict: bool) -> int:
    """Return 1 if something is wrong, else 0; when *strict*, warnings are wrong."""
    wrong = {"error", "warning"} if strict else {"error"}
    return int(any(finding.level in wrong for finding in findings))


def judge(settings: RedisSettings, facts: Facts, now: datetime) -> Iterator[Finding]:
    """Yield what there is to say of *facts*."""
    yield Finding("connection", "ok", f"{settings.addr} answers")
    yield _of_server(facts.server)
    yield _of_latency(facts.latency)
    yield _of_tls(facts.tls, now) if facts.tls else _of_plain_text(settings)
    yield _of_user(settings, facts.acl)
    yield from _of_rights(facts.acl)
    yield _of_prefix(settings)
    yield _of_memory(facts.memory)
    yield _of_persistence(facts.persistence)


def _of_server(server: Server | None) -> Finding:
    if server is None:
        return Finding("server", "note", "unknown: the user may not run INFO")
    said = f"{server.kind} {server.version}, {server.mode}, {server.role}"
    if server.mode == "sentinel":
        return Finding("server", "error", f"{said}: it holds no data; give the address of the primary")
    if server.mode == "cluster":
        return Finding("server", "warning", f"{said}: not supported yet, keys of other nodes are refused")
    if server.role == "replica":
        return Finding("server", "warning", f"{said}: writes are refused; give the address of the primary")
    return Finding("server", "ok", said)


def _of_latency(latency: Latency) -> Finding:
    times = f"{latency.min_ms:.2f} / {latency.median_ms:.2f} / {latency.max_ms:.2f} ms"
    return Finding("latency", "ok", f"{times} (min / median / max of {latency.pings} pings)")


def _of_tls(tls: Tls, now: datetime) -> Finding:
    left = tls.expires - now
    said = f"{tls.version}, {tls.cipher}; certificate of {', '.join(tls.names) or 'no name'}"
    until = f"expires {tls.expires:%Y-%m-%d}, in {left.days} days"
    return Finding("tls", "warning" if left < SOON else "ok", f"{said}, {until}")


def _of_plain_text(settings: RedisSettings) -> Finding:
    if settings.address.path:
        return Finding("tls", "ok", "none: a unix socket")
    if _is_here(settings):
        return Finding("tls", "ok", "none: plain text, but within this machine")
    if _has_password(settings):
        return Finding("tls", "warning", "none: the password and all data cross the network as plain text")
    return Finding("tls", "note", "none: all data cross the network as plain text")


def _of_user(settings: RedisSettings, acl: Acl) -> Finding:
    if _has_password(settings):
        return Finding("user", "ok", acl.user)
    said = f"{acl.user}, without a password"
    if _is_here(settings):
        return Finding("user", "note", said)
    return Finding("user", "warning", f"{said}: whoever reaches the server may do the same")


def _of_rights(acl: Acl) -> Iterator[Finding]:
    if acl.missing is None:
        yield Finding("rights", "note", "unknown: ACL DRYRUN is not allowed, or the server is below Redis 7")
        return
    complete = [part for part, missing in acl.missing.items() if not missing]
    if complete:
        yield Finding("rights", "ok", f"all that is needed for {', '.join(complete)}")
    for part, missing in acl.missing.items():
        if missing:
            level: Level = "error" if part == BASE else "warning"
            yield Finding("rights", level, f"not all for {part}: the user lacks {' '.join(missing)}")


def _of_prefix(settings: RedisSettings) -> Finding:
    if settings.key_prefix:
        return Finding("key prefix", "ok", settings.key_prefix)
    return Finding(
        "key prefix", "warning", "none: applications that share a server will share keys; set one for each"
    )


def _of_memory(memory: Memory | None) -> Finding:
    if memory is None:
        return Finding("memory", "note", "unknown: the user may not run INFO")
    if memory.maxmemory == 0:
        return Finding("memory", "note", "no maxmemory: nothing is evicted, and nothing bounds its growth")
    said = f"{_size(memory.maxmemory)}, {memory.policy}"
    if memory.policy == "noeviction":
        return Finding("memory", "ok", f"{said}: when it is full, writes are refused and nothing is lost")
    return Finding(
        "memory",
        "warning",
        f"{said}: when it is full, sessions and rate limits may be evicted before their time, as all keys "
        "with a TTL; it suits a cache alone",
    )


def _of_persistence(persistence: Persistence | None) -> Finding:
    if persistence is None:
        return Finding("persistence", "note", "unknown: the user may not run INFO")
    if persistence.aof:
        return Finding("persistence", "ok", "AOF and RDB" if persistence.rdb else "AOF")
    if persistence.rdb is None:
        return Finding("persistence", "note", "no AOF; RDB unknown: the user may not run CONFIG GET")
    if persistence.rdb:
        return Finding(
            "persistence", "note", "RDB alone: sessions since the last snapshot are lost in a crash"
        )
    return Finding(
        "persistence", "warning", "neither AOF nor RDB: sessions are lost when the server restarts"
    )


def _is_here(settings: RedisSettings) -> bool:
    host = settings.address.host
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost")


def _has_password(settings: RedisSettings) -> bool:
    return settings.password is not None or settings.password_file is not None


def _size(number: int) -> str:
    amount, unit = float(number), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:g} {unit}" if amount == int(amount) else f"{amount:.1f} {unit}"
