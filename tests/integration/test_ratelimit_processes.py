"""I10, I14: several processes of both worlds, also while the server forgets its scripts or starts again."""

from __future__ import annotations

import time

import pytest
import redis

from modkit_redis.ratelimit._core import ALGORITHMS
from modkit_redis.testing import EmbeddedServer
from tests.limiter_crowd import CALLERS, PROCESSES, Crowd, crowds
from tests.support import stock_client, wait_until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_i10_exactly_the_capacity_is_admitted_while_the_clock_stands_still(
    addr: str, prefix: str, algorithm: str
) -> None:
    with crowds(Crowd(addr, prefix, algorithm, "x=200/hour", hits=20)) as outcomes:
        pass

    total = sum(outcomes[1:], outcomes[0])
    assert total == {"admitted": 200, "refused": PROCESSES * CALLERS * 20 - 200}


def test_i14_scripts_that_are_forgotten_cost_neither_an_error_nor_a_second_charge(
    private_server: EmbeddedServer, prefix: str
) -> None:
    crowd = Crowd(private_server.addr, prefix, "fixed", "x=1000000/366d", hits=150)
    flushes = 0
    with stock_client(crowd.addr) as admin:
        with crowds(crowd) as outcomes:
            wait_until(lambda: is_used(admin, prefix), "it has begun", 30)
            over = time.monotonic() + 0.4
            while time.monotonic() < over:
                admin.script_flush()
                flushes += 1
        used = int((admin.get(key_of(prefix)) or b"0 0").split()[1])

    total = sum(outcomes[1:], outcomes[0])
    assert flushes > 10
    assert total == {"admitted": PROCESSES * CALLERS * 150}
    assert used == total["admitted"]


def test_i14_a_restart_in_the_middle_is_an_outage_and_no_second_charge(
    private_server: EmbeddedServer, prefix: str
) -> None:
    crowd = Crowd(private_server.addr, prefix, "fixed", "x=1000000/366d", hits=300, is_timed=True)
    with crowds(crowd) as outcomes:
        with stock_client(crowd.addr) as admin:
            wait_until(lambda: is_used(admin, prefix), "it has begun", 30)
        private_server.restart()

    total = sum(outcomes[1:], outcomes[0])
    with stock_client(crowd.addr) as admin:
        used = int((admin.get(key_of(prefix)) or b"0 0").split()[1])
        assert admin.pttl(key_of(prefix)) > 0
    assert total["admitted"] + total["degraded"] == PROCESSES * CALLERS * 300
    assert 0 < used <= total["admitted"] + total["degraded"]
    assert total["degraded"] > 0


def key_of(prefix: str) -> str:
    return f"{prefix}:ratelimit:f366d:x:{{ann}}"


def is_used(admin: redis.Redis, prefix: str) -> bool:
    return bool(admin.exists(key_of(prefix)))
