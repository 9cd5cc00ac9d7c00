# Generated from ../_async/test_cache_secrets.py by .ci/unasync.py; do not edit.
"""Keys and values are users' data: they show in no error, in nothing behind one, in no log and in no repr."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import redis

from modkit_redis.cache._core import entry_in, value_header
from modkit_redis.cache.codec import Codec
from modkit_redis.cache.entries.scripts import ACQUIRE, FILL, RELEASE
from modkit_redis.cache.loads.request import Request
from modkit_redis.cache.planning import Planner
from modkit_redis.contract import CacheEvent, ModkitRedisError
from tests.caching import Cache, Caches, lapse, load_scripts, until
from tests.certificates import Certificates
from tests.faults.fault import Fault
from tests.faults.proxy import Proxy
from tests.faults.reasons import FAULTS
from tests.leaks import chain, leaks

KEY: Final = "s3cret-key"
VALUE: Final = "s3cret-value"
QUICK: Final = ("oom", "noperm", "refused", "reset", "protocol")


class LoadError(Exception):
    """What a loader raises; its text is the application's own."""


@pytest.fixture(autouse=True)
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def caches() -> Iterator[Caches]:
    caches = Caches()
    yield caches
    caches.close()


def load() -> str:
    return VALUE


def failures(cache: Cache) -> list[Exception]:
    """Return all that the calls raise, and what the events hold."""
    store = cache.store
    calls: list[Callable[[], Any]] = [
        lambda: store.get(KEY, VALUE),
        lambda: store.get_many([KEY]),
        lambda: store.ttl(KEY),
        lambda: store.get_or_set(KEY, load),
        lambda: store.set(KEY, VALUE),
        lambda: store.set(KEY, VALUE, only_if="absent"),
        lambda: store.set_many({KEY: VALUE}),
        lambda: store.touch(KEY),
        lambda: store.delete(KEY),
        lambda: store.clear(),
    ]
    raised: list[Exception] = []
    for call in calls:
        try:
            call()
        except ModkitRedisError as error:
            raised.append(error)
    return raised + [event.error for event in cache.seen if isinstance(event.error, Exception)]


def shown(cache: Cache, errors: list[Exception], logs: pytest.LogCaptureFixture) -> list[str]:
    """Return where a key or a value shows. A traceback with local variables shows what the caller gave."""
    found = [
        f"{type(each).__name__}: {text}"
        for error in errors
        for each in chain(error)
        for text in (str(each), repr(each), repr(each.args), repr(vars(each)))
        if "s3cret" in text
    ]
    objects = [cache.store, cache.store._entries, cache.store._loads, cache.store._read, cache.seen]
    found += [text for text in map(repr, objects) if "s3cret" in text]
    return found + [
        text for each in logs.records for text in (each.getMessage(), repr(vars(each))) if "s3cret" in text
    ]


@pytest.mark.parametrize("outage", ["raise", "miss"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            fault,
            id=str(fault),
            marks=()
            if fault.reason in ("oom", "noperm", "refused", "reset", "protocol")
            else pytest.mark.slow,
        )
        for fault in FAULTS
        if fault.name != "a deaf peer"
    ],
)
def test_a_fault_shows_no_key_and_no_value(
    fault: Fault, certificates: Certificates, caches: Caches, logs: pytest.LogCaptureFixture, outage: str
) -> None:
    with fault.happening(certificates) as settings:
        cache = caches.open(str(settings.pop("addr")), "", settings, on_outage=outage)

        errors = failures(cache)

        assert errors
        assert shown(cache, errors, logs) == []
        assert [leak for error in errors for leak in leaks("s3cret", error.__cause__ or LoadError())] == []


def test_trouble_at_each_step_of_a_load_shows_no_key_and_no_value(
    proxy: Proxy,
    admin: redis.Redis,
    prefix: str,
    caches: Caches,
    logs: pytest.LogCaptureFixture,
) -> None:
    load_scripts(admin)
    cache = caches.open(proxy.addr, prefix, on_outage="miss", lease="100ms")

    def fail() -> str:
        raise LoadError

    for script in (ACQUIRE, FILL, RELEASE):
        proxy.reset_request(script.sha.encode())
        if script is RELEASE:
            with pytest.raises(LoadError):
                cache.store.get_or_set(KEY, fail)
        else:
            assert cache.store.get_or_set(KEY, load) == VALUE
        cache.store.delete(KEY)

    assert len(cache.seen.of("degraded")) == 3
    errors = [event.error for event in cache.seen if isinstance(event.error, Exception)]
    assert shown(cache, errors, logs) == []


