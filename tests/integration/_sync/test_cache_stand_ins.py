# Generated from ../_async/test_cache_stand_ins.py by .ci/unasync.py; do not edit.
"""Whose error it is when a load fails, and which old value may stand in: that of who asks, looked up then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modkit_redis.cache import RedisCacheStore
from tests.cache_keys import idle
from tests.crews import Gate, Job, Source, Told, pass_time, until

NewStore = Callable[..., RedisCacheStore]


class BrokenError(Exception):
    """The source is down."""


def broken(held: int = 0) -> Source:
    source = Source("new", held)
    source.fails = BrokenError()
    return source


def asking(store: RedisCacheStore, source: Source, stale_if_error: float | None = None) -> Job[object]:
    return Job(lambda: store.get_or_set("k", source.load, stale_if_error=stale_if_error))


def make_old(store: RedisCacheStore, value: str = "first") -> None:
    store.set("k", value, ttl=0.02)
    pass_time(0.03)


class Crew:
    """Callers of one store whose load fails: some came before the loader began, some after."""

    def __init__(self, store: RedisCacheStore, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.source = store, broken(held=1)
        self._told, self._patch = told, monkeypatch
        self._misses = 0

    def come(self, many: int, stale_if_error: float | None = None) -> list[Job[object]]:
        """Return callers who wait for the load that is under way."""
        self._misses += many
        jobs = [asking(self.store, self.source, stale_if_error) for _ in range(many)]
        until(lambda: self._told.times("miss") == self._misses, "all wait")
        pass_time()
        return jobs

    def assemble(
        self, early: int, leader: float | None = None, stale_if_error: float | None = None
    ) -> list[Job[object]]:
        """Return the one who loads, and callers who came before its loader began; it has begun now."""
        acquire, asked, reply = self.store._entries.acquire, Gate(), Gate()

        def slow_acquire(*args: object, **kwargs: object) -> object:
            answer = acquire(*args, **kwargs)  # type: ignore[arg-type]  # passed on
            asked.open()
            reply.wait()
            return answer

        with self._patch.context() as patch:
            patch.setattr(self.store._entries, "acquire", slow_acquire)
            jobs = self.come(1, leader)
            asked.wait()
            jobs += self.come(early, stale_if_error)
        reply.open()
        self.source.begun[0].wait()
        return jobs


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
def test_i06_who_came_before_the_loading_began_shares_its_error_and_who_came_later_does_not(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch, generations: bool
) -> None:
    told = Told()
    crew = Crew(new_store(events=told, lease="60s", generations=generations), told, monkeypatch)
    early = crew.assemble(2)
    late = crew.come(3)
    error, crew.source.fails = crew.source.fails, None

    crew.source.gates[0].open()

    for job in early:
        with pytest.raises(BrokenError) as caught:
            job.result()
        assert caught.value is error
    assert [job.result() for job in late] == ["new"] * 3
    assert (crew.source.loads, told.times("load-error")) == (2, 1)


@pytest.mark.parametrize("generations", [False, True], ids=["", "generations"])
def test_i03_who_comes_after_a_delete_elsewhere_gets_no_error_of_a_load_before_it(
    new_store: NewStore, generations: bool
) -> None:
    told, failing, source = Told(), broken(held=1), Source("new")
    here = new_store(events=told, lease="60s", generations=generations)
    there = new_store(lease="60s", generations=generations)
    first = asking(here, failing)
    failing.begun[0].wait()

    there.delete("k")
    late = [asking(here, source) for _ in range(3)]
    until(lambda: told.times("miss") == 4, "all wait")
    pass_time()
    failing.gates[0].open()

    with pytest.raises(BrokenError):
        first.result()
    assert [job.result() for job in late] == ["new"] * 3
    assert source.loads == 1


def test_an_error_that_two_loads_in_turn_raise_is_raised_to_those_of_the_second(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    crew = Crew(new_store(events=told, lease="60s"), told, monkeypatch)
    callers = crew.assemble(0)
    callers += crew.come(3)

    crew.source.gates[0].open()

    for job in callers:
        with pytest.raises(BrokenError):
            job.result()
    assert crew.source.loads == 2


@pytest.mark.parametrize("is_early", [True, False], ids=["early", "late"])
def test_who_can_do_with_an_old_value_gets_it_whatever_the_one_who_loads_can_do_with(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch, is_early: bool
) -> None:
    told = Told()
    crew = Crew(new_store(events=told, lease="60s", stale_if_error="60s"), told, monkeypatch)
    make_old(crew.store)
    first, *others = crew.assemble(2 if is_early else 0, leader=0)
    others += [] if is_early else crew.come(2)

    crew.source.gates[0].open()

    with pytest.raises(BrokenError):
        first.result()
    assert [job.result() for job in others] == ["first"] * 2
    assert crew.source.loads == 1  # a cool-down follows it


def test_who_cannot_do_with_an_old_value_gets_the_error_although_the_one_who_loads_does(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    crew = Crew(new_store(events=told, lease="60s", stale_if_error="60s"), told, monkeypatch)
    make_old(crew.store)
    first, other = crew.assemble(1, stale_if_error=0)

    crew.source.gates[0].open()

    assert first.result() == "first"
    with pytest.raises(BrokenError):
        other.result()


def test_i03_an_old_value_that_was_looked_at_before_a_delete_stands_in_for_nobody(
    new_store: NewStore,
) -> None:
    told, source, failing = Told(), Source("loaded", held=1), broken()
    here = new_store(events=told, stale_if_error="60s", lease="60s", error_cooldown="1ms")
    there = new_store(stale_if_error="60s")
    make_old(here)
    loading = asking(here, source)
    source.begun[0].wait()
    before = asking(here, failing)
    until(lambda: told.times("miss") == 2, "it waits")
    pass_time()
    there.delete("k")
    make_old(there, "second")
    after = asking(here, failing)
    until(lambda: told.times("miss") == 3, "all wait")
    pass_time()

    source.gates[0].open()

    assert loading.result() == "loaded"
    assert (before.result(), after.result()) == ("second", "second")
    assert failing.loads == 1


def test_after_the_cool_down_an_old_value_is_returned_only_if_loading_fails_again(
    new_store: NewStore,
) -> None:
    store, source = new_store(stale_if_error="60s", error_cooldown="20ms"), broken()
    make_old(store)
    assert store.get_or_set("k", source.load) == "first"
    pass_time(0.03)
    assert store.get_or_set("k", source.load) == "first"
    assert source.loads == 2
    pass_time(0.03)

    source.fails = None

    assert store.get_or_set("k", source.load) == "new"


def test_a_refresh_that_failed_before_the_value_expired_keeps_no_later_load_from_being_tried(
    new_store: NewStore,
) -> None:
    store, source = new_store(stale_for="40ms", stale_if_error="60s", error_cooldown="20ms"), broken()
    make_old(store)
    assert store.get_or_set("k", source.load) == "first"
    idle(store)
    assert source.loads == 1
    pass_time(0.05)  # only kept for errors now
    source.fails = None

    assert store.get_or_set("k", source.load) == "new"
