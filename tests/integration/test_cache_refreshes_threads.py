"""Refreshes that outlast the drain are left to themselves: threads cannot be cancelled, as tasks are."""

from __future__ import annotations

import threading

from modkit_redis import RedisBundle
from tests.cache_keys import idle
from tests.crews import Source, Told, pass_time, until
from tests.timing import lasting


def test_refreshes_that_do_not_end_in_time_are_given_up_and_store_nothing(addr: str, prefix: str) -> None:
    told, before = Told(), set(threading.enumerate())
    cache = {"default_ttl": "60s", "stale_for": "60s", "lease": "200ms", "drain_timeout": "400ms"}
    config = {"addr": addr, "key_prefix": prefix, "cache": cache}
    bundle, source = RedisBundle(config=config, cache_events=told), Source("new", held=8)
    store = bundle.cache.store()
    store.set_many(dict.fromkeys("abcdefgh", "first"), ttl=0.02)
    pass_time(0.03)
    for number, key in enumerate("abcdefgh"):
        assert store.get_or_set(key, source.load) == "first"
        source.begun[number].wait()

    with lasting(0.4):
        bundle.shutdown_resources()
    assert source.running == 8
    for gate in source.gates:
        gate.open()
    idle(store)

    assert told.times("degraded") == 8
    until(lambda: set(threading.enumerate()) <= before, "no thread is left")
    again = RedisBundle(config=config)
    assert again.cache.store().get_or_set("a", Source("newest").load, stale_for=0) == "newest"
    again.shutdown_resources()
