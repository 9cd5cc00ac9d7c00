"""The button that may be pressed only so often, and the report that is cached."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from modkit_redis.contract import Limit
from tests.browser.shots import take
from tests.browser.window import Window
from tests.support import wait_until
from tests.webapps import webapp

pytestmark = pytest.mark.browser


def test_the_quota_is_used_up_and_recovers_by_itself(
    addr: str, prefix: str, open_window: Callable[..., Window]
) -> None:
    with webapp(addr, prefix, limit=Limit(3, timedelta(seconds=3), name="press")) as url:
        window = open_window(url, expects=(429,))
        wait_until(lambda: "Refused" in window.click("#press"), "a refusal", 10)
        take(window.page, "refused")

        assert "One more in" in window.text("#quota")
        window.find("#quota >> text=All of them are there.")
        assert window.text("[data-left]") == "3"
        assert window.page.locator(".pips .on").count() == 3
        assert "2 more now" in window.click("#press")


def test_what_is_left_counts_up_while_one_waits(window: Window) -> None:
    window.click("#press", "4 more now")

    assert window.text("[data-left]") == "4"
    window.find("[data-left]:text-is('5')")


def test_the_report_tells_whether_it_was_cached(window: Window) -> None:
    badges = [window.click(each) and badge(window) for each in ("#ask", "#ask", "#evict", "#ask")]
    take(window.page, "report")

    assert badges == ["miss", "hit", "", "miss"]


def badge(window: Window) -> str:
    return window.text("#badge") if window.page.locator("#badge").count() else ""


def test_an_old_report_says_so(addr: str, prefix: str, open_window: Callable[..., Window]) -> None:
    quick = {"fresh_for": timedelta(milliseconds=50), "query_takes": timedelta(0)}
    with webapp(addr, prefix, **quick) as url:
        window = open_window(url)
        window.click("#ask", "the query ran")

        wait_until(lambda: bool(window.click("#ask")) and badge(window) == "stale", "an old report", 10)
        take(window.page, "stale")


def test_the_panel_shows_what_the_click_cost(window: Window) -> None:
    window.sign_in("ada")
    window.click("#press")

    costs = window.text(".costs")
    assert "POST /press" in costs
    assert "ratelimit:g:press:{ip:127.0.0.1}" in costs
    assert "2 round trips" in costs  # the session is read, the limit is asked
    assert (window.token() or "").partition(".")[2] not in window.page.content()
