"""Signing in and out, in windows and tabs."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.browser.shots import PHONE_AGENT, take
from tests.browser.window import Window
from tests.webapps import webapp

pytestmark = pytest.mark.browser


def test_signing_in_shows_who_is_signed_in_and_the_device(window: Window) -> None:
    take(window.page, "anonymous")
    window.sign_in("ada")

    assert window.said == "You are signed in as ada, with a new token."
    assert window.text("#live") == window.said
    assert "Chrome on Linux" in window.text("#devices")


def test_the_browser_keeps_the_cookie_from_scripts_and_other_sites(window: Window) -> None:
    window.sign_in("ada")

    cookie = window.cookies()["session"]
    del cookie["value"]
    assert cookie == {
        "name": "session",
        "domain": "127.0.0.1",
        "path": "/",
        "expires": -1,
        "httpOnly": True,
        "secure": False,
        "sameSite": "Lax",
    }
    assert window.page.evaluate("document.cookie") == ""


def test_signing_in_replaces_the_token_and_keeps_the_session(window: Window, url: str) -> None:
    window.click("#add", "counts 1")
    before = window.token()
    window.sign_in("ada")

    assert window.token() not in (None, before)
    assert window.text("#count") == "1"
    with_the_old_one = httpx.get(url, headers={"Cookie": f"session={before}"}).text
    assert 'id="who"' not in with_the_old_one


def test_signing_out_deletes_the_cookie(window: Window) -> None:
    window.sign_in("ada")
    window.click("#sign-out", "signed out")

    assert window.token() is None


def test_signing_out_in_one_tab_ends_the_others_session(window: Window) -> None:
    window.sign_in("ada")
    other = window.new_tab()
    assert other.inner_text("#who") == "ada"
    window.click("#sign-out", "signed out")

    other.click("#add")

    other.locator("#who").wait_for(state="detached")
    assert other.inner_text("#count") == "1"  # a new session has begun


def test_a_device_that_is_revoked_is_signed_out(url: str, open_window: Callable[..., Window]) -> None:
    laptop, phone = open_window(url), open_window(url, user_agent=PHONE_AGENT)
    phone.sign_in("ada")
    laptop.sign_in("ada")
    take(laptop.page, "devices")

    laptop.click("text=Sign out >> nth=1", "That device is signed out.")
    phone.page.reload()

    assert "Safari on iPhone" not in laptop.text("#devices")
    assert phone.page.locator("#who").count() == 0
    assert laptop.text("#who") == "ada"


def test_signing_out_everywhere_else_keeps_this_device(url: str, open_window: Callable[..., Window]) -> None:
    laptop, phone = open_window(url), open_window(url)
    phone.sign_in("ada")
    laptop.sign_in("ada")

    laptop.click("#others", "1 other device is signed out.")
    phone.click("#add")

    assert phone.page.locator("#who").count() == 0
    assert laptop.text("#who") == "ada"


def test_two_tabs_at_once_lose_no_count(window: Window) -> None:
    window.click("#add", "counts 1")
    tabs = [window.page, window.new_tab()]
    for _ in range(5):
        for each in tabs:
            each.evaluate("document.getElementById('add').click()")
        for each in tabs:
            each.locator("[aria-busy]").wait_for(state="detached")

    window.page.reload()

    assert window.text("#count") == "11"


def test_sessions_can_be_left_out(addr: str, prefix: str, open_window: Callable[..., Window]) -> None:
    with webapp(addr, prefix, without=frozenset({"sessions"})) as url:
        window = open_window(url)
        take(window.page, "without-sessions")

        assert "--without sessions" in window.text("main")
        window.click("#ask")
        assert window.cookies().keys() <= {"click"}
