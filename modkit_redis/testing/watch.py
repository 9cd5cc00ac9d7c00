"""What reaches a server, seen from connections of its own: for counting round trips in tests."""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

from modkit_redis.client.config import RedisSettings
from modkit_redis.client.lifecycle import open_client
from modkit_redis.contract.errors import ArgumentError, StoreUnavailableError

_NAME: Final = "modkit-redis-watch"
_LINE: Final = re.compile(r"\S+ \[\d+ (.*?)\] (\".*)", re.DOTALL)
_PART: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_QUOTED: Final = re.compile(r'\\(["\\])')


class ServerWatch:
    """Sees the commands and connections of others at one server; a context manager.

    It sees what is sent while it is there, from any thread or process, and can be asked from any thread.
    It uses ``MONITOR``: for tests and demonstrations, as it slows the server down and shows values. When
    the server stops or starts again, it sees no more: every question raises, or waits for a reply no
    longer than the settings allow::

        with ServerWatch(server.addr, client_name="shop") as watch:
            visit("home")
            assert watch.commands() == ["INCR shop:visits:home"]
    """

    def __init__(self, server: str | RedisSettings, *, client_name: str | None = None) -> None:
        """Begin to watch.

        Args:
            server: Its address, or settings where it wants a password or TLS.
            client_name: Look only at connections that call themselves so (``REDIS_CLIENT_NAME``), and no
                longer at a test's own or at those of other users of the server.

        Raises:
            ArgumentError: If *server* is a unix socket, where connections cannot be told apart.
            StoreUnavailableError: If the server does not answer.
            CommandRefusedError: If its user may not use ``MONITOR``.
        """
        settings = RedisSettings(addr=server) if isinstance(server, str) else server
        if settings.address.path:
            raise ArgumentError("server", "must be the TCP address: unix sockets show no single connections")
        self._only = client_name
        self._run_id = ""
        self._lock = threading.Lock()
        self._client = open_client(replace(settings, client_name=_NAME))
        try:
            self._monitor: Any = self._client.connection_pool.get_connection()
            self._monitor.send_command("MONITOR")
            self._monitor.read_response()
            self._names: dict[str, str] = {each["addr"]: each["name"] for each in self._clients()}
            self._seen_trips = self._trips()
        except BaseException:
            self.close()
            raise

    def commands(self) -> list[str]:
        """Return the commands that arrived since this was last called, in order, each as one line.

        Each command of a pipeline is one of them, with ``MULTI`` and ``EXEC`` if it is a transaction. What
        scripts do inside the server is left out. An argument is shown as ``MONITOR`` does, escaped where
        it is not printable ASCII, but without quotes. Servers show no ``AUTH``.

        Raises:
            StoreUnavailableError: If the server stopped answering; this watch has ended then.
        """
        with self._lock:
            end = secrets.token_hex(8)
            self._ask("ECHO", end)
            seen: list[str] = []
            while (line := self._next())[1] != f"ECHO {end}":
                seen += self._of_interest(*line)
            return seen

    def round_trips(self) -> int:
        """Return how many times others sent something since this was last called.

        A pipeline counts once, however many commands it holds, and each command of the signing in of a
        new connection counts once. It is the server's own count of reads, whoever sent: for a server that
        nobody else uses, and for commands and pipelines below 16 kB, as more is read in pieces.

        Raises:
            StoreUnavailableError: If the server stopped answering.
        """
        with self._lock:
            before, self._seen_trips = self._seen_trips, self._trips()
            return self._seen_trips - before

    def connections(self) -> int:
        """Return how many other connections the server has now.

        What was closed on this machine before is no longer among them; elsewhere it may take a moment.

        Raises:
            StoreUnavailableError: If the server stopped answering.
        """
        with self._lock:
            return sum(self._is_watched(each["name"]) for each in self._clients())

    def close(self) -> None:
        """Stop watching; closing twice does no harm."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    _own_trips = 0

    def _ask(self, *command: str) -> Any:
        self._own_trips += 1
        return self._client.execute_command(*command)

    def _settle(self) -> None:
        """Let the server finish its present round: it then knows of every connection closed before."""
        self._ask("PING")

    def _clients(self) -> list[dict[str, str]]:
        self._settle()
        found: list[dict[str, str]] = self._ask("CLIENT LIST")
        return found

    def _trips(self) -> int:
        self._settle()
        info = self._ask("INFO")
        if self._run_id not in ("", info["run_id"]):
            raise StoreUnavailableError("INFO", "disconnected")
        self._run_id = info["run_id"]
        closed = info["total_connections_received"] - info["connected_clients"]  # the end is read, too
        trips: int = info["total_reads_processed"] - closed - self._own_trips
        return trips

    def _next(self) -> tuple[str, str]:
        """Return the next command, with the address it came from."""
        try:
            line = self._monitor.read_response(disable_decoding=True).decode("ascii", "replace")
        except StoreUnavailableError:
            self.close()  # what was missed meanwhile cannot be seen any more
            raise
        found = _LINE.match(line)
        if not found:
            return "", line
        parts = (_QUOTED.sub(r"\1", each) for each in _PART.findall(found[2]))
        return found[1], " ".join(parts)

    def _of_interest(self, address: str, command: str) -> list[str]:
        name, count = re.subn("^CLIENT SETNAME ", "", command, flags=re.IGNORECASE)
        if count:
            self._names[address] = name
        return [command] if address != "lua" and self._is_watched(self._names.get(address, "")) else []

    def _is_watched(self, name: str) -> bool:
        return name != _NAME if self._only is None else name == self._only
