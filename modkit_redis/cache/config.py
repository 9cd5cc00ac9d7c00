"""Settings of the cache."""

from __future__ import annotations

from collections.abc import Iterator, Set
from datetime import timedelta
from typing import ClassVar

from modkit_redis.cache._core import LONGEST_KEPT_MS
from modkit_redis.cache.typed import NEEDS_MSGSPEC, msgspec
from modkit_redis.kernel.parsing import boolean, choice, duration, duration_or_zero, integer
from modkit_redis.kernel.settings import Settings, setting


class CacheSettings(Settings):
    """Settings of a cache.

    Durations are ``timedelta``; as text they carry a unit. What each setting means is in its ``about``,
    which :meth:`describe` returns and ``docs/reference/settings.md`` lists.
    """

    section: ClassVar[str] = "cache"

    default_ttl: timedelta = setting(
        duration, "how long a value is fresh when a call does not say, for example `5m`"
    )
    ttl_jitter: int = setting(
        integer(0, 50),
        "percent by which a TTL is shortened at random, so that values stored together expire apart",
        default=0,
    )
    codec: str = setting(
        choice("json", "msgpack"),
        "how values are written; either is read. `msgpack` needs the extra `msgspec`",
        default="json",
    )
    compress_above: int | None = setting(
        integer(64, 2**29),
        "bytes above which a value is compressed with zlib; never when unset",
        default=None,
    )
    max_bytes: int = setting(
        integer(64, 2**29),
        "the longest encoded value, before compression: more is refused when written, and a miss when read",
        default=16 * 2**20,
    )
    on_outage: str = setting(
        choice("raise", "miss"),
        "what reads do when Redis does not answer: `raise`, or `miss`: return the default, or load without "
        "caching. Writes and deletions raise in either case",
        default="raise",
    )
    deadline: timedelta | None = setting(
        duration,
        "bound on each exchange with Redis as a whole; the client's timeouts alone when unset",
        default=None,
    )
    lease: timedelta = setting(
        duration,
        "how long a load that stopped without a word (a crash) keeps others from loading; a running load "
        "renews it every third of this",
        default=timedelta(seconds=5),
    )
    stale_for: timedelta = setting(
        duration_or_zero,
        "how long after its TTL a value is still returned while a new one is loaded in the background",
        default=timedelta(0),
    )
    stale_if_error: timedelta = setting(
        duration_or_zero,
        "how long after its TTL a value is still returned if loading a new one fails",
        default=timedelta(0),
    )
    error_cooldown: timedelta = setting(
        duration,
        "how long after a failed load nobody loads again who can do with the old value that is there",
        default=timedelta(seconds=1),
    )
    negative_ttl: timedelta | None = setting(
        duration, "how long a loaded `None` is fresh; as long as any value when unset", default=None
    )
    early_refresh: bool = setting(
        boolean,
        "whether a value is loaded anew in the background shortly before it expires (XFetch), the sooner "
        "the longer its loading takes",
        default=False,
    )
    refreshes: int = setting(
        integer(1, 1000), "how many background loads may run at once; more are left to later calls", default=8
    )
    drain_timeout: timedelta = setting(
        duration_or_zero,
        "how long `shutdown_resources()` waits for background loads before it gives them up",
        default=timedelta(seconds=5),
    )
    generations: bool = setting(
        boolean,
        "whether `clear()` makes all entries invisible in one step, instead of removing them one by one",
        default=False,
    )

    def _contradictions(self, unusable: Set[str]) -> Iterator[tuple[str, str]]:
        if "lease" not in unusable and not _SHORTEST_LEASE <= self.lease <= _LONGEST_LEASE:
            yield "lease", "must be from 50ms to 1h"
        if "codec" not in unusable and self.codec == "msgpack" and msgspec() is None:
            yield "codec", f"is msgpack, which {NEEDS_MSGSPEC}"
        if not unusable & {"default_ttl", "negative_ttl", "stale_for", "stale_if_error"}:
            longest = "stale_for" if self.stale_for >= self.stale_if_error else "stale_if_error"
            grace = max(self.stale_for, self.stale_if_error)
            fresh = max(self.default_ttl, self.negative_ttl or self.default_ttl)
            if grace and fresh + grace > _LONGEST_KEPT:
                yield longest, "and the TTL must not be more than 49 days together"


_LONGEST_KEPT = timedelta(milliseconds=LONGEST_KEPT_MS)
_SHORTEST_LEASE = timedelta(milliseconds=50)
_LONGEST_LEASE = timedelta(hours=1)
