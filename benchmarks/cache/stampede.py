"""What happens when 200 callers in 4 processes ask for one key that is not there."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Generic, TypeVar

import redis

from benchmarks.cache.contender import VALUE, AsyncContender, Contender
from benchmarks.timing import CALLERS

PROCESSES = 4
LOADING_S = 0.1
PATIENCE_S = 60
KEY = "product:cold"

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Onslaught:
    """One stampede, as it went.

    Attributes:
        loads: How often the loader ran.
        took_s: From the first call to the last answer.
        commands: How many commands Redis executed meanwhile.
        keys: How many keys it left behind; all but one are locks.
    """

    loads: int
    took_s: float
    commands: int
    keys: int


@dataclass(frozen=True, slots=True)
class Orders(Generic[Kind]):
    """What each process is told.

    Attributes:
        kind: The contender.
        addr: The server.
        rounds: How many stampedes.
        gate: Where they wait for each other, and the parent for them.
        tally: A file that grows by a byte with each run of the loader.
        spans: Where they send when their calls began and ended.
    """

    kind: Kind
    addr: str
    rounds: int
    gate: Barrier
    tally: Path
    spans: Queue[tuple[float, float]]

    @contextmanager
    def onslaught(self) -> Iterator[None]:
        """Begin together with the other processes, and end together."""
        self.gate.wait()
        self.gate.wait()  # in between, the parent removes what the warming up left
        yield
        self.gate.wait()

    def count(self) -> None:
        """Count one run of the loader, in whichever process."""
        file = os.open(self.tally, os.O_WRONLY | os.O_APPEND)
        os.write(file, b".")
        os.close(file)

    def tell(self, began: float, values: list[object]) -> None:
        """Tell when the last call was answered, and check the answers."""
        ended = time.monotonic()  # one clock for all processes
        wrong = [value for value in values if value != VALUE]
        if wrong or len(values) != CALLERS:
            raise AssertionError(f"{len(wrong)} of {len(values)} callers got another value")
        self.spans.put((began, ended))


def attack(orders: Orders[type[Contender]]) -> None:
    """Be one of the processes: fifty threads."""
    contender = orders.kind(orders.addr)

    def load() -> object:
        orders.count()
        time.sleep(LOADING_S)
        return VALUE

    with ThreadPoolExecutor(CALLERS) as threads:
        together = threading.Barrier(CALLERS)

        def warm_up(number: int) -> None:
            together.wait()
            contender.load(f"warm:{os.getpid()}:{number}", lambda: VALUE)

        def call(_: int) -> object:
            together.wait()
            return contender.load(KEY, load)

        list(threads.map(warm_up, range(CALLERS)))
        for _ in range(orders.rounds):
            with orders.onslaught():
                began = time.monotonic()
                orders.tell(began, list(threads.map(call, range(CALLERS))))
    contender.close()


def async_attack(orders: Orders[type[AsyncContender]]) -> None:
    """Be one of the processes: fifty tasks."""
    asyncio.run(_async_attack(orders))


async def _async_attack(orders: Orders[type[AsyncContender]]) -> None:
    contender = orders.kind(orders.addr)

    async def load() -> object:
        orders.count()
        await asyncio.sleep(LOADING_S)
        return VALUE

    async def warm() -> object:
        return VALUE

    await asyncio.gather(*(contender.load(f"warm:{os.getpid()}:{number}", warm) for number in range(CALLERS)))
    for _ in range(orders.rounds):
        with orders.onslaught():
            began = time.monotonic()
            orders.tell(began, await asyncio.gather(*(contender.load(KEY, load) for _ in range(CALLERS))))
    await contender.aclose()


def stampede(
    kind: Kind, target: Callable[[Orders[Kind]], None], admin: redis.Redis, addr: str, rounds: int
) -> list[Onslaught]:
    """Let four processes ask a contender for a cold key, *rounds* times."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as directory:
        tally = Path(directory, "loads")
        tally.touch()
        gate, spans = context.Barrier(PROCESSES + 1, timeout=PATIENCE_S), context.Queue()
        orders = Orders(kind, addr, rounds, gate, tally, spans)
        processes = [context.Process(target=target, args=(orders,), daemon=True) for _ in range(PROCESSES)]
        for process in processes:
            process.start()
        onslaughts = []
        for _ in range(rounds):
            gate.wait()
            admin.flushdb()
            tally.write_bytes(b"")
            before = executed(admin)
            gate.wait()
            ended = [spans.get(timeout=PATIENCE_S) for _ in processes]
            commands = executed(admin) - before - 1
            gate.wait()
            took_s = max(end for _, end in ended) - min(began for began, _ in ended)
            onslaughts.append(Onslaught(tally.stat().st_size, took_s, commands, admin.dbsize()))
        for process in processes:
            process.join(PATIENCE_S)
        return onslaughts


def executed(admin: redis.Redis) -> int:
    """Return how many commands the server has executed, this one included."""
    return int(admin.info("stats")["total_commands_processed"])
