# Generated from ../_async/test_cache_i06_errors.py by .ci/unasync.py; do not edit.
"""I6: a load that fails frees its lease at once, whatever it was that failed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis

from modkit_redis.cache import RedisCacheStore
from modkit_redis.contract import ArgumentError
from tests.cache_keys import idle, leases
from tests.crews import Gate, Job, Source, Told, pass_time, until

NewStore = Callable[..., RedisCacheStore]


class BrokenError(Exception):
    """The source is down."""


def asking(store: RedisCacheStore, source: Source) -> Job[object]:
    return Job(lambda: store.get_or_set("k", source.load))


@pytest.mark.parametrize("is_stale", [False, True], ids=["", "stale"])
@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
def test_i06_an_error_frees_the_lease_and_those_who_came_too_late_share_one_more_load(
    new_store: NewStore, admin: redis.Redis, prefix: str, generations: bool, is_stale: bool
) -> None:
    told, source = Told(), Source("new", held=1)
    store = new_store(events=told, lease="60s", generations=generations)
    if is_stale:
        keeper = new_store(stale_for="60s", generations=generations)
        keeper.set("k", "first", ttl=0.02)
        pass_time(0.03)
    source.fails = error = BrokenError()
    first = asking(store, source)
    source.begun[0].wait()
    late = [asking(store, source) for _ in range(2)]
    until(lambda: told.times("miss") == 3, "all wait")
    pass_time()
    source.fails = None

    source.gates[0].open()

    with pytest.raises(BrokenError) as caught:
        first.result()
    assert caught.value is error
    assert [job.result() for job in late] == ["new", "new"]
    assert leases(admin, prefix) == []
    assert (source.loads, told.times("load-error"), told.times("wait")) == (2, 1, 0)
    assert [event.error for event in told if event.kind == "load-error"] == [error]


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
def test_i06_a_load_that_fails_leaves_no_entry_and_the_next_one_loads(
    new_store: NewStore, admin: redis.Redis, prefix: str, generations: bool
) -> None:
    source = Source("new")
    store = new_store(lease="60s", generations=generations)
    source.fails = BrokenError()

    with pytest.raises(BrokenError):
        store.get_or_set("k", source.load)

    assert leases(admin, prefix) == []
    assert not admin.exists(f"{prefix}:cache:k")
    source.fails = None
    assert store.get_or_set("k", source.load) == "new"


def test_i06_another_store_that_waits_loads_at_its_next_poll(new_store: NewStore) -> None:
    told, source = Told(), Source("new", held=1)
    here, there = new_store(lease="60s"), new_store(lease="60s", events=told)
    source.fails = BrokenError()
    first = asking(here, source)
    source.begun[0].wait()
    second = asking(there, source)
    until(lambda: told.times("miss") == 1, "it waits")
    pass_time()
    source.fails = None

    source.gates[0].open()

    with pytest.raises(BrokenError):
        first.result()
    assert second.result() == "new"
    assert (source.loads, source.most) == (2, 1)
    assert (told.times("wait"), told.times("takeover")) == (1, 1)
    [wait] = [event for event in told if event.kind == "wait"]
    assert wait.took is not None
    assert wait.took < timedelta(seconds=5)


def test_i06_what_cannot_be_stored_is_an_error_and_frees_the_lease(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    source = Source(object())
    store = new_store(lease="60s", stale_if_error="60s")

    with pytest.raises(ArgumentError, match="value holds an object"):
        store.get_or_set("k", source.load)
    assert admin.exists(f"{prefix}:cache:k") == 0

    store.set("k", "first", ttl=0.02)
    pass_time(0.03)
    with pytest.raises(ArgumentError, match="value holds an object"):  # no old value hides that
        store.get_or_set("k", source.load)
    assert leases(admin, prefix) == []
    source.value = "new"
    assert store.get_or_set("k", source.load) == "new"


def test_i06_an_error_after_a_delete_does_not_end_the_next_ones_lease(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    failing, source = Source(held=1), Source("new", held=1)
    store = new_store(lease="60s")
    failing.fails = BrokenError()
    first = asking(store, failing)
    failing.begun[0].wait()
    store.delete("k")
    second = asking(store, source)
    source.begun[0].wait()

    failing.gates[0].open()

    with pytest.raises(BrokenError):
        first.result()
    assert len(leases(admin, prefix)) == 1
    assert list(store._loads._flights._airborne) == [f"{prefix}:cache:k"]  # the next one's, to be joined
    source.gates[0].open()
    assert second.result() == "new"
    assert store.get("k") == "new"


def test_i06_a_refresh_that_fails_frees_the_lease_and_is_hidden(
    new_store: NewStore, admin: redis.Redis, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source("new")
    store = new_store(lease="60s", stale_for="60s", error_cooldown="50ms")
    store.set("k", "first", ttl=0.02)
    pass_time(0.03)
    source.fails = BrokenError("with a secret")

    assert store.get_or_set("k", source.load) == "first"
    idle(store)

    assert leases(admin, prefix) == []
    assert caplog.messages == ["a value could not be loaded: BrokenError"]
    assert "secret" not in caplog.text
    source.fails = None
    pass_time(0.06)  # the cool-down
    assert store.get_or_set("k", source.load) == "first"
    idle(store)
    assert store.get("k") == "new"


def test_i06_who_came_before_the_loading_began_shares_its_error(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, source, asked, reply = Told(), Source("new"), Gate(), Gate()
    store = new_store(events=told)
    source.fails = error = BrokenError()
    acquire = store._entries.acquire

    def slow_acquire(*args: object, **kwargs: object) -> object:
        answer = acquire(*args, **kwargs)  # type: ignore[arg-type]  # passed on
        asked.open()
        reply.wait()
        return answer

    monkeypatch.setattr(store._entries, "acquire", slow_acquire)
    jobs = [asking(store, source)]
    asked.wait()
    jobs += [asking(store, source) for _ in range(2)]
    until(lambda: told.times("miss") == 3, "all wait")
    pass_time()
    reply.open()

    for job in jobs:
        with pytest.raises(BrokenError) as caught:
            job.result()
        assert caught.value is error
    assert source.loads == 1


def test_i06_a_refresh_whose_value_cannot_be_stored_is_logged_and_frees_the_lease(
    new_store: NewStore, admin: redis.Redis, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = new_store(lease="60s", stale_for="60s")
    store.set("k", "first", ttl=0.02)
    pass_time(0.03)

    assert store.get_or_set("k", Source(object()).load) == "first"
    idle(store)

    assert caplog.messages == ["a value could not be loaded: ArgumentError"]
    assert leases(admin, prefix) == []
