"""CPU and wall time of one GET: a raw socket with hiredis, stock redis-py, our client.

Run: python benchmarks/client.py [--addr host:port] [--rounds N]. All are measured in turns in one run,
so that whatever else the machine does hits all of them; read the ratios. CPU is this process's own,
without the server. Aim: our client at most 0.8 of stock's CPU in both worlds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable
from statistics import median

import hiredis
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.client import AsyncRedisExecutor, RedisExecutor
from modkit_redis.testing import EmbeddedServer

KEY, VALUE = "bench:key", b"x" * 100
TURNS = 7
GET = hiredis.pack_command(("GET", KEY))  # type: ignore[arg-type]  # its stub knows one argument only

Sample = tuple[float, float]
"""CPU and wall time of one call, in µs."""


def raw_socket(host: str, port: int) -> Callable[[], object]:
    """Return a GET over a bare socket: what cannot be undercut in Python."""
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = hiredis.Reader(notEnoughData=...)

    def get() -> object:
        connection.sendall(GET)
        while (reply := reader.gets()) is ...:
            reader.feed(connection.recv(65536))
        return reply

    return get


async def raw_stream(host: str, port: int) -> Callable[[], Awaitable[object]]:
    """Return a GET over a bare asyncio stream."""
    source, sink = await asyncio.open_connection(host, port)
    reader = hiredis.Reader(notEnoughData=...)

    async def get() -> object:
        sink.write(GET)
        while (reply := reader.gets()) is ...:
            reader.feed(await source.read(65536))
        return reply

    return get


def sample(call: Callable[[], object], rounds: int) -> Sample:
    """Time *rounds* calls."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(rounds):
        call()
    return (time.process_time() - cpu) / rounds * 1e6, (time.perf_counter() - wall) / rounds * 1e6


async def async_sample(call: Callable[[], Awaitable[object]], rounds: int) -> Sample:
    """Time *rounds* awaited calls."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(rounds):
        await call()
    return (time.process_time() - cpu) / rounds * 1e6, (time.perf_counter() - wall) / rounds * 1e6


def report(world: str, samples: dict[str, list[Sample]]) -> None:
    """Print the medians, and what they are of stock redis-py's."""
    medians = {
        name: (median(cpu for cpu, _ in turns), median(wall for _, wall in turns))
        for name, turns in samples.items()
    }
    stock_cpu, stock_wall = medians["stock redis-py"]
    for name, (cpu, wall) in medians.items():
        print(f"{world:7}{name:24}{cpu:9.1f}{wall:9.1f}{cpu / stock_cpu:12.2f}{wall / stock_wall:12.2f}")


def measure(addr: str, rounds: int) -> None:
    """Measure the sync world."""
    host, _, port = addr.rpartition(":")
    module = RedisModule(config={"addr": addr})
    executor = RedisExecutor(module.client())
    stock = redis.Redis(host=host, port=int(port))
    calls: dict[str, Callable[[], object]] = {
        "raw socket + hiredis": raw_socket(host, int(port)),
        "stock redis-py": lambda: stock.get(KEY),
        "our client": lambda: module.client().get(KEY),
        "our executor": lambda: executor.execute("GET", KEY),
    }
    assert all(call() == VALUE for call in calls.values())
    samples: dict[str, list[Sample]] = {name: [] for name in calls}
    for _ in range(TURNS):
        for name, call in calls.items():
            samples[name].append(sample(call, rounds))
    report("sync", samples)
    module.shutdown_resources()
    stock.close()


async def async_measure(addr: str, rounds: int) -> None:
    """Measure the asyncio world."""
    host, _, port = addr.rpartition(":")
    module = AsyncRedisModule(config={"addr": addr})
    executor = AsyncRedisExecutor(module.client())
    stock = redis.asyncio.Redis(host=host, port=int(port))
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "raw stream + hiredis": await raw_stream(host, int(port)),
        "stock redis-py": lambda: stock.get(KEY),
        "our client": lambda: module.client().get(KEY),
        "our executor": lambda: executor.execute("GET", KEY),
    }
    assert [await call() for call in calls.values()] == [VALUE] * len(calls)
    samples: dict[str, list[Sample]] = {name: [] for name in calls}
    for _ in range(TURNS):
        for name, call in calls.items():
            samples[name].append(await async_sample(call, rounds))
    report("async", samples)
    await module.shutdown_resources()
    await stock.aclose()


def main() -> None:
    """Measure both worlds and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--addr", help="a server of yours; an embedded one when omitted")
    parser.add_argument("--rounds", type=int, default=3000, help="calls a turn")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        addr = options.addr or stack.enter_context(EmbeddedServer()).addr
        host, _, port = addr.rpartition(":")
        with redis.Redis(host=host, port=int(port)) as admin:
            admin.set(KEY, VALUE)
        print(f"{'world':7}{'GET by':24}{'CPU µs':>9}{'wall µs':>9}{'CPU/stock':>12}{'wall/stock':>12}")
        measure(addr, options.rounds)
        asyncio.run(async_measure(addr, options.rounds))


if __name__ == "__main__":
    main()
