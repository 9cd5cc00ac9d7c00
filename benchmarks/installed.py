"""What is measured, and on what: versions, the server, the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import ClassVar, Protocol


class Contestant(Protocol):
    """What every kind of contender says of itself.

    Attributes:
        distribution: Its name on PyPI.
        configured: How it was set up, and why so.
    """

    distribution: ClassVar[str]
    configured: ClassVar[str]


def endpoint(addr: str) -> tuple[str, int]:
    """Return the host and the port."""
    host, _, port = addr.rpartition(":")
    return host, int(port)


def version(distribution: str) -> str:
    """Return the version that is installed; empty if none is."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def print_legend(kinds: Sequence[type[Contestant]], server: Mapping[str, object]) -> None:
    """Print what was measured on, and how each was configured."""
    print_server(server)
    for kind in kinds:
        print(f"  {kind.distribution} {version(kind.distribution)}: {kind.configured}")


def print_server(server: Mapping[str, object]) -> None:
    """Print what was measured on."""
    valkey = server.get("valkey_version") or server.get("redis_version")
    python, processors = platform.python_version(), os.cpu_count()
    print(f"\nPython {python}, hiredis {version('hiredis')}, server {valkey}, {processors} processors")
