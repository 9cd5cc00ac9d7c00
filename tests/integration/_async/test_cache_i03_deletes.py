"""I3: a read that starts after an invalidation returned never yields a value that was loaded before it.

Two tests of the tests are here too: a fill that does not look for its lease, and followers that take a
refused value, are both found out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
import redis

from modkit_redis.cache import AsyncRedisCacheStore
from modkit_redis.contract import MISS
from tests.cache_mutants import mutated
from tests.crews import AsyncGate, AsyncJob, AsyncSource, Told, async_pass_time, async_until

NewStore = Callable[..., AsyncRedisCacheStore]
Way = Callable[..., Any]


def asking(store: AsyncRedisCacheStore, source: AsyncSource) -> AsyncJob[object]:
    return AsyncJob(lambda: store.get_or_set("k", source.load))


async def here_delete(here: AsyncRedisCacheStore, there: object, admin: object, name: str) -> None:
    await here.delete("k")


async def there_delete(here: object, there: AsyncRedisCacheStore, admin: object, name: str) -> None:
    await there.delete("other", "k", "k")


async def here_clear(here: AsyncRedisCacheStore, there: object, admin: object, name: str) -> None:
    await here.clear()


async def there_clear(here: object, there: AsyncRedisCacheStore, admin: object, name: str) -> None:
    await there.clear()


async def stock_del(here: object, there: object, admin: redis.Redis, name: str) -> None:
    admin.delete(name)


async def stock_unlink(here: object, there: object, admin: redis.Redis, name: str) -> None:
    admin.unlink(name)


async def stock_rename(here: object, there: object, admin: redis.Redis, name: str) -> None:
    admin.rename(name, f"{name}-kept")


WAYS: Final[list[Way]] = [
    here_delete,
    there_delete,
    here_clear,
    there_clear,
    stock_del,
    stock_unlink,
    stock_rename,
]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
generations_or_not = pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])


async def late_reads(
    new_store: NewStore, admin: redis.Redis, prefix: str, way: Way, generations: bool
) -> tuple[object, list[object]]:
    """Return what a load gives its own caller, and what is read after it was overtaken by a removal."""
    told, source = Told(), AsyncSource("old", held=1)
    # No lease is waited for: it would take longer than anything here is waited for.
    here, there = (new_store(generations=generations, events=told, lease="60s") for _ in range(2))
    first = AsyncJob(lambda: here.get_or_set("k", source.load))
    await source.begun[0].wait()
    source.value = "new"
    await way(here, there, admin, f"{prefix}:cache:k")

    readers = [asking(store, source) for store in (here, there, here)]
    await async_until(lambda: told.times("miss") + told.times("hit") >= 4, "all have looked")
    await async_pass_time()
    source.gates[0].open()
    late = [await reader.result() for reader in readers]
    late += [await here.get("k"), await there.get("k"), await here.get_or_set("k", source.load)]
    return await first.result(), late


@generations_or_not
@every_way
async def test_i03_who_reads_after_a_removal_gets_nothing_that_was_loaded_before_it(
    new_store: NewStore, admin: redis.Redis, prefix: str, way: Way, generations: bool
) -> None:
    own, late = await late_reads(new_store, admin, prefix, way, generations)

    assert own == "old"  # it asked before
    assert late == ["new"] * 6


@pytest.mark.parametrize("mutant", ["unfenced", "followers"])
async def test_i03_what_is_broken_on_purpose_is_found_out(
    new_store: NewStore, admin: redis.Redis, prefix: str, mutant: str
) -> None:
    with mutated(mutant):
        _, late = await late_reads(new_store, admin, prefix, stock_del, generations=False)

    assert "old" in late


async def test_i03_who_comes_when_the_fill_was_accepted_already_does_not_share_it(
    new_store: NewStore, admin: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, source, sent, reply = Told(), AsyncSource("old"), AsyncGate(), AsyncGate()
    store = new_store(events=told)
    fill = store._entries.fill

    async def slow_fill(*args: object) -> bool:
        filled = await fill(*args)  # type: ignore[arg-type]  # passed on
        sent.open()
        await reply.wait()
        return filled

    monkeypatch.setattr(store._entries, "fill", slow_fill)
    first = AsyncJob(lambda: store.get_or_set("k", source.load))
    await sent.wait()
    monkeypatch.undo()
    admin.delete(f"{prefix}:cache:k")
    source.value = "new"

    late = AsyncJob(lambda: store.get_or_set("k", source.load))
    await async_until(lambda: told.times("miss") == 2, "it has looked")
    await async_pass_time()
    reply.open()

    assert (await first.result(), await late.result()) == ("old", "new")


async def test_i03_who_comes_when_a_poll_was_answered_already_does_not_share_it(
    new_store: NewStore, admin: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, source, answered, reply = Told(), AsyncSource("old", held=1), AsyncGate(), AsyncGate()
    store, other = new_store(events=told), new_store()
    acquire = store._entries.acquire

    async def slow_acquire(*args: object, **kwargs: object) -> object:
        answer = await acquire(*args, **kwargs)  # type: ignore[arg-type]  # passed on
        if answer.found is not None:
            answered.open()
            await reply.wait()
        return answer

    loading = AsyncJob(lambda: other.get_or_set("k", source.load))
    await source.begun[0].wait()
    monkeypatch.setattr(store._entries, "acquire", slow_acquire)
    first = AsyncJob(lambda: store.get_or_set("k", source.load))
    await async_until(lambda: told.times("miss") == 1, "it has looked")
    await async_pass_time()
    source.gates[0].open()
    await loading.result()
    await answered.wait()
    monkeypatch.undo()
    admin.delete(f"{prefix}:cache:k")
    source.value = "new"

    late = AsyncJob(lambda: store.get_or_set("k", source.load))
    await async_until(lambda: told.times("miss") == 2, "it has looked")
    await async_pass_time()
    reply.open()

    assert (await first.result(), await late.result()) == ("old", "new")


async def test_i03_who_came_before_the_loading_began_shares_even_a_refused_value(
    new_store: NewStore, admin: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, source, asked, reply = Told(), AsyncSource("old", held=1), AsyncGate(), AsyncGate()
    store = new_store(events=told)
    acquire = store._entries.acquire

    async def slow_acquire(*args: object, **kwargs: object) -> object:
        answer = await acquire(*args, **kwargs)  # type: ignore[arg-type]  # passed on
        asked.open()
        await reply.wait()
        return answer

    monkeypatch.setattr(store._entries, "acquire", slow_acquire)
    first = AsyncJob(lambda: store.get_or_set("k", source.load))
    await asked.wait()
    second = AsyncJob(lambda: store.get_or_set("k", source.load))
    await async_until(lambda: told.times("miss") == 2, "it has looked")
    await async_pass_time()
    reply.open()
    await source.begun[0].wait()
    admin.delete(f"{prefix}:cache:k")
    source.gates[0].open()

    assert (await first.result(), await second.result()) == ("old", "old")
    assert source.loads == 1
    assert await store.get("k") is MISS
