"""Random faults under a mixed load by threads; test_chaos_tasks.py does the same with tasks."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import pytest
import redis

from modkit_redis import RedisModule
from modkit_redis.client import RedisExecutor, Script
from modkit_redis.contract import StoreUnavailableError
from tests.chaos import Account, check_pool, harm, heal
from tests.faults.parsers import use_python_packer
from tests.faults.proxy import Proxy
from tests.faults.signals import Struck

COUNT: Final = Script("count", "return {redis.call('HINCRBY', KEYS[1], ARGV[1], 1), ARGV[1]}")
Way = Callable[[redis.Redis, str, str], object]


def by_pipeline(client: redis.Redis, key: str, name: str) -> object:
    pipeline = client.pipeline(transaction=False)
    _ = pipeline.hincrby(key, name, 1)
    _ = pipeline.echo(name)
    return pipeline.execute()


def by_watched_transaction(client: redis.Redis, key: str, name: str) -> object:
    with client.pipeline() as pipeline:
        pipeline.watch("none")
        pipeline.multi()
        _ = pipeline.hincrby(key, name, 1)
        _ = pipeline.echo(name)
        return pipeline.execute()


WAYS: Final[list[Way]] = [
    lambda client, key, name: [client.hincrby(key, name, 1), name.encode()],
    lambda client, key, name: [RedisExecutor(client).execute("HINCRBY", key, name, 1), name.encode()],
    lambda client, key, name: RedisExecutor(client).execute_many([("HINCRBY", key, name, 1), ("ECHO", name)]),
    lambda client, key, name: RedisExecutor(client).run(COUNT, [key], [name]),
    by_pipeline,
    by_watched_transaction,
]


@pytest.fixture
def client(proxy: Proxy, prefix: str) -> Iterator[redis.Redis]:
    module = RedisModule(
        config={"addr": proxy.addr, "client_name": prefix, "pool_size": 4, "pool_timeout": "30s"}
    )
    yield module.client()
    module.shutdown_resources()


@pytest.mark.parametrize("times", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_random_resets_give_no_wrong_reply_and_count_nothing_twice(
    client: redis.Redis, proxy: Proxy, prefix: str, admin: redis.Redis, chance: random.Random, times: int
) -> None:
    account, over = Account(prefix), threading.Event()

    def work(own: random.Random) -> None:
        while not over.is_set():
            name = account.open()
            try:
                account.settle(name, own.choice(WAYS)(client, prefix, name))
            except StoreUnavailableError as error:
                account.fail(name, error)

    with ThreadPoolExecutor(8) as threads:
        workers = [threads.submit(work, random.Random(chance.random())) for _ in range(8)]
        while proxy.resets < times and not any(worker.done() for worker in workers):
            harm(proxy, chance)
            time.sleep(chance.random() * 0.003)
        over.set()
        for worker in workers:
            worker.result(10)

    heal(proxy)
    account.check(admin)
    assert account.counted
    check_pool(client.connection_pool, admin, prefix)


# A handler that raises between two instructions, or in a destructor, can cost a connection its place in the
# pool (1 in some 100 that strike outside of waiting), so there is room, and the pool is not checked.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("times", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_trap_28_random_signals_give_no_wrong_reply_and_count_nothing_twice(
    addr: str, prefix: str, admin: redis.Redis, chance: random.Random, times: int
) -> None:
    account, struck = Account(prefix), 0
    module = RedisModule(config={"addr": addr, "pool_size": times})
    client = use_python_packer(module.client())

    def strike(*_: Any) -> NoReturn:
        raise Struck

    before = signal.signal(signal.SIGALRM, strike)
    try:
        while struck < times:
            name = account.open()
            account.failed[name] = "reset"  # until it is settled
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + chance.random() * 0.0008)
                heard = chance.choice(WAYS)(client, prefix, name)
                signal.setitimer(signal.ITIMER_REAL, 0)
                account.settle(name, heard)
            except Struck:
                struck += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    account.check(admin)
    assert account.counted
    module.shutdown_resources()
