"""The example application, as programs see it; ``tests/browser`` is what people do with it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from examples.webapp.options import SWITCHES
from modkit_redis.contract import Limit
from tests.support import wait_until
from tests.webapps import post, said, visiting, webapp

pytestmark = pytest.mark.once


def test_a_visitor_signs_in_counts_and_signs_out(visitor: httpx.Client) -> None:
    post(visitor, "/count")
    anonymous = visitor.cookies["session"]
    post(visitor, "/sign-in", name=" ada ")
    signed_in = visitor.cookies["session"]

    page = post(visitor, "/count")

    assert anonymous != signed_in
    assert said(page) == "Counted to 2."
    assert '<span class="name" id="who">ada</span>' in page
    assert said(post(visitor, "/sign-out")).startswith("You are signed out")
    assert "session" not in visitor.cookies


def test_what_came_of_a_click_is_shown_once(visitor: httpx.Client) -> None:
    post(visitor, "/count")

    assert said(visitor.get("/").text) == ""


@pytest.mark.parametrize("name", ["", "   ", "x" * 41])
def test_a_name_that_cannot_be_one_is_refused_with_the_page(visitor: httpx.Client, name: str) -> None:
    answer = visitor.post("/sign-in", data={"name": name})

    assert answer.status_code == 422
    assert said(answer.text) == "Please enter a name of 1 to 40 characters."
    assert "session" not in visitor.cookies


def test_another_name_is_another_session(visitor: httpx.Client) -> None:
    post(visitor, "/sign-in", name="ada")
    post(visitor, "/count")

    page = post(visitor, "/sign-in", name="bob")

    assert '<b id="count">0</b>' in page
    assert '<span class="name" id="who">bob</span>' in page


def handles(page: str) -> list[str]:
    return re.findall(r'name="handle" value="([^"]+)"', page)


def test_a_device_is_revoked_by_its_user_alone(visitor: httpx.Client, url: str) -> None:
    with visiting(url) as phone, visiting(url) as mallory:
        post(phone, "/sign-in", name="ada")
        [handle] = handles(post(visitor, "/sign-in", name="ada"))
        post(mallory, "/sign-in", name="mallory")

        page = post(mallory, "/devices/revoke", handle=handle)
        assert said(page) == "There is no such device any more."
        assert 'id="who">ada<' in phone.get("/").text

        page = post(visitor, "/devices/revoke", handle=handle)
        assert (said(page), handles(page)) == ("That device is signed out.", [])
        assert 'id="who"' not in phone.get("/").text


def test_all_other_devices_are_signed_out(visitor: httpx.Client, url: str) -> None:
    with visiting(url) as phone, visiting(url) as tablet:
        for each in (phone, tablet, visitor):
            post(each, "/sign-in", name="ada")

        page = post(visitor, "/devices/others")

        assert said(page) == "2 other devices are signed out."
        assert 'id="who">ada<' in page
        assert 'id="who"' not in phone.get("/").text + tablet.get("/").text


def test_devices_are_for_who_is_signed_in(visitor: httpx.Client) -> None:
    answer = visitor.post("/devices/others")

    assert answer.status_code == 401
    assert said(answer.text) == "Refused. You are not signed in."


def test_the_report_is_a_miss_then_a_hit_and_a_miss_when_evicted(visitor: httpx.Client) -> None:
    assert 'id="badge">miss<' in post(visitor, "/report")
    assert 'id="badge">hit<' in post(visitor, "/report")
    assert said(post(visitor, "/report/evict")) == "The result is evicted."
    assert 'id="badge">miss<' in post(visitor, "/report")


def test_an_old_report_is_shown_while_a_new_one_is_made(addr: str, prefix: str) -> None:
    with (
        webapp(addr, prefix, fresh_for=timedelta(milliseconds=50), query_takes=timedelta(0)) as url,
        visiting(url) as visitor,
    ):
        post(visitor, "/report")

        wait_until(lambda: 'id="badge">stale<' in post(visitor, "/report"), "an old report")


def test_too_many_presses_are_refused_with_the_page(addr: str, prefix: str) -> None:
    limit = Limit(2, timedelta(minutes=1), name="press")
    with webapp(addr, prefix, limit=limit) as url, visiting(url) as visitor:
        left = [said(post(visitor, "/press")) for _ in range(2)]
        answer = visitor.post("/press")
        program = visitor.post("/press", headers={"Accept": "application/json"})

    assert left == ["Pressed. 1 more now.", "Pressed. That was the last one for now."]
    assert answer.status_code == 429
    assert said(answer.text) == f"Refused: try again in {answer.headers['retry-after']} s."
    assert answer.headers["ratelimit"].startswith('"press";r=0')
    assert (program.status_code, program.json()["violated-policies"]) == (429, ["press"])


@pytest.mark.parametrize("without", SWITCHES)
def test_each_capability_can_be_left_out(addr: str, prefix: str, without: Any) -> None:
    forms = {"sessions": "/sign-in", "cache": "/report", "limits": "/press", "commands": None}
    with webapp(addr, prefix, without=frozenset({without})) as url, visiting(url) as visitor:
        page = visitor.get("/").text
        statuses = {
            switch: visitor.post(path, data={"name": "ada"}).status_code
            for switch, path in forms.items()
            if path
        }

    assert re.findall(r"<code>--without (\w+)</code>", page) == [without]
    assert {switch for switch, status in statuses.items() if status == 404} == {without} - {"commands"}


def test_one_page_is_made_once_for_everybody(visitor: httpx.Client, url: str) -> None:
    post(visitor, "/sign-in", name="ada")
    with visiting(url) as other:
        post(other, "/count")  # whoever has no cookie is answered apart
        first, second = visitor.get("/about"), other.get("/about")
        unchanged = other.get("/about", headers={"If-None-Match": second.headers["etag"]})

    assert first.headers["cache-status"] == "modkit-redis; fwd=uri-miss; stored"
    assert (second.headers["cache-status"], second.text) == ("modkit-redis; hit", first.text)
    assert unchanged.status_code == 304
    assert "ada" not in re.findall(r"<main.*</main>", first.text, re.DOTALL)[0].split()
