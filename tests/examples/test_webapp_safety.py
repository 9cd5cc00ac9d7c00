"""The example application keeps its pages and its users' secrets to itself."""

from __future__ import annotations

import re

import httpx
import pytest

from examples.webapp.guard import HEADERS
from tests.webapps import post

pytestmark = pytest.mark.once


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


@pytest.mark.parametrize("path", ["/", "/about", "/static/app.js", "/nowhere", "/count"])
def test_every_answer_has_the_strict_headers(visitor: httpx.Client, path: str) -> None:
    answer = visitor.get(path)

    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
