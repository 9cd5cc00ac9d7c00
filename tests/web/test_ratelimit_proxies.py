"""Clients that write themselves another address, at real servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest

from modkit_redis.web import client_address, wsgi
from tests.limiters import Limiters
from tests.web.limited import Answer, World, layer, limited

CLIENT = "198.51.100.1"
FORGED = [
    ["203.0.113.7"],
    ["203.0.113.7, 203.0.113.8"],
    ["203.0.113.7", "203.0.113.8"],
    ["203.0.113.7,", ",", ""],
    [f"for={CLIENT}", "garbage, \x22"],
    ["[::1]:80", "127.0.0.1"],
]


@pytest.fixture(autouse=True)
def addresses_are_those_of_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep uvicorn from reading the header itself, as it does for callers on the same machine."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")


@pytest.fixture(params=["asgi", "wsgi"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.param
    return found


@contextmanager
def served(world: World, addr: str, prefix: str, proxies: int) -> Iterator[httpx.Client]:
    """Serve an application that limits addresses to two requests."""
    identify = client_address(proxies)
    if world == "asgi":
        with limited(world, addr, prefix, Answer().asgi, layer("a=2/hour", identify=identify)) as client:
            yield client
        return
    limiters = Limiters()
    store = limiters.open(addr, prefix, limit="a=2/hour")
    app: Any = wsgi.RateLimitMiddleware(Answer().wsgi, store=store, identify=identify)
    # Not waitress, which deletes the header unless it is told whom to trust.
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as client:
            yield client
        server.shutdown()
        thread.join(10)
    limiters.close()


def test_without_proxies_the_header_says_nothing(world: World, addr: str, prefix: str) -> None:
    with served(world, addr, prefix, 0) as client:
        got = [client.get("/", headers=[("X-Forwarded-For", line) for line in each]) for each in FORGED[:4]]

    assert [each.status_code for each in got] == [200, 200, 429, 429]


def test_behind_a_proxy_a_client_keeps_its_address_whatever_it_writes(
    world: World, addr: str, prefix: str
) -> None:
    with served(world, addr, prefix, 1) as client:
        got = [_through_proxies(client, each, [CLIENT]) for each in FORGED]
        other = _through_proxies(client, [CLIENT], ["198.51.100.2"])

    assert [each.status_code for each in got] == [200, 200, 429, 429, 429, 429]
    assert other.status_code == 200


def test_behind_two_proxies_as_well(world: World, addr: str, prefix: str) -> None:
    with served(world, addr, prefix, 2) as client:
        got = [_through_proxies(client, each, [CLIENT, "192.0.2.4"]) for each in FORGED]
        past_one = client.get("/", headers={"X-Forwarded-For": "192.0.2.4"})

    assert [each.status_code for each in got] == [200, 200, 429, 429, 429, 429]
    assert past_one.status_code == 400


def test_a_request_that_came_past_the_proxy_is_from_nobody(world: World, addr: str, prefix: str) -> None:
    with served(world, addr, prefix, 1) as client:
        got = [client.get("/", headers=each).status_code for each in ({}, {"X-Forwarded-For": "here"})]

    assert got == [400, 400]


def _through_proxies(client: httpx.Client, written: list[str], hops: list[str]) -> httpx.Response:
    """Send what a client wrote, with what proxies append: the last line in one of its own."""
    *before, last = hops
    lines = [*written[:-1], ", ".join([written[-1], *before])]
    return client.get("/", headers=[("X-Forwarded-For", each) for each in (*lines, last)])


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # its name there
        """Log nothing."""
