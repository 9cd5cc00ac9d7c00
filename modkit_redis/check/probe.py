"""Asks a server for its facts, over one connection and within one time limit."""

from __future__ import annotations

import ssl
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import redis

from modkit_redis.check.facts import Acl, Facts, Latency, Memory, Persistence, Server, Tls
from modkit_redis.check.rights import named, needed
from modkit_redis.client._sync import RedisExecutor
from modkit_redis.client.config import RedisSettings
from modkit_redis.client.executor import Argument, Reply
from modkit_redis.client.lifecycle import open_client

PINGS: Final = 5

_KINDS: Final = (("valkey_version", "Valkey"), ("dragonfly_version", "Dragonfly"), ("redis_version", "Redis"))
_ROLES: Final = {"master": "primary", "slave": "replica"}


def probe(settings: RedisSettings, within: timedelta) -> Facts:
    """Connect and ask; nothing is written.

    Args:
        settings: Where to, and how.
        within: Longest time for all of it. Looking up a host's name may take longer.

    Raises:
        ConfigError: If the files for TLS cannot be used.
        StoreUnavailableError: If there is no connection, or an answer does not come in time.
        CommandRefusedError: If not even a ping is allowed.
    """
    with open_client(settings) as client:
        return _Probe(client, settings, within).facts()


class _Probe:
    def __init__(self, client: redis.Redis, settings: RedisSettings, within: timedelta) -> None:
        self._pool: Any = client.connection_pool
        self._executor = RedisExecutor(client)
        self._settings = settings
        self._until = time.monotonic() + within.total_seconds()

    def facts(self) -> Facts:
        self._must("PING")
        info = self._info()
        return Facts(
            latency=self._latency(),
            tls=self._tls() if self._settings.tls else None,
            acl=self._acl(),
            server=_server(info),
            memory=_memory(info),
            persistence=self._persistence(info),
        )

    def _must(self, *command: Argument) -> Reply:
        left = max(self._until - time.monotonic(), 0.001)
        return self._executor.execute(*command, deadline=left)

    def _ask(self, *command: Argument) -> Reply:
        """Return the reply, or ``None`` from a server that does not know the command or will not do it."""
        try:
            return self._must(*command)
        except redis.ResponseError:
            return None

    def _info(self) -> dict[str, str]:
        """Return what ``INFO`` says, nothing if it is not allowed."""
        lines = _text(self._ask("INFO") or b"").splitlines()
        pairs = (line.partition(":") for line in lines)
        return {name: value for name, colon, value in pairs if colon}

    def _latency(self) -> Latency:
        took = []
        for _ in range(PINGS):
            started = time.perf_counter()
            self._must("PING")
            took.append((time.perf_counter() - started) * 1000)
        return Latency(PINGS, *(round(each, 3) for each in (min(took), statistics.median(took), max(took))))

    def _tls(self) -> Tls:
        connection = self._pool.acquire(self._until)
        try:
            sock: ssl.SSLSocket = connection._sock
            certificate: Any = sock.getpeercert() or {}
            cipher = sock.cipher()
            return Tls(
                version=sock.version() or "",
                cipher=cipher[0] if cipher else "",
                names=tuple(name for _, name in certificate.get("subjectAltName", ())),
                expires=datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC),
            )
        finally:
            self._pool.release(connection)

    def _acl(self) -> Acl:
        said = self._ask("ACL", "WHOAMI")
        user = _text(said) if said else self._settings.username or "default"
        missing = {}
        for part, commands in needed(self._settings.key_prefix, self._settings.db).items():
            verdicts = {named(each): self._ask("ACL", "DRYRUN", user, *each) for each in commands}
            if None in verdicts.values():
                return Acl(user, None)
            missing[part] = tuple(name for name, verdict in verdicts.items() if verdict != b"OK")
        return Acl(user, missing)

    def _persistence(self, info: dict[str, str]) -> Persistence | None:
        if "aof_enabled" not in info:
            return None
        save: Any = self._ask("CONFIG", "GET", "save")
        return Persistence(aof=info["aof_enabled"] == "1", rdb=bool(save[1]) if save else None)


def _server(info: dict[str, str]) -> Server | None:
    for field, kind in _KINDS:
        if field in info:
            mode = info.get("server_mode") or info.get("redis_mode", "standalone")
            return Server(kind, info[field], mode, _ROLES.get(info.get("role", ""), "primary"))
    return None


def _memory(info: dict[str, str]) -> Memory | None:
    if not {"maxmemory", "maxmemory_policy"} <= info.keys():
        return None
    return Memory(int(info["maxmemory"]), info["maxmemory_policy"])


def _text(reply: Reply) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
