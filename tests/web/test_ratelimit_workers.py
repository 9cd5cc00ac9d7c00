"""Workers of either world share what a client has used."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.web.limited import WORLDS, Answer, World, layer, limited, of
from tests.web.worker import LIMIT

EXPECTED = {200: 7, 429: 13}


def test_servers_of_both_worlds_share_a_limit(addr: str, prefix: str) -> None:
    with ExitStack() as stack:
        clients = [
            stack.enter_context(limited(world, addr, prefix, of(Answer(), world), layer(LIMIT)))
            for world in WORLDS
        ]
        statuses = statuses_of(clients)

    assert statuses == EXPECTED


@pytest.mark.slow
@pytest.mark.parametrize("worlds", [("asgi", "asgi"), ("wsgi", "wsgi"), ("asgi", "wsgi")], ids="-".join)
def test_processes_share_a_limit(addr: str, prefix: str, worlds: Sequence[World]) -> None:
    with ExitStack() as stack:
        started = [stack.enter_context(started_worker(world, addr, prefix)) for world in worlds]
        clients = [stack.enter_context(httpx.Client(base_url=url_of(each))) for each in started]
        statuses = statuses_of(clients)

    assert statuses == EXPECTED


def statuses_of(clients: Sequence[httpx.Client]) -> Counter[int]:
    """Return what 20 requests at the same time are answered, each client's share."""
    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(lambda at: clients[at % len(clients)].get("/").status_code, range(20)))


@contextmanager
def started_worker(world: World, addr: str, prefix: str) -> Iterator[subprocess.Popen[str]]:
    """Start a worker, which ends with the block."""
    command = [sys.executable, "-W", "error", "-m", "tests.web.worker", world, addr, prefix]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        try:
            yield worker
            assert worker.stdin
            worker.stdin.close()
            assert worker.wait(20) == 0
        finally:
            worker.kill()


def url_of(worker: subprocess.Popen[str]) -> str:
    """Return where it serves."""
    assert worker.stdout
    url = worker.stdout.readline().strip()
    assert url, "the worker did not start"
    return url
