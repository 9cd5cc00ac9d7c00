"""Rate limiters for tests, on a clock of their own if need be; both worlds side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import redis

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.client import AsyncRedisExecutor, RedisExecutor, Script
from modkit_redis.client.executor import Argument, Reply
from modkit_redis.contract import Limit
from modkit_redis.contract.values import Duration
from modkit_redis.ratelimit import AsyncRedisRateLimitStore, RateLimitSettings, RedisRateLimitStore
from modkit_redis.ratelimit._core import Algorithm, Rule, rule
from modkit_redis.ratelimit.scripts import DECIDE, REFUND
from modkit_redis.ratelimit.slots.scripts import ENTER, RENEW
from tests.caching import Settings
from tests.limiter_models import NOW
from tests.support import stock_client

SCRIPTS: Final[tuple[Script, ...]] = (DECIDE, REFUND, ENTER, RENEW)
SECOND: Final = 1_000_000
QUICK: Final = {f"{each}_timeout": "200ms" for each in ("dial", "read", "write", "pool")}


def load_scripts(admin: redis.Redis) -> None:
    """Let the server know the scripts, so that a decision is one command."""
    for script in SCRIPTS:
        admin.script_load(script.source)


def load_scripts_at(addr: str) -> None:
    """Do so through a connection of its own."""
    with stock_client(addr) as admin:
        load_scripts(admin)


@dataclass
class Clock:
    """The time that the scripts are told; keys expire by the real one.

    Attributes:
        now: The time, in microseconds since 1970.
        lasting: Whether each key that has a TTL gets an hour more, so that none expires during a test.
    """

    now: int = NOW
    lasting: bool = False

    def script(self, script: Script) -> Script:
        """Return what to run in the place of *script*."""
        if not self.lasting:
            return script
        head, last, tail = script.source.rpartition("\nreturn ")
        return Script(script.name, head + LONGER + last + tail)


LONGER: Final = """
for n = 1, #KEYS do
  local ttl_ms = redis.call('PTTL', KEYS[n])
  if ttl_ms > 0 then
    redis.call('PEXPIRE', KEYS[n], ttl_ms + 3600000)
  end
end
"""


def at_time(script: Script, args: Sequence[Argument], now: int) -> tuple[Argument, ...]:
    """Return the arguments of *script* with the time in them."""
    place = 0 if script is REFUND else 1
    return (*args[:place], now, *args[place + 1 :])


class ClockedExecutor:
    """Tells the scripts of decisions what time it is."""

    def __init__(self, executor: RedisExecutor, clock: Clock) -> None:
        self._executor, self._clock = executor, clock

    def run(
        self,
        script: Script,
        keys: Sequence[str] = (),
        args: Sequence[Argument] = (),
        *,
        deadline: Duration | None = None,
    ) -> Reply:
        timed = at_time(script, args, self._clock.now)
        return self._executor.run(self._clock.script(script), keys, timed, deadline=deadline)

    def execute(self, *command: Argument, deadline: Duration | None = None) -> Reply:
        return self._executor.execute(*command, deadline=deadline)


class AsyncClockedExecutor:
    """The same for asyncio."""

    def __init__(self, executor: AsyncRedisExecutor, clock: Clock) -> None:
        self._executor, self._clock = executor, clock

    async def run(
        self,
        script: Script,
        keys: Sequence[str] = (),
        args: Sequence[Argument] = (),
        *,
        deadline: Duration | None = None,
    ) -> Reply:
        timed = at_time(script, args, self._clock.now)
        return await self._executor.run(self._clock.script(script), keys, timed, deadline=deadline)

    async def execute(self, *command: Argument, deadline: Duration | None = None) -> Reply:
        return await self._executor.execute(*command, deadline=deadline)


class Limiters:
    """Opens stores, and closes them and their clients in the end."""

    def __init__(self) -> None:
        self._open: list[tuple[RedisRateLimitStore, RedisModule]] = []

    def open(
        self,
        addr: str,
        prefix: str,
        client: Settings | None = None,
        clock: Clock | None = None,
        **settings: Any,
    ) -> RedisRateLimitStore:
        """Return a store with settings of its own; its client's too."""
        module = RedisModule(config={"addr": addr, **(client or {})})
        store = RedisRateLimitStore(
            client=module.client(), key_prefix=prefix, settings=RateLimitSettings.from_mapping(settings)
        )
        if clock is not None:
            vars(store)["_executor"] = ClockedExecutor(store._executor, clock)
        self._open.append((store, module))
        return store

    def shut(self, store: RedisRateLimitStore) -> None:
        """Close the client of *store*."""
        for each, module in self._open:
            if each is store:
                module.shutdown_resources()

    def close(self) -> None:
        for store, module in self._open:
            store.close()
            module.shutdown_resources()


