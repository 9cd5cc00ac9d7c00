"""Settings of the base module: which Redis, how to sign in, how long to wait."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.keys import normalised_prefix
from modkit_redis.contract.names import CAPABILITIES
from modkit_redis.kernel.parsing import (
    RefusedError,
    boolean,
    choice,
    duration,
    duration_or_zero,
    integer,
    path,
    text,
)
from modkit_redis.kernel.settings import EnvFile, Settings, setting


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        host: Name or address of the host; empty for a unix socket.
        port: TCP port; 0 for a unix socket.
        path: Path of the unix socket; empty for TCP.
    """

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, written: str) -> Address:
        """Return the address written as ``host:port``, ``[v6]:port`` or ``unix:/path``.

        Raises:
            RefusedError: If it is written otherwise.
        """
        if written.startswith("unix:/") and not written.startswith("unix://"):
            return cls(path=written.removeprefix("unix:"))
        if "://" in written:
            raise RefusedError(
                f"must be an address without a scheme, {_ADDR_EXAMPLE}; a URL belongs into REDIS_URL"
            )
        found = _HOST_PORT.fullmatch(written)
        if not found:
            raise RefusedError(f"must have a host and a port, {_ADDR_EXAMPLE}")
        host, port = found["v6"] or found["host"], int(found["port"])
        if not 1 <= port <= 65535:
            raise RefusedError(f"must have a port from 1 to 65535, {_ADDR_EXAMPLE}")
        return cls(host, port)

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_addr(value: object) -> str:
    """Return an address in its normal spelling."""
    return str(Address.parse(text(value)))


def parse_key_prefix(value: object) -> str:
    """Return a normalised key prefix, which may be empty."""
    if not isinstance(value, str):
        raise RefusedError(f"must be text, not {type(value).__name__}")
    try:
        return normalised_prefix(value)
    except ArgumentError as error:
        reason = error.reason
    raise RefusedError(reason)


def token_text(value: object) -> str:
    """Return text without spaces and control characters, as a connection's name must be."""
    name = text(value)
    if not all("!" <= each <= "~" for each in name):
        raise RefusedError("must be printable ASCII without spaces")
    return name


def server_name(value: object) -> str:
    """Return the name of a host, as its certificate may hold it."""
    name = token_text(value)
    try:
        name.encode("idna")  # as TLS does, and would fail with an error of its own
    except UnicodeError:
        raise RefusedError("must be the name of a host, for example 'redis.example.com'") from None
    return name


def parse_topology(value: object) -> str:
    """Return how the servers are arranged."""
    if value in ("sentinel", "cluster"):
        raise RefusedError("is not supported yet: write 'standalone', or leave it out")
    return choice("standalone")(value)