def test_what_a_loader_raises_in_the_background_shows_in_no_log(
    addr: str, admin: redis.Redis, prefix: str, caches: Caches, logs: pytest.LogCaptureFixture
) -> None:
    cache = caches.open(addr, prefix, stale_for="1m", stale_if_error="1m")
    cache.store.set(KEY, VALUE, ttl=0.02)
    lapse(0.03)

    def fail() -> str:
        raise LoadError(VALUE)

    assert cache.store.get_or_set(KEY, fail) == VALUE
    until(lambda: any("LoadError" in each.getMessage() for each in logs.records), "it is logged")

    assert shown(cache, [], logs) == []


def test_a_hook_that_raises_shows_in_no_log(
    addr: str, prefix: str, caches: Caches, logs: pytest.LogCaptureFixture
) -> None:
    cache = caches.open(addr, prefix)

    def hook(event: CacheEvent) -> None:
        raise LookupError(event.key)

    cache.store._tell._hook = hook
    assert cache.store.get_or_set(KEY, load) == VALUE
    assert cache.store.get(KEY) == VALUE

    assert any("LookupError" in each.getMessage() for each in logs.records)
    assert shown(cache, [], logs) == []


def test_arguments_that_are_refused_are_not_repeated(
    addr: str, prefix: str, caches: Caches, logs: pytest.LogCaptureFixture
) -> None:
    cache = caches.open(addr, prefix, max_bytes=64)
    calls: list[Callable[[], Any]] = [
        lambda: cache.store.get(KEY * 200),
        lambda: cache.store.get(f"{KEY}\ud800"),
        lambda: cache.store.get(KEY.encode()),  # type: ignore[call-overload]  # it is to be refused
        lambda: cache.store.get_many(KEY),
        lambda: cache.store.set(KEY, {VALUE}),
        lambda: cache.store.set(KEY, {VALUE: object()}),
        lambda: cache.store.set(KEY, [VALUE.encode()]),
        lambda: cache.store.set(KEY, {VALUE: 1, 2: VALUE}),
        lambda: cache.store.set(KEY, VALUE * 10),
        lambda: cache.store.set(KEY, f"{VALUE}\ud800"),
        lambda: cache.store.set(KEY, VALUE, type=int),
        lambda: cache.store.set(KEY, VALUE, ttl=VALUE),  # type: ignore[arg-type]  # it is to be refused
        lambda: cache.store.set(KEY, VALUE, only_if=VALUE),  # type: ignore[arg-type]  # it is to be refused
        lambda: cache.store.get_or_set(KEY, load, stale_for=VALUE),  # type: ignore[arg-type]  # it is to be refused
        lambda: cache.store.get_or_set(KEY, VALUE),  # type: ignore[arg-type]  # it is to be refused
        lambda: cache.store.get_or_set(KEY, load, type=int),
    ]
    for call in calls:
        with pytest.raises(ModkitRedisError) as caught:
            call()

        assert shown(cache, [caught.value], logs) == []


@pytest.mark.parametrize("kind", [None, int, list[int], bytes])
@pytest.mark.parametrize("codec", [1, 2, 3, 9])
def test_bytes_that_cannot_be_decoded_are_not_shown(
    addr: str,
    prefix: str,
    caches: Caches,
    admin: redis.Redis,
    logs: pytest.LogCaptureFixture,
    kind: Any,
    codec: int,
) -> None:
    cache = caches.open(addr, prefix)
    head = struct.pack(">3scBB34x", b"\xc5M\x01", b"V", codec, 0)
    for payload in (f'"{VALUE}', f'["{VALUE}", 1]', f"{VALUE}\n"):
        admin.set(f"{prefix}:cache:{KEY}", head + payload.encode() + b"\xff")

        cache.store.get(KEY, type=kind)
        cache.store.get_or_set("other", load, type=None)

    assert shown(cache, [], logs) == []


def reprs(cache: Cache) -> Iterator[str]:
    """Give what there is to see of the parts that hold a key or a value."""
    encoded = Codec("json", None, 1000).encode(VALUE)
    plan = Planner(cache.store._settings).default
    found = entry_in(value_header(encoded, 0) + encoded.payload, 1000, b"")
    for part in (encoded, found, CacheEvent("hit", KEY, None, LoadError(VALUE)), plan, cache.store._settings):
        yield repr(part)
        yield str(part)
    yield f"{Request(KEY, KEY, load, plan, None)!r:.0}"


def test_parts_show_no_key_and_no_value(addr: str, prefix: str, caches: Caches) -> None:
    cache = caches.open(addr, prefix)
    cache.store.set(KEY, VALUE)

    assert [text for text in reprs(cache) if "s3cret" in text] == []
    assert "s3cret" not in repr(cache.store)


def test_an_event_has_its_key_for_those_who_ask(addr: str, prefix: str, caches: Caches) -> None:
    cache = caches.open(addr, prefix)

    cache.store.get(KEY)

    assert [event.key for event in cache.seen] == [KEY]
    assert repr(cache.seen) == "[CacheEvent(kind='miss', took=None)]"
