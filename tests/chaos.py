"""What random faults are judged by: an account of what was asked, what was said, and what the server did."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

import redis

from modkit_redis.contract import StoreUnavailableError
from tests.faults.proxy import FOREVER, Proxy
from tests.support import connections_named


@dataclass
class Account:
    """Counts in a hash of its own, with a field for each thing that is counted.

    Attributes:
        key: The hash.
        counted: The fields that were reported as counted.
        failed: Those that were not, with why.
        wrong: Replies to something else than was asked.
    """

    key: str
    counted: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    wrong: list[object] = field(default_factory=list)
    _number: Any = field(default_factory=itertools.count)

    def open(self) -> str:
        """Return a new field."""
        return f"n{next(self._number):06}"

    def settle(self, name: str, heard: object) -> None:
        """Take down what came back for *name*: the new count, and an echo of the name."""
        if heard == [1, name.encode()]:
            self.counted.add(name)
        else:
            self.wrong.append((name, heard))

    def fail(self, name: str, error: StoreUnavailableError) -> None:
        """Take down that nobody knows."""
        self.failed[name] = error.reason

    def check(self, admin: redis.Redis) -> None:
        """Check that each was counted once if it was said to be, and never more than once."""
        found: Any = admin.hgetall(self.key)
        done = {name.decode(): int(count) for name, count in found.items()}
        assert self.wrong == []
        assert set(done.values()) <= {1}
        assert self.counted <= done.keys() <= self.counted | self.failed.keys()
        assert set(self.failed.values()) <= {"reset", "disconnected", "connection"}


def harm(proxy: Proxy, chance: random.Random) -> None:
    """Do something random to the connections through *proxy*."""
    match chance.randrange(5):
        case 0:
            proxy.reset_all()
        case 1:
            proxy.cut_request(chance.randrange(200))
        case 2:
            proxy.cut_reply(chance.randrange(30))
        case 3:
            proxy.reset_reply(b"HINCRBY")
        case _:
            proxy.close_all()


def heal(proxy: Proxy) -> None:
    """Do no more harm."""
    proxy.cut_request(FOREVER)
    proxy.cut_reply(FOREVER)
    proxy.forgive()


def check_pool(pool: Any, admin: redis.Redis, name: str) -> None:
    """Check that the pool has all its connections, and the server no others."""
    assert not pool._in_use_connections
    free = getattr(pool._slots, "_value", None)
    assert (pool._slots.qsize() if free is None else free) == pool.max_connections
    assert connections_named(admin, name) <= pool.max_connections
