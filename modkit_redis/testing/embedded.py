"""A real Valkey server in a process of its own, private to whoever starts it."""

from __future__ import annotations

import tempfile
import weakref
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.testing import launch
from modkit_redis.testing.child import Child
from modkit_redis.testing.launch import HOST, EmbeddedUnavailableError, PortTakenError

_OURS: Final = ("bind", "daemonize", "dir", "logfile", "loglevel", "port")
_EMPTY: Final = '""'
_TRIES: Final = 5


class EmbeddedServer:
    """A Valkey server on a free loopback port; a context manager that always stops it.

    It also ends when the interpreter does, killed or not. It keeps nothing: each start begins empty. It
    needs the extra ``embedded``, which brings the server for Linux and macOS::

        with EmbeddedServer(maxmemory="64mb") as server:
            app = App(config={"addr": server.addr, "key_prefix": "test"})
    """

    def __init__(self, **config: str | int) -> None:
        """Prepare a server; it is started by ``start()`` or ``with``.

        Args:
            config: Directives of its configuration, with ``_`` for ``-``, written as in ``valkey.conf``:
                ``maxmemory="64mb"``, ``maxmemory_policy="allkeys-lru"``, ``requirepass="secret"``.

        Raises:
            ArgumentError: If a directive is one that this class sets, or is more than one line.
        """
        self._config = {name.replace("_", "-"): str(value) for name, value in config.items()}
        for name, value in self._config.items():
            if name in _OURS:
                raise ArgumentError(name, "is set by EmbeddedServer itself")
            if "\n" in value:
                raise ArgumentError(name, "must be one line")
        self._child: Child | None = None
        self._port = 0
        self._safety_net: weakref.finalize[..., EmbeddedServer] | None = None

    @property
    def addr(self) -> str:
        """Where it listens, or did last, as ``REDIS_ADDR`` wants it."""
        return f"{HOST}:{self.port}"

    @property
    def port(self) -> int:
        """Where it listens, or did last."""
        if not self._port:
            raise EmbeddedUnavailableError("it was not started: use `with`, or start()")
        return self._port

    @property
    def pid(self) -> int:
        """Its process, to send signals to."""
        return self._running().pid

    def start(self, port: int | None = None) -> Self:
        """Start it and wait until it answers.

        Args:
            port: Where to listen; a free port when omitted.

        Raises:
            EmbeddedUnavailableError: If the extra is missing, there is no server for this platform, it
                does not start, or it is running already.
        """
        if self._child is not None:
            raise EmbeddedUnavailableError(f"this one is running already, at {self.addr}")
        binary, taken = launch.find_program(), ""
        for _ in range(_TRIES if port is None else 1):
            try:
                self._launch(binary, port or launch.free_port())
            except PortTakenError as error:  # by another process, since it was found to be free
                taken = str(error)
            except OSError as error:
                raise EmbeddedUnavailableError(f"it did not start: {error}") from error
            else:
                return self
        raise EmbeddedUnavailableError(f"it did not start: {taken}")

    def restart(self) -> Self:
        """Start it again at the same address, running or not; it comes back empty.

        Raises:
            EmbeddedUnavailableError: If it does not start, or never did.
        """
        port = self.port
        self.stop()
        return self.start(port)

    def stop(self) -> None:
        """Stop it; stopping twice does no harm, nor does stopping one that has died.

        It is killed, as in a crash: it has nothing to save, and whoever was connected sees the same.
        """
        child, self._child = self._child, None
        if child is not None and self._safety_net is not None:
            child.end()
            self._safety_net.detach()

    kill = stop

    def frozen(self) -> AbstractContextManager[None]:
        """Return a context in which it takes connections and commands, but answers none.

        Raises:
            EmbeddedUnavailableError: If it is not running.
        """
        return self._running().frozen()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> Child:
        if self._child is None or not self._child.running:
            raise EmbeddedUnavailableError("it is not running: use `with`, start() or restart()")
        return self._child

    def _launch(self, binary: Path, port: int) -> None:
        directory = Path(tempfile.mkdtemp(prefix="modkit-redis-"))
        directives = {"bind": HOST, "port": port, "save": "", **self._config}
        text = "".join(f"{name} {value or _EMPTY}\n" for name, value in directives.items())
        (directory / "valkey.conf").write_text(text, encoding="utf-8")
        child = Child((str(binary), "valkey.conf"), directory)
        try:
            launch.wait_until_ready(child, port)
        except BaseException:
            child.end()
            raise
        self._child, self._port = child, port
        self._safety_net = weakref.finalize(self, child.end)
