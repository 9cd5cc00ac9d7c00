"""The response cache when Redis does not answer, and what each answer costs when it does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.cache_keys import Counter
from tests.caching import load_scripts_at
from tests.support import stock_client
from tests.web.origin import Site, site, told, until_made, until_noted

UNAVAILABLE = "fwd=miss; detail=unavailable"


@pytest.mark.parametrize("policy", ["raise", "miss"])
def test_in_an_outage_the_application_answers(
    closed_port: str, prefix: str, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "modkit_redis.web")
    with site(closed_port, prefix, settings={"cache": {"on_outage": policy}}) as here:
        answers = [here.get("/a"), here.get("/a"), here.head("/a")]
        nothing = here.get("/a", cache_control="only-if-cached")

    assert [each.status_code for each in answers] == [200, 200, 200]
    assert [told(each) for each in answers] == [UNAVAILABLE] * 3
    assert answers[1].text == "/a 2"
    assert nothing.status_code == 504
    [record] = [each for each in caplog.records if each.name == "modkit_redis.web"]
    assert record.getMessage().startswith("responses are not cached at present: ")
    assert record.getMessage().endswith("Redis is unavailable (refused)")


@pytest.mark.parametrize("policy", ["raise", "miss"])
def test_a_server_that_dies_and_comes_back_is_noticed_and_told_each_time(
    prefix: str, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "modkit_redis.web")
    server = EmbeddedServer()
    with server, site(server.addr, prefix, settings={"cache": {"on_outage": policy}}) as here:
        before = [told(here.get("/a")) for _ in range(2)]
        server.kill()
        during = here.get("/a")
        server.restart()
        after = [told(here.get("/a")) for _ in range(2)]
        server.kill()
        here.get("/a")

    assert before == ["fwd=uri-miss; stored", "hit"]
    assert (during.status_code, told(during)) == (200, UNAVAILABLE)
    assert after == ["fwd=uri-miss; stored", "hit"]
    assert sum(each.name == "modkit_redis.web" for each in caplog.records) == 2


@pytest.mark.parametrize("policy", ["raise", "miss"])
@pytest.mark.parametrize("wish", ["", "no-cache"])
def test_a_server_that_dies_while_a_response_is_made_costs_the_client_nothing(
    prefix: str, policy: str, wish: str
) -> None:
    gate, server = threading.Event(), EmbeddedServer()
    with server, site(server.addr, prefix, settings={"cache": {"on_outage": policy}}) as here:
        here.get("/warm")
        here.origin.reply("/a", gate=gate)
        with ThreadPoolExecutor(1) as threads:
            coming = threads.submit(here.get, "/a", cache_control=wish or "max-age=60")
            until_made(here.origin, "/a", 1)
            server.kill()
            gate.set()
            answer = coming.result(20)

    assert (answer.status_code, answer.text) == (200, "/a 1")


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedServer]:
    """A server that nobody else uses meanwhile: its reads are counted."""
    with EmbeddedServer() as embedded:
        load_scripts_at(embedded.addr)
        yield embedded


@pytest.fixture
def warm(own_server: EmbeddedServer, prefix: str) -> Iterator[Site]:
    with site(own_server.addr, prefix) as here:
        here.get("/warm")
        yield here


@pytest.fixture
def count(own_server: EmbeddedServer, warm: Site, prefix: str) -> Iterator[Counter]:
    with ServerWatch(own_server.addr) as watch:
        yield Counter(watch)


def test_a_hit_is_one_round_trip_and_so_is_304(warm: Site, count: Counter) -> None:
    tag = warm.get("/a").headers["etag"]
    count.begin()

    answers = [warm.get("/a"), warm.head("/a"), warm.get("/a", if_none_match=tag)]
    spent = count.spent()

    assert [told(each) for each in answers] == ["hit"] * 3
    assert spent == (3, ["MGET"] * 3)


def test_a_miss_is_four_round_trips(warm: Site, count: Counter) -> None:
    count.begin()
    warm.get("/a")
    spent = count.spent()

    assert spent == (4, ["MGET", "GET", "EVALSHA", "EVALSHA"])


def test_a_miss_is_five_where_the_response_says_that_it_lives_shorter(warm: Site, count: Counter) -> None:
    warm.origin.reply("/a", ("cache-control", "max-age=7"))
    count.begin()
    warm.get("/a")
    spent = count.spent()

    assert spent == (5, ["MGET", "GET", "EVALSHA", "EVALSHA", "EVALSHA"])


def test_a_reload_is_two_round_trips(warm: Site, count: Counter) -> None:
    warm.get("/a")
    count.begin()
    warm.get("/a", cache_control="no-cache")
    spent = count.spent()

    assert spent == (2, ["MGET", "SET"])


def test_what_cannot_be_stored_is_one_round_trip_after_the_first_time(
    own_server: EmbeddedServer, warm: Site, count: Counter
) -> None:
    with stock_client(own_server.addr) as admin:
        warm.forget(admin)
        warm.origin.reply("/a", ("cache-control", "no-store"))
        warm.get("/a")
        until_noted(admin, warm.prefix)
    count.begin()
    warm.get("/a")
    spent = count.spent()

    assert spent == (1, ["MGET"])


def test_what_passes_by_is_none(warm: Site, count: Counter) -> None:
    count.begin()
    warm.get("/a", cache_control="no-store")
    warm.client.post("/a")
    spent = count.spent()

    assert spent == (0, [])


def test_the_first_hit_of_a_process_is_two_round_trips(
    own_server: EmbeddedServer, warm: Site, count: Counter, prefix: str
) -> None:
    warm.get("/a")
    with site(own_server.addr, prefix) as there:
        there.get("/warm", cache_control="no-store")
        count.begin()
        answer = there.get("/a")
        spent = count.spent()

    assert told(answer) == "hit"
    assert [each for each in spent[1] if each in ("MGET", "GET", "EVALSHA")] == ["MGET", "GET"]
