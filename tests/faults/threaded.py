"""What peers have in common that serve each connection in a thread of its own."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self


class ThreadedPeer(ABC):
    """Listens on a free port; a context manager that leaves no thread and no socket behind.

    Attributes:
        addr: Where it listens.
    """

    def __init__(self, receive_buffer: int | None = None) -> None:
        """Listen; connections wait until the context begins."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.addr = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._over = threading.Event()
        self._open: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @abstractmethod
    def serve(self, client: socket.socket) -> None:
        """Serve one connection; an ``OSError`` ends it."""

    def keep(self, connection: socket.socket) -> None:
        """Hang up on *connection* when the context ends."""
        self._open.append(connection)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
            assert not thread.is_alive()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # it was shut down
                return
            self.keep(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            self.serve(client)
