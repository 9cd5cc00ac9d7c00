"""The contenders in sync code: redis-py, our rate limiter, and the peers; those need not be installed."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any, ClassVar

import redis

from benchmarks.installed import endpoint
from benchmarks.ratelimit.contender import HOUR_S, Contender, Row, Ways, told
from benchmarks.timing import Way
from modkit_redis import RedisBundle
from modkit_redis.contract import RateLimitStore

Decide = Callable[[str], bool]


def way(row: Row, name: str, decide: Decide) -> tuple[Row, Way[object]]:
    """Return one way of *row*."""
    return row, Way(name, decide, row is Row.ALLOWED)


class RedisPy:
    """Bare redis-py: the yardstick, which decides nothing."""

    distribution: ClassVar[str] = "redis"
    configured: ClassVar[str] = "redis.Redis(host, port); EVALSHA of 'return 1' with one key"

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.Redis(host=host, port=port)
        self._sha: str = self._client.script_load("return 1")

    @property
    def ways(self) -> Ways:
        """The same in each row."""
        return [(row, Way("EVALSHA of return 1", self._call, 1)) for row in Row]

    def _call(self, subject: str) -> object:
        return self._client.evalsha(self._sha, 1, subject)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


class Ours:
    """modkit-redis."""

    distribution: ClassVar[str] = "modkit-redis"
    configured: ClassVar[str] = "RedisBundle, REDIS_RATELIMIT_LIMIT; all others as they are by default"

    def __init__(self, addr: str) -> None:
        self._addr = addr
        self._bundles: list[RedisBundle] = []

    @property
    def ways(self) -> Ways:
        """By each algorithm; denials also from the cache of denials."""
        return [
            way(Row.ALLOWED, "gcra", self._decide(Row.ALLOWED, "gcra")),
            way(Row.ALLOWED, "sliding", self._decide(Row.ALLOWED, "sliding")),
            way(Row.ALLOWED, "fixed", self._decide(Row.ALLOWED, "fixed")),
            way(Row.ALLOWED, "strict", self._decide(Row.ALLOWED, "strict")),
            way(Row.DENIED, "gcra", self._decide(Row.DENIED, "gcra")),
            way(Row.DENIED, "gcra, deny_cache", self._decide(Row.DENIED, "gcra", deny_cache=1000)),
        ]

    def _decide(self, row: Row, algorithm: str, *, deny_cache: int = 0) -> Decide:
        limits = {"limit": f"{row.count}/hour", "algorithm": algorithm, "deny_cache": deny_cache}
        bundle = RedisBundle(config={"addr": self._addr, "ratelimit": limits})
        self._bundles.append(bundle)
        store: RateLimitStore = bundle.ratelimit.store()

        def decide(subject: str) -> bool:
            made = store.hit(subject)
            retry = made.retry_after
            return told(
                made.allowed,
                made.remaining,
                made.reset_after.total_seconds(),
                -1 if retry is None else retry.total_seconds(),
            )

        return decide

    def close(self) -> None:
        """Close its connections."""
        for each in self._bundles:
            each.shutdown_resources()


class Limits:
    """limits, with the window stats that headers need."""

    distribution: ClassVar[str] = "limits"
    configured: ClassVar[str] = "RedisStorage('redis://…'); hit() and get_window_stats()"

    def __init__(self, addr: str) -> None:
        self._package: Any = importlib.import_module("limits")
        storage: Any = importlib.import_module("limits.storage").RedisStorage(f"redis://{addr}")
        strategies: Any = importlib.import_module("limits.strategies")
        self._limiters = {
            "moving": strategies.MovingWindowRateLimiter(storage),
            "sliding": strategies.SlidingWindowCounterRateLimiter(storage),
            "fixed": strategies.FixedWindowRateLimiter(storage),
        }

    @property
    def ways(self) -> Ways:
        """By each strategy."""
        return [way(row, name, self._decide(row, name)) for row in Row for name in self._limiters]

    def _decide(self, row: Row, name: str) -> Decide:
        limiter, item = self._limiters[name], self._package.parse(f"{row.count}/hour")

        def decide(subject: str) -> bool:
            allowed: bool = limiter.hit(item, subject)
            stats = limiter.get_window_stats(item, subject)
            reset = stats.reset_time - time.time()
            return told(allowed, stats.remaining, reset, max(reset, 0))

        return decide

    def close(self) -> None:
        """Do nothing: its storage closes its connections when it is collected."""


class ThrottledPy:
    """throttled-py."""

    distribution: ClassVar[str] = "throttled-py"
    configured: ClassVar[str] = "Throttled(using=…, quota=per_hour(…), store=RedisStore('redis://…'))"

    def __init__(self, addr: str) -> None:
        self._package: Any = importlib.import_module("throttled")
        self._store = self._package.RedisStore(server=f"redis://{addr}/0")

    @property
    def ways(self) -> Ways:
        """By each algorithm that we have, too."""
        return [
            way(row, name, self._decide(row, name))
            for row in Row
            for name in ("gcra", "sliding_window", "fixed_window")
        ]

    def _decide(self, row: Row, name: str) -> Decide:
        quota = self._package.rate_limiter.per_hour(row.count, burst=row.count)
        throttled = self._package.Throttled(using=name, quota=quota, store=self._store)

        def decide(subject: str) -> bool:
            made = throttled.limit(subject)
            state = made.state
            return told(not made.limited, state.remaining, state.reset_after, state.retry_after)

        return decide

    def close(self) -> None:
        """Do nothing: its store closes its connections when it is collected."""


class PyrateLimiter:
    """pyrate-limiter, without the limiter around its buckets, which tells only yes or no."""

    distribution: ClassVar[str] = "pyrate-limiter"
    configured: ClassVar[str] = (
        "put_decision() and count() of StateBucket(RedisStateStore) and of RedisBucket; one for a subject, "
        "kept; by the client's clock, and without a look at when all is allowed again, which it does not tell"
    )

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.Redis(host=host, port=port)
        self._package: Any = importlib.import_module("pyrate_limiter")
        self._stored: Any = importlib.import_module("pyrate_limiter.buckets.redis_state").RedisStateStore
        self._state: Any = importlib.import_module("pyrate_limiter.buckets.state_bucket").StateBucket

    @property
    def ways(self) -> Ways:
        """By its token bucket, and by its log in a sorted set."""
        return [
            way(row, name, self._decide(row, bucket))
            for row in Row
            for name, bucket in (("GCRA", self._bucket), ("log", self._log))
        ]

    def _bucket(self, row: Row, subject: str) -> Any:
        return self._state([self._rate(row)], store=self._stored(self._client, subject))

    def _log(self, row: Row, subject: str) -> Any:
        return self._package.RedisBucket.init([self._rate(row)], self._client, subject)

    def _rate(self, row: Row) -> Any:
        return self._package.Rate(row.count, HOUR_S * 1000)

    def _decide(self, row: Row, new: Callable[[Row, str], Any]) -> Decide:
        buckets: dict[str, Any] = {}
        count, item = row.count, self._package.RateItem

        def decide(subject: str) -> bool:
            bucket = buckets.get(subject)
            if bucket is None:
                bucket = buckets[subject] = new(row, subject)
            made = bucket.put_decision(item(subject, bucket.now()))
            return told(made.allowed, max(0, count - bucket.count()), 0, made.retry_after_ms or 0)

        return decide

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


CONTENDERS: tuple[type[Contender], ...] = (RedisPy, Ours, Limits, ThrottledPy, PyrateLimiter)
