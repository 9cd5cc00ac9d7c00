"""A proxy in front of a server that loses, delays or cuts what it should pass on.

One thread does it all without blocking, so a reset goes out at once: a socket that another thread still
reads from would linger. It finds out which reply belongs to which command.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self, cast

from tests.faults.resp import name_of, take

FOREVER: Final = 1 << 30
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


@dataclass
class _Rule:
    """What happens to the reply to a command that contains some bytes."""

    containing: bytes
    times: int
    swallow: bool = False
    reset: bool = False
    before: bytes = b""
    after: bytes = b""
    action: Callable[[], object] | None = None
    refuse: bool = False


@dataclass(eq=False)
class _Link:
    """One client's connection and the one made to the server for it."""

    client: socket.socket
    server: socket.socket
    requests: bytearray = field(default_factory=bytearray)
    replies: bytearray = field(default_factory=bytearray)
    unsent: dict[socket.socket, bytearray] = field(default_factory=dict)
    fates: deque[_Rule | None] = field(default_factory=deque)
    next_due: float = 0.0


class Proxy:
    """A TCP proxy before the server at an address; a context manager that leaves nothing behind.

    Attributes:
        addr: Where it listens.
        accepted: How many connections it has accepted.
        resets: How many connections it has reset.
        commands: The names of all commands that came along, in order.
        delay: Seconds that each reply is held back.
        pace: Seconds before each single byte of a reply; 0 is all at once.
    """

    def __init__(self, server: str) -> None:
        """Prepare a proxy for the server at *server*."""
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self.accepted = self.resets = 0
        self.commands: list[str] = []
        self.delay = self.pace = 0.0
        self._rules: list[_Rule] = []
        self._cuts: dict[str, int] = {}
        self._links: dict[socket.socket, _Link] = {}
        self._due: list[tuple[float, int, _Link, bytes]] = []
        self._calls: deque[tuple[Callable[[], None], threading.Event]] = deque()
        self._number = itertools.count()
        self._selector = selectors.DefaultSelector()
        self._running = True

    def swallow(self, containing: bytes = b"", times: int = 1) -> None:
        """Lose the reply to the next *times* commands that contain these bytes; they are executed."""
        self._rules.append(_Rule(containing, times, swallow=True))

    def reset_reply(self, containing: bytes = b"", times: int = 1) -> None:
        """Reset the connection when the server has executed a command that contains these bytes."""
        self._rules.append(_Rule(containing, times, reset=True))

    def reset_request(self, containing: bytes = b"", times: int = 1) -> None:
        """Reset the connection in place of passing on a command that contains these bytes."""
        self._rules.append(_Rule(containing, times, refuse=True))

    def at(self, containing: bytes, action: Callable[[], object]) -> None:
        """Do *action* when the next command that contains these bytes has come, and pass it on then."""
        self._rules.append(_Rule(containing, 1, action=action))

    def add(self, *, before: bytes = b"", after: bytes = b"", containing: bytes = b"") -> None:
        """Send more than the reply to the next command that contains these bytes, in one piece with it."""
        self._rules.append(_Rule(containing, 1, before=before, after=after))

    def has_struck(self) -> bool:
        """Tell whether all that was to happen has."""
        return not any(rule.times for rule in self._rules)

    def forgive(self) -> None:
        """Forget what was to happen to replies."""
        self._rules.clear()

    def cut_request(self, at: int) -> None:
        """Reset a connection when *at* more bytes of requests have been passed on, of all connections."""
        self._call(lambda: self._cuts.update(request=at))

    def cut_reply(self, at: int) -> None:
        """Reset a connection when *at* more bytes of replies have been passed on, of all connections."""
        self._call(lambda: self._cuts.update(reply=at))

    def push(self, extra: bytes) -> None:
        """Send *extra* to each client now, unasked."""
        self._for_each(lambda link: self._send(link, link.client, extra))

    def reset_all(self) -> None:
        """Reset all connections now."""
        self._for_each(lambda link: self._close(link, reset=True))

    def close_all(self) -> None:
        """Close all connections now, as a server does with idle ones."""
        self._for_each(self._close)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.addr = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._wake, self._woken = socket.socketpair()
        for each in (self._listener, self._woken):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name=f"proxy {self.addr}")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._wake.send(b"x")
        self._thread.join()
        for link in self._open():
            self._close(link)
        for each in (self._listener, self._wake, self._woken, self._selector):
            each.close()

    def _call(self, action: Callable[[], None]) -> None:
        """Let the thread do *action*, and wait until it is done."""
        done = threading.Event()
        self._calls.append((action, done))
        self._wake.send(b"x")
        assert done.wait(5), "the proxy's thread has ended"

    def _for_each(self, action: Callable[[_Link], None]) -> None:
        def act() -> None:
            for link in self._open():
                action(link)

        self._call(act)

    def _open(self) -> list[_Link]:
        return list(dict.fromkeys(self._links.values()))

    def _run(self) -> None:
        while self._running:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, events in self._selector.select(wait):
                sock = cast(socket.socket, key.fileobj)
                if sock is self._listener:
                    self._accept()
                elif sock is self._woken:
                    self._woken.recv(64)
                elif link := self._links.get(sock):
                    self._serve(link, sock, events)
            while self._calls:
                action, done = self._calls.popleft()
                action()
                done.set()
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, link, data = heapq.heappop(self._due)
                self._send(link, link.client, data)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        self.accepted += 1
        try:
            server = socket.create_connection(self._server, timeout=5)
        except OSError:
            client.close()
            return
        link = _Link(client, server, unsent={client: bytearray(), server: bytearray()})
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.setblocking(False)
            self._links[each] = link
            self._selector.register(each, selectors.EVENT_READ)

    def _serve(self, link: _Link, sock: socket.socket, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._send(link, sock, b"")
        if events & selectors.EVENT_READ and sock in self._links:
            try:
                data = sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                self._close(link)
            elif sock is link.client:
                self._request(link, data)
            else:
                self._reply(link, data)

    def _request(self, link: _Link, data: bytes) -> None:
        link.requests += data
        while command := take(link.requests):
            self.commands.append(name_of(command))
            rule = next((each for each in self._rules if each.times and each.containing in command), None)
            if rule:
                rule.times -= 1
                if rule.action:
                    rule.action()
                if rule.refuse:
                    self._close(link, reset=True)
                    return
            link.fates.append(rule)
        self._pass(link, link.server, data, "request")

    def _reply(self, link: _Link, data: bytes) -> None:
        link.replies += data
        while reply := take(link.replies):
            fate = link.fates.popleft() if link.fates else None
            if fate and fate.reset:
                self._close(link, reset=True)
                return
            if not (fate and fate.swallow):
                whole = fate.before + reply + fate.after if fate else reply
                self._pass(link, link.client, whole, "reply")

    def _pass(self, link: _Link, sock: socket.socket, data: bytes, kind: str) -> None:
        left = self._cuts.get(kind)
        if left is not None and len(data) >= left:
            del self._cuts[kind]
            self._send(link, sock, data[:left])
            self._close(link, reset=True)
            return
        if left is not None:
            self._cuts[kind] = left - len(data)
        now = time.monotonic()
        if kind == "reply":
            link.next_due = max(link.next_due, now + self.delay)  # never before one that was held back
        if kind == "request" or (link.next_due <= now and not self.pace):
            self._send(link, sock, data)
            return
        for piece in [data[i : i + 1] for i in range(len(data))] if self.pace else [data]:
            link.next_due += self.pace
            heapq.heappush(self._due, (link.next_due, next(self._number), link, piece))

    def _send(self, link: _Link, sock: socket.socket, data: bytes) -> None:
        if sock not in self._links:  # closed meanwhile
            return
        unsent = link.unsent[sock]
        unsent += data
        try:
            while unsent:
                del unsent[: sock.send(unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._close(link)
            return
        self._selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0))

    def _close(self, link: _Link, *, reset: bool = False) -> None:
        for sock in (link.client, link.server):
            if self._links.pop(sock, None):
                self._selector.unregister(sock)
                if reset and sock is link.client:
                    self.resets += 1
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                sock.close()
