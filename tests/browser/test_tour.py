"""All of it, one after the other, as somebody does who has just found it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from modkit_redis.contract import Limit
from tests.browser.shots import PHONE_AGENT, take, take_for_readme
from tests.browser.window import Window
from tests.webapps import webapp

pytestmark = pytest.mark.browser


def test_a_tour_of_everything_asks_this_origin_alone(
    addr: str, prefix: str, open_window: Callable[..., Window]
) -> None:
    choices = {
        "limit": Limit(5, timedelta(seconds=20), name="press"),
        "query_takes": timedelta(seconds=0.8),
    }
    with webapp(addr, prefix, **choices) as url:
        phone = open_window(url, user_agent=PHONE_AGENT)
        phone.sign_in("ada")
        window = open_window(url, viewport={"width": 1280, "height": 880})
        window.sign_in("ada")
        for each in ("#add", "#add", "#evict", "#ask", "#press", "#press", "#ask"):
            window.click(each)
        take_for_readme(window.page)
        take(window.page, "tour")

        assert {each.removeprefix(url) for each in window.requested} >= {
            "/",
            "/static/style.css",
            "/static/app.js",
            "/static/icon.svg",
            "/report",
        }
        assert window.strays() == []
        assert window.errors == []


def test_one_can_look_up_how_it_works_and_come_back(window: Window) -> None:
    window.page.click("text=How it works")
    window.find("h1:text('How it works')")
    take(window.page, "about")

    window.page.click("text=Back to the demonstration")

    window.find("#press")


def test_every_button_says_what_came_of_it(window: Window) -> None:
    window.sign_in("ada")
    ids = window.page.eval_on_selector_all("button:enabled", "all => all.map(each => each.id)")

    said = {each: window.click(f"#{each}") for each in sorted(ids, key=lambda each: each == "sign-out")}

    assert set(said) == {"sign-out", "add", "ask", "evict", "press"}
    assert all(said.values())
