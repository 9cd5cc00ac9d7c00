"""What several tests need: servers, waiting, modules made from text, a capability of their own."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from dependency_injector.wiring import Closing, Provide, inject
from redis.backoff import NoBackoff
from redis.retry import Retry

_COUNTER = itertools.count()


@dataclass(frozen=True)
class TestServer:
    """The server of a test run."""

    __test__ = False

    kind: str
    addr: str

    def client(self) -> redis.Redis:
        """Return a stock client."""
        return stock_client(self.addr)


def stock_client(addr: str) -> redis.Redis:
    """Return a stock redis-py client for *addr*: a second pair of eyes on the server."""
    host, _, port = addr.rpartition(":")
    retry = Retry(NoBackoff(), 0)
    return redis.Redis(host=host, port=int(port), protocol=2, retry=retry, client_name="test-admin")


def delete_below(admin: redis.Redis, prefix: str) -> None:
    """Delete the keys below *prefix*."""
    for key in admin.scan_iter(match=f"{prefix}*", count=1000):
        admin.unlink(key)


def connections_named(admin: redis.Redis, name: str) -> int:
    """Return how many connections the server has from clients called *name*."""
    return sum(each["name"] == name for each in admin.client_list())


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 5.0) -> None:
    """Wait until *holds*, or fail."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.005)


def feature(source: str, **names: object) -> Any:
    """Return a new module with *source* in it, as an application's feature module."""
    module = types.ModuleType(f"feature_{next(_COUNTER)}")
    sys.modules[module.__name__] = module
    vars(module).update(names, Provide=Provide, inject=inject, Closing=Closing)
    exec(source, vars(module))  # noqa: S102  # it is written in the test
    return module


@contextmanager
def running_container() -> Iterator[str]:
    """Run a Redis container and give its address."""
    from testcontainers.community.redis import RedisContainer  # noqa: PLC0415  # it asks for a Docker engine

    with RedisContainer(os.environ.get("MODKIT_REDIS_TEST_IMAGE", "redis:8-alpine")) as container:
        yield f"{container.get_container_host_ip()}:{container.get_exposed_port(6379)}"


def docker_is_missing() -> str:
    """Return why no container can be run here, or nothing."""
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415  # only the container tests ask
    from docker.errors import DockerException  # type: ignore[import-untyped]  # noqa: PLC0415  # likewise

    try:
        with contextlib.closing(docker.from_env()) as engine:
            engine.ping()
    except (DockerException, OSError) as error:
        return f"no Docker engine answers here ({type(error).__name__})"
    return ""
