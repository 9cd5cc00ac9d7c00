"""I14: scripts that the server forgets are sent again, and a node of a cluster takes what it is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
import redis

from modkit_redis.client import Script
from modkit_redis.ratelimit._core import ALGORITHMS
from modkit_redis.testing import EmbeddedServer
from tests.limiters import SCRIPTS, AsyncLimiters, Clock, lifetimes
from tests.support import stock_client, wait_until

BOTH = "few=9/hour, many=20/2h"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_i14_scripts_that_are_forgotten_between_two_calls_cost_nothing(
    own_server: EmbeddedServer, prefix: str, limiters: AsyncLimiters, algorithm: str
) -> None:
    store = limiters.open(own_server.addr, prefix, clock=Clock(), algorithm=algorithm, limit=BOTH)
    with stock_client(own_server.addr) as admin:
        admin.script_flush()
        decision = await store.hit("ann", cost=2)
        admin.script_flush()
        decision = await store.settle(decision, 5)
        admin.script_flush()
        decision = await store.settle(decision, 3)
        admin.script_flush()
        left = [each.remaining for each in (await store.peek("ann", cost=0)).states]
        admin.script_flush()
        await store.refund(decision)
        keys = lifetimes(admin, prefix)

    assert left == [6, 17]
    assert keys == {}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_i14_a_restart_between_two_calls_is_no_second_charge(
    private_server: EmbeddedServer, prefix: str, limiters: AsyncLimiters, algorithm: str
) -> None:
    store = limiters.open(
        private_server.addr, prefix, clock=Clock(), algorithm=algorithm, limit=BOTH, breaker="0"
    )
    await store.hit("ann", cost=2)
    private_server.restart()

    decisions = [await store.hit("ann") for _ in range(3)]

    counted = [each for each in decisions if not each.degraded]
    assert counted
    assert counted[-1].remaining in (9 - len(counted), 7 - len(counted))
    with stock_client(private_server.addr) as admin:
        assert all(each > 0 for each in lifetimes(admin, prefix).values())


@pytest.mark.slow
async def test_i14_a_node_of_a_cluster_takes_several_limits_in_one_script(
    prefix: str, limiters: AsyncLimiters
) -> None:
    subject, lefts = ("ip", "a{b}c"), []
    with EmbeddedServer(cluster_enabled="yes") as cluster, stock_client(cluster.addr) as node:
        node.execute_command("CLUSTER ADDSLOTS", *range(16384))
        wait_until(lambda: is_serving(node), "the cluster serves all slots")
        for algorithm in ALGORITHMS:
            store = limiters.open(cluster.addr, prefix, clock=Clock(), algorithm=algorithm, limit=BOTH)
            decision = await store.hit(subject, cost=2)
            decision = await store.settle(decision, 4)
            lefts.append((await store.peek(subject, cost=0)).remaining)
            await store.refund(decision)
            lefts.append((await store.peek(subject, cost=0)).remaining)
            await store.hit(subject)
            await store.reset(subject)
        keys = lifetimes(node, prefix)

    assert lefts == [5, 9] * len(ALGORITHMS)
    assert keys == {}


def is_serving(node: redis.Redis) -> bool:
    info: Any = node.execute_command("CLUSTER INFO")
    return bool(info["cluster_state"] == "ok")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda each: each.name)
def test_i14_a_script_touches_no_key_that_it_is_not_given(script: Script) -> None:
    calls = re.findall(r"redis\.p?call\('(\w+)'([^\n]*)", script.source)

    assert calls
    assert all(name == "TIME" or rest.startswith(", KEYS[") for name, rest in calls)