class AsyncLimiters:
    """The same for asyncio."""

    def __init__(self) -> None:
        self._open: list[tuple[AsyncRedisRateLimitStore, AsyncRedisModule]] = []

    def open(
        self,
        addr: str,
        prefix: str,
        client: Settings | None = None,
        clock: Clock | None = None,
        **settings: Any,
    ) -> AsyncRedisRateLimitStore:
        """Return a store with settings of its own; its client's too."""
        module = AsyncRedisModule(config={"addr": addr, **(client or {})})
        store = AsyncRedisRateLimitStore(
            client=module.client(), key_prefix=prefix, settings=RateLimitSettings.from_mapping(settings)
        )
        if clock is not None:
            vars(store)["_executor"] = AsyncClockedExecutor(store._executor, clock)
        self._open.append((store, module))
        return store

    async def shut(self, store: AsyncRedisRateLimitStore) -> None:
        """Close the client of *store*."""
        for each, module in self._open:
            if each is store:
                await module.shutdown_resources()

    async def aclose(self) -> None:
        for store, module in self._open:
            await store.aclose()
            await module.shutdown_resources()


@dataclass(frozen=True)
class Case:
    """A limit, and how it is counted."""

    algorithm: Algorithm
    count: int
    period: int
    burst: int | None = None

    @property
    def limit(self) -> Limit:
        return Limit(self.count, timedelta(microseconds=self.period), self.burst, name="x")

    @property
    def rule(self) -> Rule:
        return rule(self.limit, self.algorithm)

    def __str__(self) -> str:
        return f"{self.algorithm}-{self.count}-{self.period}us-{self.burst}"


def microseconds(span: timedelta | None) -> int:
    """Return *span* as the models have it: -1 for never."""
    return -1 if span is None else span // timedelta(microseconds=1)


def states(admin: redis.Redis, prefix: str) -> dict[bytes, bytes | None]:
    """Return what a limiter has left in Redis."""
    return {key: admin.dump(key) for key in admin.scan_iter(f"{prefix}:ratelimit:*", count=1000)}


def lifetimes(admin: redis.Redis, prefix: str) -> dict[bytes, int]:
    """Return the TTL of each key in milliseconds; -1 for none."""
    return {key: admin.pttl(key) for key in admin.scan_iter(f"{prefix}:ratelimit:*", count=1000)}


def most_bytes(admin: redis.Redis, algorithm: str) -> int:
    """Return how much a subject may take whose key has 32 bytes; Redis keeps key and value apart."""
    return (88 if algorithm == "gcra" else 104) + (0 if "valkey_version" in admin.info("server") else 32)


def bytes_of(admin: redis.Redis, key: str) -> int:
    """Return what *key* costs: the least of several copies, as an allocator gives more now and then."""
    copies = [key[:-1] + each for each in "01234567"]
    for each in copies:
        admin.copy(key, each)
    used = [admin.memory_usage(each) or 0 for each in copies]
    admin.unlink(*copies)
    return min(used)
