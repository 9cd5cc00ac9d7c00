"""What changes a session after its answer has begun: streams, server-sent events, background tasks."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.session_stores import Traces
from tests.web.session_sites import Site
from tests.web.test_session_races import warnings

NewSite = Callable[..., Site]


def test_a_stream_saves_what_it_says_it_saves(new_site: NewSite, traces: Traces) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])

    answer = browser.ask(["set", "n", 2], after=[["set", "n", 3], ["save"]])

    assert (answer.status, answer.set_cookie) == (200, [])
    assert traces.values(browser.handle) == {"n": b"3"}


def test_what_a_stream_does_not_save_is_dropped_and_said(
    new_site: NewSite, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1], ["set", "list", []])

    browser.ask(after=[["set", "n", 2], ["append", "list", 1]])

    assert traces.values(browser.handle)["n"] == b"1"
    assert warnings(caplog) == [
        f"session {browser.handle}: 2 keys are not saved: after the answer has begun, call save()"
    ]


def test_so_it_is_if_the_stream_fails(
    new_site: NewSite, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site()
    browser = site.browser()
    browser.ask(["set", "n", 1])

    with pytest.raises(httpx.RemoteProtocolError):
        site.browser(browser.token).ask(after=[["set", "n", 2], ["raise"]])

    assert traces.values(browser.handle) == {"n": b"1"}
    assert len(warnings(caplog)) == 1


def test_a_stream_that_only_reads_is_no_news(new_site: NewSite, caplog: pytest.LogCaptureFixture) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])

    assert browser.ask(after=[["all"]]).out == {"all": {"n": 1}}

    assert warnings(caplog) == []


@pytest.mark.parametrize("step", [["rotate"], ["bind", "anna"]])
def test_no_token_is_replaced_when_no_cookie_can_be_set_any_more(
    new_site: NewSite, traces: Traces, step: list[object]
) -> None:
    browser = new_site(per_user_max=5).browser()
    browser.ask(["set", "n", 1])

    answer = browser.ask(after=[["try", step], ["set", "n", 2], ["save"]])

    assert answer.out["error"][0] == "ArgumentError"
    assert "Do it before the answer begins" in answer.out["error"][1]
    assert browser.ask(["about"], ["all"]).out == {"about": [None, "current", False], "all": {"n": 2}}


def test_no_session_begins_when_no_cookie_can_be_set_any_more(
    new_site: NewSite, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    answer = new_site().browser().ask(after=[["set", "n", 1], ["try", ["save"]]])

    assert answer.out["error"][0] == "ArgumentError"
    assert traces.handles() == set()
    assert warnings(caplog) == [
        "session (none): 1 keys are not saved: after the answer has begun, call save()"
    ]


def test_no_token_is_renewed_by_itself_when_no_cookie_can_be_set_any_more(
    new_site: NewSite, traces: Traces
) -> None:
    site = new_site(renewal_interval="10m")
    browser = site.browser()
    browser.ask(["set", "n", 1])
    traces.write(browser.handle, {"r": 1, "c": 1})

    answer = browser.ask(["read", "n"], status=500, after=[["set", "n", 2], ["save"]])

    assert answer.set_cookie == []
    assert traces.counted(browser.handle) == (2, 0)
    assert browser.ask(["all"]).set_cookie  # the next request renews it


@pytest.mark.parametrize("saves", [True, False])
def test_a_stream_can_end_the_session(new_site: NewSite, traces: Traces, *, saves: bool) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])

    browser.ask(after=[["destroy"], *([["save"]] if saves else [])])

    assert traces.handles() == set()
