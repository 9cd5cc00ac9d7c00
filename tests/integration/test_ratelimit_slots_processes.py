"""Several processes of both worlds: never more hold than there are slots, also when some are killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial

import pytest
import redis

from modkit_redis.contract import LimitExceededError
from tests.limiters import Limiters
from tests.slot_crowd import SLOTS, Witness, begin
from tests.support import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def limiters() -> Iterator[Limiters]:
    limiters = Limiters()
    yield limiters
    limiters.close()


def test_never_more_hold_than_there_are_slots_and_those_of_the_killed_are_free_again(
    addr: str, prefix: str, admin: redis.Redis, limiters: Limiters
) -> None:
    witness = Witness(addr, prefix, seed=41)
    workers = [begin(witness, number) for number in range(4)]
    orphans = 0
    try:
        wait_until(lambda: witness.entered(admin) > 100, "all are at work", 60)
        for victim in workers[:2]:  # one of each world
            wait_until(partial(is_frozen_while_busy, admin, witness, victim.pid or 0), "he holds a slot", 30)
            victim.kill()
            victim.join(10)
            orphans += witness.clear(admin, victim.pid or 0)  # their leases last for a while
            enough = witness.entered(admin) + 60
            wait_until(partial(has_entered, admin, witness, enough), "the others go on", 60)
        admin.set(witness.over, 1)
        for worker in workers[2:]:
            worker.join(30)
            assert worker.exitcode == 0
    finally:
        for worker in workers:
            worker.kill()
            worker.join(10)

    assert orphans > 0
    assert witness.most(admin) == SLOTS.count
    wait_until(lambda: all_are_free(limiters, addr, prefix), "all slots are free again", 10)
    assert admin.zcard(f"{prefix}:ratelimit:c:jobs:{{all}}") == 0


def is_frozen_while_busy(admin: redis.Redis, witness: Witness, pid: int) -> bool:
    os.kill(pid, signal.SIGSTOP)
    if any(each.startswith(f"{pid}-") for each in witness.members(admin)):
        return True
    os.kill(pid, signal.SIGCONT)
    return False


def has_entered(admin: redis.Redis, witness: Witness, often: int) -> bool:
    return witness.entered(admin) >= often


def all_are_free(limiters: Limiters, addr: str, prefix: str) -> bool:
    hold = limiters.open(addr, prefix).hold("all", SLOTS)
    try:
        with hold, hold, hold:
            return True
    except LimitExceededError:
        return False
