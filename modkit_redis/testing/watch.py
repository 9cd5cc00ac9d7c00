"""What reaches a server, seen from a connection of its own: for counting round trips in tests."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Any, Self

from modkit_redis.client.config import RedisSettings
from modkit_redis.client.lifecycle import open_client


class ServerWatch:
    """Sees the commands and connections of everybody else at one server; a context manager.

    It uses ``MONITOR``, so it is for tests and demonstrations: it slows the server down, and shows values.
    """

    def __init__(self, addr: str) -> None:
        """Begin to watch the server at *addr*."""
        self._client = open_client(RedisSettings(addr=addr, client_name="modkit-redis-watch"))
        self._monitor: Any = self._client.monitor()
        self._client.ping()  # its own connection is made now, and not seen later
        self._monitor.__enter__()

    def commands(self) -> list[str]:
        """Return the commands that arrived since this was last called, in order, each as one line.

        What scripts do inside the server is left out: it is no round trip.
        """
        end = secrets.token_hex(8)
        self._client.echo(end)
        seen: list[str] = []
        while True:
            command = self._monitor.next_command()
            if command["command"] == f"ECHO {end}":
                return seen
            if command["client_type"] != "lua":
                seen.append(command["command"])

    def connections(self) -> int:
        """Return how many other connections the server has now."""
        return sum(each["name"] != "modkit-redis-watch" for each in self._client.client_list())

    def close(self) -> None:
        """Stop watching."""
        self._monitor.__exit__(None, None, None)
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
