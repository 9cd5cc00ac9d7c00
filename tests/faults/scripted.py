"""A peer that speaks the protocol and answers each command as a test wants, in plain text or TLS."""

from __future__ import annotations

import enum
import itertools
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import TypeAlias

from tests.faults.threaded import ThreadedPeer


class End(enum.Enum):
    """What to do instead of answering."""

    HANG_UP = "close the connection"
    RESET = "reset the connection"


Answer: TypeAlias = Callable[[list[bytes]], bytes | End]
"""Gets a command and returns the reply to it, empty for none."""


def to_all(reply: bytes | End) -> Answer:
    """Give *reply* to each command but the handshake's."""
    return lambda command: b"+OK\r\n" if command[0] in (b"CLIENT", b"AUTH", b"SELECT") else reply


class ScriptedPeer(ThreadedPeer):
    """Answers each command as it is told.

    Attributes:
        commands: What it was told, whole commands in order.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        tls: ssl.SSLContext | None = None,
        greeting: bytes = b"",
        deaf_after: int | None = None,
        sips: bool = False,
    ) -> None:
        """Prepare to answer.

        Args:
            answer: What each command is answered with.
            tls: For speaking TLS.
            greeting: What is said first, before any command.
            deaf_after: How many commands are read; none for all.
            sips: Whether it reads on then, but slowly.
        """
        super().__init__(receive_buffer=None if sips else 4096)  # one that is deaf soon has no room
        self._answer, self._tls, self._greeting = answer, tls, greeting
        self._deaf_after, self._sips, self._rest = deaf_after, sips, 0
        self.commands: list[list[bytes]] = []

    def serve(self, client: socket.socket) -> None:
        """Answer until told to end."""
        if self._tls is not None:
            client = self._tls.wrap_socket(client, server_side=True)
            self.keep(client)
        with client, client.makefile("rb") as stream:
            client.sendall(self._greeting)
            for command in itertools.islice(_commands(stream), self._deaf_after):
                self.commands.append(command)
                reply = self._answer(command)
                if isinstance(reply, bytes):
                    client.sendall(reply)
                    continue
                if reply is End.RESET:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            while not self._over.wait(0.02 if self._sips else None):
                stream.read(150_000)  # else a full buffer of the kernel would count as deaf
            while chunk := stream.read1(65536):
                self._rest += len(chunk)

    def rest(self) -> int:
        """Return how many bytes still come to one who was deaf, until the other side hangs up."""
        self._over.set()
        for thread in self._threads[1:]:
            thread.join(5)
        return self._rest


def _commands(stream: BufferedReader) -> Iterator[list[bytes]]:
    while line := stream.readline():
        arguments: list[bytes] = [] if line[:1] == b"*" else [line]
        for _ in range(0 if arguments else int(line[1:])):
            size = int(stream.readline()[1:])
            arguments.append(stream.read(size + 2)[:-2])
        yield arguments
