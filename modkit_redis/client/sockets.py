"""A socket whose waits for one reply, or for the sending of one command, share one time limit."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

_TLS_RECORD: Final = 16_384


class TimedSocket:
    """Wraps a socket: a peer that drips one byte at a time cannot stretch the limit of the whole.

    A plain socket's timeout begins anew with every byte that arrives. redis-py's parsers find here all
    that they use of a socket.
    """

    def __init__(self, raw: socket.socket, seconds: float | None) -> None:
        """Wrap *raw*, whose timeout is *seconds*."""
        self._raw: Any = raw
        self._is_plain = not isinstance(raw, ssl.SSLSocket)
        self._limit = self._current = seconds
        self._until: float | None = None
        self._poll = poll_of(raw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def settimeout(self, seconds: float | None) -> None:
        """Begin to wait for a reply, for *seconds* in all; ``None`` is for ever."""
        self._limit, self._until = seconds, None
        if seconds != self._current:
            self._set(seconds)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive bytes of the reply."""
        self._spend()
        received: bytes = self._raw.recv(size, flags)
        return received

    def recv_into(self, buffer: bytearray) -> int:
        """Receive bytes of the reply into *buffer*."""
        self._spend()
        received: int = self._raw.recv_into(buffer)
        return received

    def is_readable(self) -> bool:
        """Return whether there is something to receive now, or the peer has hung up."""
        return bool(self._poll(0)) or (not self._is_plain and self._raw.pending() > 0)

    def send_within(self, chunks: Sequence[bytes], seconds: float | None) -> None:
        """Send all *chunks* within *seconds* altogether."""
        if seconds != self._current:
            self._set(seconds)
        if len(chunks) == 1 and self._is_plain:
            self._raw.sendall(chunks[0])
            return
        until = None
        for piece in self._pieces(chunks):
            if until is not None:
                self._set(_left(until))
            elif seconds is not None:
                until = time.monotonic() + seconds
            self._raw.sendall(piece)

    def _pieces(self, chunks: Iterable[bytes]) -> Iterator[bytes | memoryview]:
        """Yield what can be sent under one timeout; a TLS socket's begins anew with each record."""
        if self._is_plain:
            yield from chunks
            return
        for chunk in chunks:
            view = memoryview(chunk)
            yield from (view[start : start + _TLS_RECORD] for start in range(0, len(view), _TLS_RECORD))

    def _spend(self) -> None:
        """Leave the next wait no more than what is left for the reply."""
        if self._limit:
            if self._until is None:
                self._until = time.monotonic() + self._limit
            else:
                self._set(_left(self._until))

    def _set(self, seconds: float | None) -> None:
        self._raw.settimeout(seconds)
        self._current = seconds


def poll_of(raw: socket.socket) -> Callable[[int], object]:
    """Return a check for bytes to receive that makes nothing anew; truthy if there are some."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(raw, select.POLLIN)
        return poller.poll
    return lambda _: select.select([raw], [], [], 0)[0]  # Windows


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
