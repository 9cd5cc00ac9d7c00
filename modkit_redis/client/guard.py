"""What all connections of one client share: bounds, TLS, the event loop, and whether it was closed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final

from modkit_redis.client.errors import ClientClosedError, EventLoopError

RETRIABLE: Final = frozenset(
    {"refused", "dns", "dial-timeout", "reset", "disconnected", "loading", "connection"}
)
"""Why a connection may be tried again: no byte of a command was sent."""


def _nothing() -> None: ...


@dataclass(slots=True)
class Guard:
    """What all connections of one client share.

    Attributes:
        write_timeout: Longest wait until one command is sent, in seconds.
        retries: Further tries to connect.
        tls: The one TLS context, or ``None`` for plain text.
        server_name: Name that the server's certificate must hold.
        closed_by: Who closed the client; empty while it is open.
        on_close: Called once when it is closed.
        loop: The event loop that the first connection was made in, for asyncio.
    """

    write_timeout: float
    retries: int = 0
    tls: SSLContext | None = None
    server_name: str = ""
    closed_by: str = ""
    on_close: Callable[[], None] = field(default=_nothing, repr=False)
    loop: asyncio.AbstractEventLoop | None = None

    def check(self, operation: str) -> None:
        """Raise if the client was closed.

        Raises:
            ClientClosedError: If it was.
        """
        if self.closed_by:
            raise ClientClosedError(operation, closed_by=self.closed_by)

    def close(self, by: str) -> None:
        """Close for good; who was first is remembered."""
        if not self.closed_by:
            self.closed_by = by
            self.on_close()

    def check_loop(self, operation: str) -> None:
        """Bind to the running event loop, or raise if bound to another one.

        Raises:
            EventLoopError: If the client belongs to another event loop.
        """
        running = asyncio.get_running_loop()
        if self.loop is not running:
            if self.loop is not None:
                raise EventLoopError(operation)
            self.loop = running


def backoff(failures: int) -> float:
    """Return the seconds to wait before the next try to connect: full jitter below 10 ms, 20 ms, … 1 s."""
    longest = min(1.0, 0.01 * 2 ** (failures - 1))
    return random.uniform(0, longest)  # noqa: S311  # nobody gains by guessing it
