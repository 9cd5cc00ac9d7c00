"""Requests a second through uvicorn in a process of its own, by eight connections that are kept alive.

``python -m benchmarks.web.serving MODULE CLASS ADDR`` serves one application, and prints its port.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import uvicorn

from benchmarks.timing import rotated
from benchmarks.web.contender import IDLE_S, Checker, Contender, Row, name_of

HOST: Final = "127.0.0.1"
CONNECTIONS: Final = 8
EACH: Final = 40
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Give an answer to whoever asked, once all of it is there."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if found and length and len(body) >= int(length[1]) and self._answer is not None:
            whole, self._buffer = self._buffer, b""
            self._answer.set_result(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the question that waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server has closed the connection"))

    async def ask(self, request: bytes) -> bytes:
        """Send *request*, and return the answer."""
        if self._transport.is_closing():
            raise ConnectionError("the server has closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


class Load:
    """Connections to one application, each with a session of its own."""

    def __init__(self, port: int, row: Row) -> None:
        self._port, self._row = port, row
        self._checker = Checker()
        self._clients: list[tuple[Client, bytes]] = []

    async def connect(self) -> None:
        """Connect all, and begin a session for each where the row has one."""
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, client = await loop.create_connection(Client, HOST, self._port)
            cookie = ""
            if self._row is Row.BOTH:
                _, headers, _ = parsed(await client.ask(request("/begin", "")))
                cookie = headers["set-cookie"].partition(";")[0]
            self._clients.append((client, request("/", cookie)))

    async def run(self, each: int) -> float:
        """Return requests a second, and check all answers."""
        started = time.perf_counter()
        answers = await asyncio.gather(*(self._ask(*one, each) for one in self._clients))
        rate = CONNECTIONS * each / (time.perf_counter() - started)
        for answer in (one for some in answers for one in some):
            if not self._checker.check(self._row, HOST, *parsed(answer)):
                raise AssertionError(f"it answered {answer!r}")
        return rate

    async def _ask(self, client: Client, line: bytes, each: int) -> list[bytes]:
        return [await client.ask(line) for _ in range(each)]

    def close(self) -> None:
        """Close all connections."""
        for client, _ in self._clients:
            client.close()


def request(path: str, cookie: str) -> bytes:
    """Return a request as it is sent."""
    cookies = f"Cookie: {cookie}\r\n" if cookie else ""
    return f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n{cookies}\r\n".encode()


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(status.split(" ")[1]), headers, body


def served(kinds: Sequence[type[Contender]], addr: str, *, turns: int) -> dict[str, list[float]]:
    """Return requests a second of each, turn by turn: the bare frameworks, and all with session and limit."""
    rates: dict[str, list[float]] = {label(kind): [] for kind in kinds}
    with ExitStack() as stack:
        ports = {label(kind): stack.enter_context(_serving(kind, addr)) for kind in kinds}
        loads = {label(kind): Load(ports[label(kind)], row_of(kind)) for kind in kinds}
        asyncio.run(_measure(loads, rates, turns))
    return rates


async def _measure(loads: dict[str, Load], rates: dict[str, list[float]], turns: int) -> None:
    for load in loads.values():
        await load.connect()
        await load.run(EACH)
    for turn in range(turns):
        for name in rotated(list(loads), turn):
            rates[name].append(await loads[name].run(EACH))
    for load in loads.values():
        load.close()


def label(kind: type[Contender]) -> str:
    """Return its name, and the framework's."""
    return f"{kind.__module__.rpartition('.')[2].removesuffix('s')}: {name_of(kind)}"


def row_of(kind: type[Contender]) -> Row:
    """Return what of it is served."""
    return Row.BOTH if Row.BOTH in kind.rows else Row.BARE


@contextmanager
def _serving(kind: type[Contender], addr: str) -> Iterator[int]:
    command = [sys.executable, "-m", __name__, kind.__module__, kind.__name__, addr]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def main(module: str, name: str, addr: str) -> None:
    """Serve one application until the process is told to end."""
    kind: type[Contender] = getattr(importlib.import_module(module), name)
    # With the protocol named, asyncio sends small answers at once; without, it would wait for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind((HOST, 0))
    listener.listen(64)
    print(listener.getsockname()[1], flush=True)
    app = kind(addr).app(row_of(kind))
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=IDLE_S)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
