"""The example application, as programs see it; ``tests/browser`` is what people do with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.webapp.guard import HEADERS
from examples.webapp.options import SWITCHES
from modkit_redis.contract import Limit
from modkit_redis.testing import EmbeddedServer
from tests.support import wait_until
from tests.web.serving import http_client
from tests.webapps import webapp

pytestmark = pytest.mark.once

FEATURES = Path(__file__).parents[2] / "examples" / "webapp" / "features"
HTML = {"Accept": "text/html"}


@pytest.fixture
def url(addr: str, prefix: str) -> Iterator[str]:
    with webapp(addr, prefix) as url:
        yield url


@pytest.fixture
def visitor(url: str) -> Iterator[httpx.Client]:
    with visiting(url) as client:
        yield client


def visiting(url: str) -> httpx.Client:
    client = http_client(url)
    client.headers.update(HTML)
    client.follow_redirects = True
    return client


def post(client: httpx.Client, path: str, **fields: str) -> str:
    answer = client.post(path, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.text


def said(page: str) -> str:
    found = re.search(r'data-said="([^"]*)"', page)
    assert found
    return found[1]


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


def test_the_panel_shows_commands_and_keys_and_no_secret(visitor: httpx.Client) -> None:
    page = post(visitor, "/sign-in", name="lovelace")

    panel = page[page.index('id="commands-title"') :]
    handle, _, secret = visitor.cookies["session"].partition(".")
    assert "<code>POST /sign-in</code>" in panel
    assert re.search(r'<span class="trips">\d+ round trips</span>', panel)
    assert f"<span>session:{handle[:4]}…</span>" in panel
    assert "<span>session:user:l…</span>" in panel
    assert secret not in page
    assert "lovelace" not in panel


def test_names_are_escaped(visitor: httpx.Client) -> None:
    page = post(visitor, "/sign-in", name="<script>alert(1)</script>")

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


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


FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_form_of_another_site_is_refused(visitor: httpx.Client, headers: dict[str, str]) -> None:
    assert visitor.post("/count", headers=headers).status_code == 403
    assert "session" not in visitor.cookies


def test_a_form_of_the_page_itself_is_taken(visitor: httpx.Client, url: str) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin", "Origin": url}, {"Origin": url}, {}):
        assert visitor.post("/count", headers=headers).status_code == 200


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


@pytest.mark.parametrize("path", ["/", "/about", "/static/app.js", "/nowhere", "/count"])
def test_every_answer_has_the_strict_headers(visitor: httpx.Client, path: str) -> None:
    answer = visitor.get(path)

    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_while_redis_is_away_the_page_says_so_and_no_cookie_is_lost(
    private_server: EmbeddedServer,
) -> None:
    with webapp(private_server.addr, "away") as url, visiting(url) as visitor:
        post(visitor, "/sign-in", name="ada")
        token = visitor.cookies["session"]
        private_server.stop()

        page = visitor.get("/")
        clicked = {path: visitor.post(path) for path in ("/count", "/report", "/report/evict", "/press")}

        assert (page.status_code, 'data-state="down"' in page.text) == (200, True)
        assert {each.status_code for each in clicked.values()} == {200}
        assert "Not counted" in said(clicked["/count"].text)
        assert 'id="badge">direct<' in clicked["/report"].text
        assert "Nothing was evicted" in said(clicked["/report/evict"].text)
        assert "uncounted" in said(clicked["/press"].text)
        assert visitor.cookies["session"] == token

        private_server.restart()
        wait_until(lambda: 'data-state="up"' in visitor.get("/").text, "Redis is back")
        assert visitor.cookies["session"] == token
        wait_until(lambda: "round trip" in visitor.get("/").text, "commands are shown again")


def test_features_know_the_contract_and_the_web_and_no_other_feature() -> None:
    allowed = ("modkit_redis.contract", "modkit_redis.web", "fastapi", "dependency_injector.wiring")
    foreign = {
        (path.name, name)
        for path in FEATURES.glob("*.py")
        if path.name != "__init__.py"
        for name in imported(path)
        if name.split(".")[0] in ("modkit_redis", "examples", "dependency_injector", "starlette", "redis")
        and not name.startswith((*allowed, "examples.webapp.clicks"))
    }

    assert foreign == set()


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def test_its_files_are_short() -> None:
    lengths = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in FEATURES.parent.rglob("*")
        if path.suffix in (".py", ".html", ".js", ".css")
    }

    assert {name: lines for name, lines in lengths.items() if lines >= 200} == {}
