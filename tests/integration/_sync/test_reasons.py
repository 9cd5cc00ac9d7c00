# Generated from ../_async/test_reasons.py by .ci/unasync.py; do not edit.
"""Traps 23, 24 and 26: each real fault is an error of ours and of redis-py, says why, and repeats nothing."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from modkit_redis import RedisModule
from modkit_redis.client import RedisExecutor
from modkit_redis.client.errors import REASONS
from modkit_redis.contract import CommandRefusedError, ConfigError, ModkitRedisError, StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.certificates import Certificates
from tests.faults.fault import Fault
from tests.faults.mute import mute_peer
from tests.faults.on_the_way import LateCredentials
from tests.faults.reasons import FAULTS
from tests.leaks import said_by

Way: TypeAlias = Callable[[redis.Redis, Sequence[str]], Any]

THEIRS: Final = {
    "ConnectionUnavailableError": redis.ConnectionError,
    "ClientClosedError": redis.ConnectionError,
    "EventLoopError": redis.ConnectionError,
    "AuthenticationUnavailableError": redis.AuthenticationError,
    "TimeoutUnavailableError": redis.TimeoutError,
    "ResponseRefusedError": redis.ResponseError,
}


def by_command(client: redis.Redis, command: Sequence[str]) -> None:
    client.execute_command(*command)


def by_pipeline(client: redis.Redis, command: Sequence[str]) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for _ in range(2):
            pipeline.execute_command(*command)
        pipeline.execute()


def by_transaction(client: redis.Redis, command: Sequence[str]) -> None:
    with client.pipeline(transaction=True) as pipeline:
        for _ in range(2):
            pipeline.execute_command(*command)
        pipeline.execute()


def by_executor(client: redis.Redis, command: Sequence[str]) -> None:
    RedisExecutor(client).execute(*command)


def by_executor_among_many(client: redis.Redis, command: Sequence[str]) -> None:
    RedisExecutor(client).execute_many([("PING",), command])


WAYS: Final[Sequence[Way]] = (by_command, by_pipeline, by_transaction, by_executor, by_executor_among_many)


def failure(way: Way, client: redis.Redis, command: Sequence[str]) -> ModkitRedisError:
    with pytest.raises(ModkitRedisError) as caught:
        way(client, command)
    return caught.value


def check(error: ModkitRedisError, reason: str) -> None:
    """Check all that is said of errors: class, word, pickling, and that no argument is repeated."""
    kind = REASONS[reason].error
    assert type(error) is kind
    assert isinstance(error, StoreUnavailableError | CommandRefusedError)
    assert isinstance(error, THEIRS[kind.__name__])
    assert (error.reason, bool(error.operation)) == (reason, True)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.args, vars(copy), str(copy)) == (kind, error.args, vars(error), str(error))
    assert [text for text in said_by(error) if "s3cret" in text] == []


@pytest.fixture
def modules() -> Iterator[list[RedisModule]]:
    """The modules of a test, shut down at its end."""
    modules: list[RedisModule] = []
    yield modules
    for module in modules:
        module.shutdown_resources()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_trap_24_a_fault_says_why(
    fault: Fault, certificates: Certificates, modules: list[RedisModule]
) -> None:
    with fault.happening(certificates) as settings:
        modules.append(RedisModule(config=settings))
        client = modules[0].client()

        for way in WAYS:
            check(failure(way, client, fault.command), fault.reason)


NOT_OF_ANY_CLIENT: Final = ("tls", "dial-timeout", "write-timeout", "connection")


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", [each for each in FAULTS if each.reason not in NOT_OF_ANY_CLIENT and each.is_tcp], ids=str
)
def test_trap_24_through_a_client_that_was_brought_along_it_says_the_same(
    fault: Fault, certificates: Certificates
) -> None:
    with fault.happening(certificates) as settings:
        client = brought(settings)

        check(failure(by_executor, client, fault.command), fault.reason)
        client.close()


def brought(settings: dict[str, Any], **more: Any) -> redis.Redis:
    host, _, port = settings["addr"].rpartition(":")
    also = {name: settings[name] for name in ("username", "password", "db") if name in settings}
    patience: Any = {"socket_timeout": 0.1, "socket_connect_timeout": 5, "client_name": "brought"}
    return redis.Redis(
        host=host, port=int(port), protocol=2, retry=Retry(NoBackoff(), 0), **patience, **also, **more
    )


def test_trap_24_a_fault_inside_a_transaction_says_why(
    private_server: EmbeddedServer, modules: list[RedisModule]
) -> None:
    modules.append(RedisModule(config={"addr": private_server.addr}))
    client = modules[0].client()
    client.config_set("maxmemory", 1)
    script = "return redis.call('SET', KEYS[1], ARGV[1])"  # refused only when it runs, in EXEC

    for way in WAYS:
        check(failure(way, client, ["EVAL", script, "1", "s3cret-key", "s3cret-value"]), "oom")


def test_trap_24_another_timeout_of_a_client_that_was_brought_along(addr: str) -> None:
    client = brought({"addr": addr}, credential_provider=LateCredentials())

    check(failure(by_executor, client, ["GET", "s3cret-key"]), "timeout")
    client.close()


def test_trap_24_full_pools_of_clients_that_were_brought_along(addr: str) -> None:
    raising = brought({"addr": addr}, max_connections=1)
    host, _, port = addr.rpartition(":")
    bound: Any = {"max_connections": 1, "timeout": 0.03}
    pool = redis.BlockingConnectionPool(host=host, port=int(port), **bound)
    for client in (raising, redis.Redis(connection_pool=pool)):
        held: Any = client.connection_pool.get_connection()

        check(failure(by_executor, client, ["GET", "s3cret-key"]), "pool-timeout")
        client.connection_pool.release(held)
        client.connection_pool.disconnect()


def test_trap_24_a_deadline_says_so(modules: list[RedisModule]) -> None:
    with mute_peer() as addr:
        modules.append(RedisModule(config={"addr": addr}))
        executor = RedisExecutor(modules[0].client())

        with pytest.raises(StoreUnavailableError) as one:
            executor.execute("GET", "s3cret-key", deadline=0.05)
        with pytest.raises(StoreUnavailableError) as many:
            executor.execute_many([("GET", "s3cret-key"), ("PING",)], deadline=0.05)

    check(one.value, "deadline")
    check(many.value, "deadline")


def test_trap_24_a_full_pool_says_so(addr: str, modules: list[RedisModule]) -> None:
    modules.append(RedisModule(config={"addr": addr, "pool_size": 1, "pool_timeout": "30ms"}))
    client = modules[0].client()
    held: Any = client.connection_pool.get_connection()

    for way in WAYS:
        check(failure(way, client, ["GET", "s3cret-key"]), "pool-timeout")
    client.connection_pool.release(held)


def test_trap_24_a_closed_client_says_so(addr: str) -> None:
    module = RedisModule(config={"addr": addr})
    client = module.client()
    module.shutdown_resources()

    for way in WAYS:
        check(failure(way, client, ["GET", "s3cret-key"]), "closed")


def test_trap_23_a_host_that_cannot_be_looked_up_at_all_is_a_typed_error() -> None:
    module = RedisModule(config={"addr": "a..b:6379"})

    with pytest.raises((StoreUnavailableError, ConfigError)):
        module.client().ping()
    module.shutdown_resources()
