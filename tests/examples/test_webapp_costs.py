"""What the example application tells of the cost of a click."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import redis

from examples.webapp import watching
from examples.webapp.clicks import Clicks
from examples.webapp.options import Options
from examples.webapp.watching import Commands
from modkit_redis import RedisSettings
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.webapps import visiting, webapp

pytestmark = pytest.mark.once


def watch(server: EmbeddedServer, **choices: bool) -> Commands:
    settings = RedisSettings(addr=server.addr, key_prefix="shop", client_name="shop")
    return Commands(Options(redis=settings, **choices))  # type: ignore[arg-type]  # they are


def client(server: EmbeddedServer) -> redis.Redis:
    return redis.Redis(port=server.port, client_name="shop", protocol=2)


def test_commands_are_shown_with_their_keys_and_without_values(private_server: EmbeddedServer) -> None:
    commands = watch(private_server)
    with client(private_server) as shop:
        shop.ping()
        mark = commands.mark()
        shop.set("shop:cache:a", "shop: value")
        shop.mget("shop:cache:a", "shop:session:0123456789abcdef")
        shop.ping()  # a health check is nobody's click
        shop.eval("return 1", 2, "shop:cache:a", "shop:cache:b", "shop:cache:value", "shop: value")
        shop.zadd("shop:session:user:ada", {"0123456789abcdef": 1})
        cost = commands.since(mark)
    commands.close()

    assert cost
    assert [(each.name, each.keys) for each in cost.commands] == [
        ("SET", ("cache:a",)),
        ("MGET", ("cache:a", "session:0123…")),
        ("EVAL", ("cache:a", "cache:b")),
        ("ZADD", ("session:user:a…",)),
    ]
    assert cost.trips == 4


def test_round_trips_of_a_shared_server_are_not_told(private_server: EmbeddedServer) -> None:
    commands = watch(private_server, is_shared=True)
    with client(private_server) as shop:
        mark = commands.mark()
        shop.get("shop:cache:a")
        cost = commands.since(mark)
    commands.close()

    assert cost and (len(cost.commands) >= 1, cost.trips) == (True, None)


def test_after_an_outage_what_was_before_is_not_known(
    private_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_COOLDOWN_S", 0)
    commands = watch(private_server)
    before = commands.mark()
    private_server.restart()

    assert commands.since(before) is None
    now = commands.mark()
    assert commands.since(before) is None
    assert commands.since(now)
    commands.close()


def test_no_more_is_kept_than_a_bound(
    private_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_KEPT", 3)
    commands = watch(private_server)
    with client(private_server) as shop:
        shop.ping()
        first = commands.mark()
        for _ in range(5):
            shop.get("shop:cache:a")
        second = commands.mark()
        shop.get("shop:cache:b")
        costs = [commands.since(each) for each in (first, second)]
    commands.close()

    assert [len(each.commands) for each in costs if each] == [3, 1]


async def test_requests_at_the_same_time_are_counted() -> None:
    clicks = Clicks(None)
    async with clicks.serving("one") as one:
        async with clicks.serving("two") as two:
            pass
        async with clicks.serving("three"):
            pass
    async with clicks.serving("four") as four:
        pass

    assert (one.others, two.others, four.others) == (2, 1, 0)


def test_what_no_page_has_shown_is_forgotten_in_the_end() -> None:
    async def keep() -> list[str]:
        found = []
        for number in range(201):
            async with clicks.serving(str(number)) as click:
                found.append(clicks.keep(click))
        return found

    clicks = Clicks(None)
    names = asyncio.run(keep())

    assert clicks.take(names[0]) is None
    assert clicks.take(names[-1])


def test_a_click_costs_what_the_panel_says(private_server: EmbeddedServer) -> None:
    with webapp(private_server.addr, "costs") as url, visiting(url) as visitor:
        visitor.post("/sign-in", data={"name": "ada"})

        panel = trips(visitor.post("/press"))

    assert panel == ["POST /press: 2 round trips", "GET /: 5 round trips"]


def test_files_and_health_checks_ask_for_no_session(private_server: EmbeddedServer) -> None:
    with (
        webapp(private_server.addr, "files") as url,
        visiting(url) as visitor,
        ServerWatch(private_server.addr, client_name="files") as seen,
    ):
        visitor.post("/count")
        seen.commands()

        answers = [visitor.get(f"/static/{name}") for name in ("style.css", "app.js", "icon.svg")]
        ready = visitor.get("/health/ready")

        assert [each.status_code for each in (*answers, ready)] == [200] * 4
        assert seen.commands() == ["PING"]


def trips(answer: httpx.Response) -> list[str]:
    lines = [line.strip() for line in answer.text.splitlines()]
    titles = [line.split("<code>")[1].split("</code>")[0] for line in lines if line.startswith("<h3>")]
    counts = [line.split(">")[1].split("<")[0] for line in lines if line.startswith('<span class="trips">')]
    return [f"{title}: {count}" for title, count in zip(titles, counts, strict=True)]
