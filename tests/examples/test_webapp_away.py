"""The example application while Redis is away."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest
import redis

from examples.webapp.features import counter
from modkit_redis.testing import EmbeddedServer
from tests.support import wait_until
from tests.webapps import post, said, visiting, webapp

pytestmark = pytest.mark.once


def test_while_redis_is_away_the_page_says_so_and_no_cookie_is_lost(
    private_server: EmbeddedServer,
) -> None:
    with webapp(private_server.addr, "away") as url, visiting(url) as visitor:
        post(visitor, "/sign-in", name="ada")
        token = visitor.cookies["session"]
        private_server.stop()

        page = visitor.get("/")
        paths = ("/sign-in", "/sign-out", "/count", "/report", "/report/evict", "/press")
        clicked = {path: visitor.post(path, data={"name": "bob"}) for path in paths}

        assert (page.status_code, 'data-state="down"' in page.text) == (200, True)
        assert {each.status_code for each in clicked.values()} == {200}
        for each in ("Read-only", "The cache is away", "Presses pass uncounted"):
            assert each in page.text
        assert said(clicked["/sign-in"].text) == "Nobody can sign in while Redis is away."
        assert said(clicked["/sign-out"].text) == "Nobody can sign out while Redis is away."
        assert "Not counted" in said(clicked["/count"].text)
        assert 'id="badge">direct<' in clicked["/report"].text
        assert "Nothing was evicted" in said(clicked["/report/evict"].text)
        assert "uncounted" in said(clicked["/press"].text)
        assert visitor.cookies["session"] == token

        private_server.restart()
        wait_until(lambda: 'data-state="up"' in visitor.get("/").text, "Redis is back")
        assert visitor.cookies["session"] == token
        wait_until(lambda: "round trip" in visitor.get("/").text, "commands are shown again")


def test_what_is_cut_short_by_an_outage_is_told_with_the_page(
    private_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(values: MutableMapping[str, Any]) -> None:
        values["count"] = 1
        private_server.stop()

    with webapp(private_server.addr, "away") as url, visiting(url) as visitor:
        post(visitor, "/sign-in", name="ada")
        monkeypatch.setattr(counter, "increment", stop)

        answer = visitor.post("/count")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert said(answer.text) == "That could not be done: Redis is away."
    assert "session" in visitor.cookies


def test_a_session_that_ends_meanwhile_is_told_with_the_page(
    private_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(values: MutableMapping[str, Any]) -> None:
        values["count"] = 1
        with redis.Redis(port=private_server.port) as admin:
            admin.flushall()

    with webapp(private_server.addr, "away") as url, visiting(url) as visitor:
        post(visitor, "/sign-in", name="ada")
        monkeypatch.setattr(counter, "increment", end)

        page = post(visitor, "/count")

    assert said(page) == "This session was ended elsewhere; nothing was done."
    assert 'id="who"' not in page