class RedisSettings(Settings):
    """Settings of one Redis client.

    Durations are ``timedelta``; in the environment and in mappings they are text with a unit.
    """

    addr: str = setting(parse_addr, "where Redis listens: `host:port`, `[v6]:port` or `unix:/path`")
    url: str | None = setting(
        text,
        "instead of `REDIS_ADDR`, user, password, database and TLS: `redis://`, `rediss://` or `unix://`; "
        "the parts are found in the other settings",
        default=None,
        secret=True,
    )
    username: str | None = setting(text, "ACL user", default=None)
    password: str | None = setting(text, "password of the user", default=None, secret=True)
    password_file: Path | None = setting(
        path,
        "file that holds the password, read at each new connection; not together with a password",
        default=None,
    )
    db: int = setting(integer(0, 2**31 - 1), "number of the database", default=0)
    dial_timeout: timedelta = setting(
        duration,
        "longest wait for a connection to one address: TCP and TLS handshake; a slow look-up of the host's "
        "name counts with asyncio, and has no bound otherwise",
        default=timedelta(seconds=5),
    )
    read_timeout: timedelta = setting(
        duration,
        "longest wait for one reply; added to the timeout of a blocking command, and a timeout of 0 waits "
        "for ever; in a pipeline, nothing is added",
        default=timedelta(seconds=3),
    )
    write_timeout: timedelta | None = setting(
        duration,
        "longest wait until one command is sent; as `REDIS_READ_TIMEOUT` when not given",
        default=None,
    )
    pool_size: int = setting(integer(1, 100_000), "most connections at a time", default=50)
    pool_timeout: timedelta = setting(
        duration, "longest wait for a free connection when all are in use", default=timedelta(seconds=1)
    )
    key_prefix: str = setting(
        parse_key_prefix, "first part of every key; single colons, none around it; recommended", default=""
    )
    ping_timeout: timedelta = setting(
        duration_or_zero,
        "when not 0, `init_resources()` connects and pings within this time",
        default=timedelta(0),
    )
    retries: int = setting(
        integer(0, 100), "further tries to connect, never to send a command again", default=0
    )
    tls: bool = setting(boolean, "encrypt, and verify the server's certificate and name", default=False)
    tls_ca_file: Path | None = setting(
        path,
        "the only certificate authorities trusted (PEM); those of the system when not given",
        default=None,
    )
    tls_cert_file: Path | None = setting(path, "certificate of this client (PEM)", default=None)
    tls_key_file: Path | None = setting(path, "private key of this client (PEM)", default=None)
    tls_server_name: str | None = setting(
        server_name,
        "name that the server's certificate must hold; the host of the address when not given",
        default=None,
    )
    tls_min_version: str = setting(choice("1.2", "1.3"), "oldest TLS version accepted", default="1.2")
    client_name: str = setting(token_text, "name of the connections in `CLIENT LIST`", default="modkit-redis")
    topology: str = setting(
        parse_topology, "`standalone`; others are not supported yet", default="standalone"
    )

    @property
    def address(self) -> Address:
        """Where to connect."""
        return Address.parse(self.addr)

    @classmethod
    def load_key_prefix(cls, config: object, name: str = "", env_file: EnvFile = None) -> str:
        """Read the key prefix alone: who brings or overrides the client need not give an address.

        Raises:
            ConfigError: If it cannot be used.
        """
        prefix: str = cls.load_one("key_prefix", config, name, env_file)
        return prefix

    @classmethod
    def _expand(cls, values: dict[str, object]) -> Iterator[tuple[str, str]]:
        if (url := values.get("url")) is None:
            return
        del values["url"]
        try:
            parts = _url_parts(text(url))
        except RefusedError as refused:
            yield "url", refused.reason
            values.setdefault("addr", "unknown:1")  # one problem is reported once
            return
        for name in sorted(parts.keys() & values.keys()):
            yield "url", f"already says {name}: give it in one place only"
        values.update(parts)

    @classmethod
    def _unknown(cls, name: str) -> str:
        if name in CAPABILITIES:
            return "is reserved for a capability that this release does not have yet: leave it out"
        return super()._unknown(name)

    def _contradictions(self) -> Iterator[tuple[str, str]]:
        if self.password is not None and self.password_file is not None:
            yield "password_file", "cannot be used together with a password: give one of them"
        if self.password_file is not None and not os.access(self.password_file, os.R_OK):
            yield "password_file", "must name a file that this process may read"
        if self.username is not None and self.password is None and self.password_file is None:
            yield "username", "needs a password or a password file"
        if self.tls and self.address.path:
            yield "tls", "cannot be used with a unix socket"
        if not self.tls:
            for name in ("tls_ca_file", "tls_cert_file", "tls_key_file", "tls_server_name"):
                if getattr(self, name) is not None:
                    yield name, "needs tls to be switched on: it would have no effect"
        if self.tls_key_file is not None and self.tls_cert_file is None:
            yield "tls_key_file", "needs the certificate that belongs to it: tls_cert_file"


def _url_parts(url: str) -> dict[str, object]:
    """Return the settings that *url* stands for; never a part of it in an error."""
    split = options = None
    port = 6379
    try:
        split = urlsplit(url)
        options = dict(parse_qsl(split.query, keep_blank_values=True, strict_parsing=bool(split.query)))
        port = split.port or 6379
    except ValueError:  # its text holds the URL
        split = None
    if split is None or options is None or split.scheme not in ("redis", "rediss", "unix") or split.fragment:
        raise RefusedError("must be 'redis://host:port/db', 'rediss://host:port/db' or 'unix:///path?db=0'")
    parts: dict[str, object] = {}
    if split.scheme == "unix":
        parts["addr"] = f"unix:{unquote(split.path)}"
    else:
        host = unquote(split.hostname or "")
        parts["addr"] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if database := split.path.strip("/"):
            parts["db"] = database
    if split.scheme == "rediss":
        parts["tls"] = True
    if split.username:
        parts["username"] = unquote(split.username)
    if split.password:
        parts["password"] = unquote(split.password)
    unknown = sorted(options.keys() - {"db"})
    if unknown or ("db" in options and "db" in parts):
        raise RefusedError(
            "may have no query but '?db=…': other options are settings of their own, as REDIS_READ_TIMEOUT"
        )
    return {**parts, **options}


_HOST_PORT: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s:/@\[\]?#,]+)):(?P<port>[0-9]{1,9})"
)
_ADDR_EXAMPLE: Final = "for example 'localhost:6379', '[::1]:6379' or 'unix:/run/redis.sock'"
