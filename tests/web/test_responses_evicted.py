"""Eviction by group, and who makes a response that many ask for; in two processes' worth of caches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import anyio.from_thread
import pytest
import redis

from modkit_redis.contract import StoreUnavailableError
from modkit_redis.web.asgi import evict_responses
from tests.web.origin import Origin, Site, Stores, entries, site, told, until_made, until_noted

NewSite = Callable[..., Site]


@pytest.fixture
def new_site(addr: str, prefix: str) -> Iterator[NewSite]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(site(addr, prefix, **options))


@pytest.fixture
def evict(addr: str, prefix: str) -> Iterator[Callable[..., None]]:
    """Evict a group, as another process would."""
    stores = Stores(addr, prefix)

    async def evict(group: tuple[str, ...]) -> None:
        await evict_responses(*group, store=stores())

    with anyio.from_thread.start_blocking_portal() as portal:
        yield lambda *group: portal.call(evict, group)
        portal.call(stores.close)


def by_first_part(scope: Any) -> str:
    """Return the group of a path."""
    return str(scope["path"].split("/")[1])


def test_an_evicted_group_is_made_anew_and_others_stay(new_site: NewSite, evict: Callable[..., None]) -> None:
    here = new_site(group=by_first_part)
    for path in ("/a/1", "/a/2", "/b/1"):
        here.get(path)

    evict("a")

    answers = [here.get(path) for path in ("/a/1", "/a/2", "/b/1")]
    assert [each.text for each in answers] == ["/a/1 2", "/a/2 2", "/b/1 1"]
    assert told(here.get("/a/1")) == "hit"


def test_middleware_that_was_given_no_group_has_one_all_the_same(
    new_site: NewSite, evict: Callable[..., None]
) -> None:
    here = new_site()
    here.get("/a")

    evict()

    assert here.get("/a").text == "/a 2"


def test_an_eviction_reaches_every_process(new_site: NewSite, evict: Callable[..., None]) -> None:
    origin = Origin()
    here, there = new_site(origin=origin), new_site(origin=origin)
    first = [here.get("/a").text, there.get("/a").text]

    evict()

    assert [here.get("/a").text, there.get("/a").text] == ["/a 2", "/a 2"]
    assert first == ["/a 1", "/a 1"]


@pytest.mark.parametrize("way", ["together", "alone"])
def test_what_was_being_made_when_its_group_was_evicted_is_not_found_after_it(
    new_site: NewSite, evict: Callable[..., None], way: str
) -> None:
    here, gate = new_site(), threading.Event()
    lines = {"cache_control": "no-cache"} if way == "alone" else {}
    here.get("/other")
    here.origin.reply("/a", gate=gate)

    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(here.get, "/a", **lines)
        until_made(here.origin, "/a", 1)
        evict()
        gate.set()

        assert late.result(10).text == "/a 1"
    assert here.get("/a").text == "/a 2"


def test_who_asks_after_an_eviction_does_not_wait_for_what_began_before_it(
    new_site: NewSite, evict: Callable[..., None]
) -> None:
    here, gate = new_site(), threading.Event()
    here.origin.reply("/a", gate=gate)

    with ThreadPoolExecutor(2) as threads:
        early = threads.submit(here.get, "/a")
        until_made(here.origin, "/a", 1)
        evict()
        late = threads.submit(here.get, "/a")
        until_made(here.origin, "/a", 2)
        gate.set()

        assert {early.result(10).text, late.result(10).text} == {
            "/a 1",
            "/a 2",
        } or late.result().text == "/a 2"


def test_a_lost_generation_empties_its_group_and_brings_nothing_back(
    new_site: NewSite, admin: redis.Redis, prefix: str
) -> None:
    here = new_site()
    here.get("/a")

    admin.delete(f"{prefix}:cache:response-group-")

    assert [here.get("/a").text for _ in range(2)] == ["/a 2", "/a 2"]


def test_an_eviction_that_did_not_happen_raises(closed_port: str, prefix: str) -> None:
    stores = Stores(closed_port, prefix, cache={"on_outage": "miss"})

    async def evict() -> None:
        try:
            await evict_responses("a", store=stores())
        finally:
            await stores.close()

    with anyio.from_thread.start_blocking_portal() as portal, pytest.raises(StoreUnavailableError):
        portal.call(evict)


@pytest.mark.parametrize("processes", [1, 2])
def test_one_request_makes_what_many_ask_for(new_site: NewSite, processes: int) -> None:
    origin, gate = Origin(), threading.Event()
    sites = [new_site(origin=origin) for _ in range(processes)]
    for each in sites:
        each.get("/warm")
    origin.reply("/a", gate=gate)

    with ThreadPoolExecutor(12) as threads:
        coming = [threads.submit(sites[number % processes].get, "/a") for number in range(12)]
        until_made(origin, "/a", 1)
        assert not any(each.done() for each in coming)
        gate.set()
        answers = [each.result(10) for each in coming]

    assert origin.made["/a"] == 1
    assert {each.text for each in answers} == {"/a 1"}
    assert sorted({told(each) for each in answers} - {"hit"}) == [
        "fwd=uri-miss; collapsed",
        "fwd=uri-miss; stored",
    ]


def test_requests_for_what_cannot_be_stored_wait_for_nobody_after_the_first(
    new_site: NewSite, admin: redis.Redis, prefix: str
) -> None:
    here, gate = new_site(), threading.Event()
    here.origin.reply("/a", ("cache-control", "no-store"))
    here.get("/a")
    until_noted(admin, prefix)
    here.origin.reply("/a", ("cache-control", "no-store"), gate=gate)

    with ThreadPoolExecutor(5) as threads:
        coming = [threads.submit(here.get, "/a") for _ in range(5)]
        until_made(here.origin, "/a", 6)
        gate.set()
        answers = [each.result(10) for each in coming]

    assert len({each.text for each in answers}) == 5


def test_that_a_response_could_not_be_stored_is_known_for_a_while_only(
    new_site: NewSite, admin: redis.Redis, prefix: str
) -> None:
    here = new_site()
    here.origin.reply("/a", ("cache-control", "no-store"))

    here.get("/a")

    until_noted(admin, prefix)
    [key] = entries(admin, prefix)
    assert 0 < admin.pttl(key) <= 10_000


def test_who_waited_for_what_could_not_be_stored_is_given_none_of_it(new_site: NewSite) -> None:
    here, gate = new_site(), threading.Event()
    here.origin.reply("/a", ("set-cookie", "a=b"), gate=gate)

    with ThreadPoolExecutor(5) as threads:
        coming = [threads.submit(here.get, "/a") for _ in range(5)]
        until_made(here.origin, "/a", 1)
        gate.set()
        answers = [each.result(10) for each in coming]

    assert len({each.text for each in answers}) == 5
    assert here.origin.made["/a"] == 5


def test_what_can_be_stored_again_is_stored_again_at_once(
    new_site: NewSite, admin: redis.Redis, prefix: str
) -> None:
    here = new_site()
    here.origin.reply("/a", status=500)
    here.get("/a")
    here.origin.reply("/a")

    answers = [here.get("/a"), here.get("/a")]

    assert [told(each) for each in answers] == ["fwd=uri-miss; stored", "hit"]
    assert len(entries(admin, prefix)) == 1


def test_who_waits_gets_no_response_that_its_fields_do_not_select(new_site: NewSite) -> None:
    here, gate = new_site(), threading.Event()
    here.origin.reply("/a", ("vary", "accept-language"), gate=gate)

    with ThreadPoolExecutor(2) as threads:
        german = threads.submit(here.get, "/a", accept_language="de")
        until_made(here.origin, "/a", 1)
        french = threads.submit(here.get, "/a", accept_language="fr")
        gate.set()

        assert german.result(10).text == "/a 1"
        assert french.result(10).text == "/a 2"
