"""What Redis answers or does not answer, and whether that is an outage: the table, against real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest

from modkit_redis.cache.reading import TROUBLE
from modkit_redis.client.errors import REASONS
from modkit_redis.contract import MISS
from modkit_redis.contract.outages import is_outage
from modkit_redis.testing import EmbeddedServer
from tests.caching import AsyncCache, AsyncCaches
from tests.certificates import Certificates
from tests.faults.fault import Fault
from tests.faults.reasons import FAULTS
from tests.support import stock_client

OUTAGES: Final = {
    *("refused", "dns", "tls", "auth", "dial-timeout", "read-timeout", "write-timeout", "deadline"),
    *("timeout", "pool-timeout", "reset", "disconnected", "connection", "protocol", "max-clients", "loading"),
    *("readonly", "oom", "misconf", "noreplicas", "busy", "masterdown"),
}
MISTAKES: Final = {"closed", "event-loop", "noperm", "cluster", "wrong-type", "unknown-command", "no-db"}

QUICK: Final = ("oom", "readonly", "noperm", "auth", "busy", "noreplicas", "loading", "refused", "cluster")


def met() -> list[Any]:
    """Return each fault; the first for each of the quick words is not slow."""
    first = {fault.reason: fault for fault in reversed(FAULTS) if fault.reason in QUICK}
    return [
        pytest.param(fault, id=str(fault), marks=() if fault in first.values() else pytest.mark.slow)
        for fault in FAULTS
        if fault.name != "a deaf peer"  # one meets it with megabytes
    ]


@pytest.fixture
async def caches() -> AsyncIterator[AsyncCaches]:
    caches = AsyncCaches()
    yield caches
    await caches.aclose()


async def load() -> str:
    return "loaded"


def test_each_word_is_an_outage_or_a_mistake() -> None:
    assert REASONS.keys() == OUTAGES | MISTAKES
    assert not OUTAGES & MISTAKES
    for word, reason in REASONS.items():
        assert is_outage(reason.error("GET", word)) == (word in OUTAGES)


async def outcomes(cache: AsyncCache) -> dict[str, object]:
    """Return what each call returns, or the error it raises."""
    store = cache.store
    found: dict[str, object] = {}
    calls: dict[str, Callable[[], Any]] = {
        "get": lambda: store.get("key", "none"),
        "get_many": lambda: store.get_many(["key"]),
        "ttl": lambda: store.ttl("key"),
        "get_or_set": lambda: store.get_or_set("key", load),
        "set": lambda: store.set("key", "new"),
        "set_many": lambda: store.set_many({"key": "new"}),
        "set absent": lambda: store.set("key", "new", only_if="absent"),
        "touch": lambda: store.touch("key"),
        "delete": lambda: store.delete("key"),
        "clear": lambda: store.clear(),
    }
    for name, call in calls.items():
        try:
            found[name] = await call()
        except TROUBLE as error:
            found[name] = error
    return found


@pytest.mark.parametrize("fault", met())
async def test_a_fault_is_a_miss_if_it_is_an_outage_and_raises_if_not(
    fault: Fault, certificates: Certificates, caches: AsyncCaches
) -> None:
    with fault.happening(certificates) as settings:
        cache = caches.open(str(settings.pop("addr")), "", settings, on_outage="miss")

        found = await outcomes(cache)

    raised = {name: error.reason for name, error in found.items() if isinstance(error, TROUBLE)}
    also = {"readonly"} if fault.reason == "masterdown" else set[str]()
    assert set(raised.values()) <= {fault.reason, *also}
    if fault.reason in OUTAGES:
        assert raised.keys() <= {"set", "set_many", "set absent", "touch", "delete", "clear"}
        assert {"set", "set_many", "set absent"} <= raised.keys()
        assert (found["get"], found["get_many"], found["ttl"]) == ("none", [MISS], MISS)
        assert found["get_or_set"] == "loaded"
        assert {getattr(event.error, "reason", None) for event in cache.seen.of("degraded")} == {fault.reason}
    else:
        assert {"get_or_set", "set", "set_many", "set absent"} <= raised.keys()
        assert not cache.seen.of("degraded")
        assert not cache.seen.of("load")


@pytest.mark.parametrize("fault", [each for each in FAULTS if each.reason in ("oom", "readonly")], ids=str)
async def test_an_outage_raises_unless_the_settings_call_it_a_miss(
    fault: Fault, certificates: Certificates, caches: AsyncCaches
) -> None:
    with fault.happening(certificates) as settings:
        cache = caches.open(str(settings.pop("addr")), "", settings)

        found = await outcomes(cache)

    raised = {name: error.reason for name, error in found.items() if isinstance(error, TROUBLE)}
    assert {"get_or_set", "set", "set_many", "set absent"} <= raised.keys()
    assert set(raised.values()) == {fault.reason}
    assert not cache.seen.of("degraded") and not cache.seen.of("load")


@pytest.mark.parametrize("outage", ["raise", "miss"])
async def test_a_closed_client_raises_whatever_an_outage_is(
    addr: str, caches: AsyncCaches, outage: str
) -> None:
    cache = caches.open(addr, "", on_outage=outage)
    await cache.module.shutdown_resources()

    found = await outcomes(cache)

    assert [error.reason for error in found.values() if isinstance(error, TROUBLE)] == (
        ["closed"] * len(found)
    )
    assert not cache.seen.of("load")


async def test_a_refusal_while_a_value_is_loaded_leaves_it_to_who_asked(
    private_server: EmbeddedServer, caches: AsyncCaches
) -> None:
    cache = caches.open(private_server.addr, "")
    with stock_client(private_server.addr) as admin:

        async def load_and_fill_up() -> str:
            admin.config_set("maxmemory", 1)
            return "loaded"

        value = await cache.store.get_or_set("key", load_and_fill_up)
        admin.config_set("maxmemory", 0)

        assert value == "loaded"
        assert [getattr(event.error, "reason", "") for event in cache.seen.of("degraded")] == ["oom"]
        await cache.store.delete("key")
        assert await cache.store.get_or_set("key", load) == "loaded"
