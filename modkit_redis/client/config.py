"""Settings of the base module: which Redis, how to sign in, how long to wait."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.keys import normalised_prefix
from modkit_redis.contract.names import CAPABILITIES
from modkit_redis.kernel.given import EnvFile, or_raise
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
from modkit_redis.kernel.settings import REQUIRED, Settings, setting


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
        if found := _UNIX.fullmatch(written):
            return cls(path=found["path"])
        if "://" in written:
            raise RefusedError(
                f"must be an address without a scheme, {_ADDR_EXAMPLE}; a URL belongs in REDIS_URL"
            )
        found = _HOST_PORT.fullmatch(written)
        if not found or not (_is_v6(found["v6"]) if found["v6"] else _is_name(found["host"])):
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
    try:
        return normalised_prefix(value)  # type: ignore[arg-type]  # it says what else is wrong
    except ArgumentError as error:
        reason = error.reason
    raise RefusedError(reason)


parse_db = integer(0, 2**31 - 1)


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

    addr: str = setting(
        parse_addr,
        "where Redis listens, as `host:port`, `[v6]:port` or `unix:/path`; or give `REDIS_URL`",
        default=REQUIRED,  # said aloud, so that type checkers accept a `url` alone
    )
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
    db: int = setting(parse_db, "number of the database", default=0)
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
        prefix = cls._one("key_prefix", config, name, env_file)
        del config
        return str(or_raise(prefix))

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
        said = {name for name, value in values.items() if value is not None}
        for name in sorted(parts.keys() & said):
            yield "url", f"already gives REDIS_{name.upper()}: leave one of them out"
        if "username" in parts and not {"password", "password_file"} & (parts.keys() | said):
            yield "url", "gives a user, who needs a password: REDIS_PASSWORD or REDIS_PASSWORD_FILE"
        values.update(parts)

    @classmethod
    def _unknown(cls, name: str) -> str:
        if name in CAPABILITIES:
            return "is a section of its own: give it to a bundle, or to the module that it is for"
        return super()._unknown(name)

    def _contradictions(self, unusable: Set[str]) -> Iterator[tuple[str, str]]:
        if not unusable & {"url", "username", "password", "password_file"}:
            if self.password is not None and self.password_file is not None:
                yield "password_file", "cannot be used together with a password: leave one of them out"
            if self.username is not None and self.password is None and self.password_file is None:
                yield "username", "needs a password: REDIS_PASSWORD or REDIS_PASSWORD_FILE"
        if not unusable & {"url", "addr", "tls"} and self.tls and self.address.path:
            yield "tls", "cannot be used with a unix socket: leave it out, or give a host and a port"
        if not unusable & {"url", "tls"} and not self.tls:
            for name in _TLS_ONLY:
                if getattr(self, name) != getattr(type(self), name):  # the class holds the defaults
                    yield name, "has no effect without TLS: set REDIS_TLS to true, or leave it out"
        if not unusable & {"tls_key_file", "tls_cert_file"} and self.tls_key_file and not self.tls_cert_file:
            yield "tls_key_file", "needs the certificate that belongs to it: REDIS_TLS_CERT_FILE"


def _url_parts(url: str) -> dict[str, object]:
    """Return the settings that *url* stands for; never a part of it in an error."""
    parts: dict[str, object] = {}
    try:
        split = urlsplit(url)
        host, path = unquote(split.hostname or "", errors="strict"), unquote(split.path, errors="strict")
        port = 6379 if split.port is None else split.port
        options = parse_qsl(split.query, keep_blank_values=True, strict_parsing=bool(split.query))
        for name, written in (("username", split.username), ("password", split.password)):
            if written:
                parts[name] = unquote(written, errors="strict")
    except ValueError:  # its text holds the URL
        raise RefusedError(_URL_FORM) from None
    is_unix = split.scheme == "unix"
    lost = " " in url or not url.isprintable() or split.fragment  # urlsplit drops line breaks
    if lost or not (is_unix or split.scheme in ("redis", "rediss")):
        raise RefusedError(_URL_FORM)
    if is_unix and split.netloc.rpartition("@")[2]:
        raise RefusedError("must have three slashes before the path of a unix socket: 'unix:///path?db=0'")
    databases = [value for name, value in options if name == "db"]
    if not is_unix and (first := path.strip("/")):
        databases.append(first)
    if len(databases) > 1 or any(name != "db" for name, _ in options):
        raise RefusedError(
            "may name the database once, and have no query but '?db=…': "
            "other options are settings of their own, such as REDIS_READ_TIMEOUT"
        )
    tcp = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    parts["addr"] = _part(parse_addr, f"unix:{path}" if is_unix else tcp, _URL_FORM)
    for database in databases:
        parts["db"] = _part(parse_db, database, _URL_DATABASE)
    if split.scheme == "rediss":
        parts["tls"] = True
    return parts


def _part(parse: Callable[[object], object], written: str, otherwise: str) -> object:
    try:
        return parse(written)
    except RefusedError:
        raise RefusedError(otherwise) from None


def _is_name(host: str) -> bool:
    """Return whether *host* can be looked up; Python would fail with an error of its own."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return host.isprintable()


def _is_v6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


_TLS_ONLY: Final = ("tls_ca_file", "tls_cert_file", "tls_key_file", "tls_server_name", "tls_min_version")
_UNIX: Final = re.compile(r"unix:(?P<path>/(?!/)[^\0]*)")
_HOST_PORT: Final = re.compile(r"(?:\[(?P<v6>[^\s\[\]]+)\]|(?P<host>[^\s:/@\[\]?#,]+)):(?P<port>[0-9]{1,9})")
_ADDR_EXAMPLE: Final = "for example 'localhost:6379', '[::1]:6379' or 'unix:/run/redis.sock'"
_URL_FORM: Final = (
    "must be 'redis://user:password@host:port/db', 'rediss://…' for TLS or 'unix:///path?db=0'; "
    "special characters in user and password are percent-encoded, '/' as '%2F'"
)
_URL_DATABASE: Final = "must have a whole number from 0 as its database, as in 'redis://host:port/0'"
