"""Hearts: they beat for all that is held, whatever becomes of one of them."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from modkit_redis.client.hearts import AsyncHeart, Heart
from tests.caching import async_until, until
from tests.faults.forking import in_child

BEAT = 0.01


class Leases:
    """Renews leases: those that are ``gone`` are not there, ``broken`` ones raise."""

    def __init__(self) -> None:
        self.renewed: Counter[str] = Counter()
        self.lost = 0
        self.gone: set[str] = set()
        self.broken: set[str] = set()
        self.during: Callable[[str], None] = lambda name: None

    def renew(self, name: str, token: bytes) -> bool:
        self.renewed[name] += 1
        self.during(name)
        if name in self.broken:
            raise LookupError
        return name not in self.gone

    async def renew_later(self, name: str, token: bytes) -> bool:
        await asyncio.sleep(0)
        return self.renew(name, token)

    def lose(self) -> None:
        self.lost += 1

    def beats(self, name: str, more: int = 3) -> Callable[[], bool]:
        """Return what tells whether the lease of *name* was renewed so often from now on."""
        enough = self.renewed[name] + more
        return lambda: self.renewed[name] >= enough


@pytest.fixture
def leases() -> Leases:
    return Leases()


@pytest.fixture
def heart(leases: Leases) -> Iterator[Heart]:
    heart = Heart(BEAT, leases.renew, leases.lose)
    yield heart
    heart.close()


@pytest.fixture
def died(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what threads have died of."""
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: died.append(args.exc_type))
    return died


def test_what_is_held_is_renewed_until_it_is_left(leases: Leases, heart: Heart) -> None:
    with heart.beating("a", b"1"), heart.beating("b", b"2"):
        until(leases.beats("a"), "a is renewed")
        until(leases.beats("b"), "b is renewed")
    with heart.beating("c", b"3"):
        before = leases.renewed["a"]
        until(leases.beats("c"), "c is renewed")

    assert leases.renewed["a"] == before
    assert leases.lost == 0


def test_an_error_in_a_renewal_is_reported_and_ends_no_other_lease(
    leases: Leases, heart: Heart, died: list[object]
) -> None:
    leases.broken = {"bad"}
    with heart.beating("good", b"1"), heart.beating("bad", b"2"):
        until(lambda: died == [LookupError], "it is reported")

        until(leases.beats("good"), "the other one is renewed all the same")

    assert leases.renewed["bad"] == 1


def test_after_an_error_the_next_lease_is_renewed(leases: Leases, heart: Heart, died: list[object]) -> None:
    leases.broken = {"bad"}
    with heart.beating("bad", b"1"):
        until(lambda: died == [LookupError], "it is reported")

    with heart.beating("good", b"2"):
        until(leases.beats("good"), "it is renewed")


def test_a_thread_that_is_dead_is_replaced(leases: Leases, heart: Heart) -> None:
    dead = threading.Thread()
    dead.start()
    dead.join()
    heart._thread = dead

    with heart.beating("a", b"1"):
        until(leases.beats("a"), "it is renewed")


def test_a_forked_child_renews_what_it_holds_and_nothing_of_its_parent(leases: Leases, heart: Heart) -> None:
    def in_it() -> object:
        leases.renewed.clear()
        with heart.beating("child", b"2"):
            until(leases.beats("child"), "it is renewed")
        return set(leases.renewed)

    with heart.beating("parent", b"1"):
        until(leases.beats("parent"), "the parent's thread runs")

        assert in_child(in_it) == "{'child'}"


def test_a_lease_that_ended_while_it_was_held_is_told_once(leases: Leases, heart: Heart) -> None:
    leases.gone = {"a"}
    with heart.beating("a", b"1"), heart.beating("b", b"2"):
        until(lambda: leases.lost == 1, "it is told")
        until(leases.beats("b"), "the other one is renewed")

    assert (leases.renewed["a"], leases.lost) == (1, 1)


def test_a_lease_whose_holder_leaves_while_it_is_renewed_was_not_lost(leases: Leases, heart: Heart) -> None:
    asked, left = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == "a":
            asked.set()
            left.wait(10)

    with heart.beating("other", b"2"):
        with heart.beating("a", b"1"):
            leases.gone, leases.during = {"a"}, wait
            assert asked.wait(10)
        left.set()
        until(leases.beats("other"), "it beats on")

    assert leases.lost == 0


def test_who_left_before_his_turn_is_not_renewed(leases: Leases, heart: Heart) -> None:
    asked, left = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        asked.set()
        left.wait(10)

    with heart.beating("other", b"0"):
        holds = [heart.beating(name, b"1") for name in "abc"]
        for each in holds:
            each.__enter__()
        leases.during = wait
        assert asked.wait(10)
        for each in holds:
            each.__exit__(None, None, None)
        begun = sum(leases.renewed[name] for name in "abc")
        left.set()
        until(leases.beats("other", 1), "it beats on")

    assert sum(leases.renewed[name] for name in "abc") == begun


async def test_a_task_tells_of_a_lease_that_ended_while_it_was_held(leases: Leases) -> None:
    heart = AsyncHeart(BEAT, leases.renew_later, leases.lose)
    leases.gone = {"a"}
    async with heart.beating("a", b"1"), heart.beating("b", b"2"):
        await async_until(lambda: leases.lost == 1, "it is told")
        await async_until(leases.beats("b"), "the other one is renewed")

    assert (leases.renewed["a"], leases.lost) == (1, 1)


async def test_a_task_whose_holder_leaves_tells_nothing(leases: Leases) -> None:
    heart = AsyncHeart(BEAT, leases.renew_later, leases.lose)
    for _ in range(20):
        async with heart.beating("a", b"1"):
            await async_until(leases.beats("a", 1), "it is renewed")
            leases.gone = {"a"}
        leases.gone = set()

    assert leases.lost == 0


async def test_a_task_begins_nothing_for_who_left_before_its_first_beat(leases: Leases) -> None:
    heart = AsyncHeart(BEAT, leases.renew_later, leases.lose)
    async with heart.beating("a", b"1"):
        pass

    async with heart.beating("b", b"1"):
        await async_until(leases.beats("b"), "the other one is renewed")

    assert leases.renewed["a"] == 0
