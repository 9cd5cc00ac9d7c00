"""What is to be known of a server; ``None`` stands for what it would not say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Server:
    """What answers.

    Attributes:
        kind: ``Redis``, ``Valkey``, …
        version: Of that kind.
        mode: ``standalone``, ``cluster`` or ``sentinel``.
        role: ``primary`` or ``replica``.
    """

    kind: str
    version: str
    mode: str
    role: str


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a ping took, in milliseconds."""

    pings: int
    min_ms: float
    median_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Tls:
    """How the connection is encrypted.

    Attributes:
        version: As ``TLSv1.3``.
        cipher: Name of the cipher suite.
        names: Whom the server's certificate is for.
        expires: Until when.
    """

    version: str
    cipher: str
    names: tuple[str, ...]
    expires: datetime


@dataclass(frozen=True, slots=True)
class Acl:
    """Who is signed in, and what that user may not do.

    Attributes:
        user: Name of the user.
        missing: For each part of the library, the commands it needs that are not allowed; ``None`` if
            the server cannot be asked.
    """

    user: str
    missing: dict[str, tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class Memory:
    """How much the server may keep, and what it does when that is reached.

    Attributes:
        maxmemory: Bytes; 0 for no limit.
        policy: As ``noeviction``.
    """

    maxmemory: int
    policy: str


@dataclass(frozen=True, slots=True)
class Persistence:
    """What survives a restart.

    Attributes:
        aof: Whether each write goes to the append-only file.
        rdb: Whether snapshots are saved.
    """

    aof: bool
    rdb: bool | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it."""

    latency: Latency
    tls: Tls | None
    acl: Acl
    server: Server | None = None
    memory: Memory | None = None
    persistence: Persistence | None = None
