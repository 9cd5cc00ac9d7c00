"""Requests that fail, come too late or overtake each other: no cookie takes the place of a newer one."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from tests.session_stores import Traces
from tests.web.session_sites import Browser, Site

NewSite = Callable[..., Site]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the web layer has warned of."""
    return [
        each.getMessage()
        for each in caplog.records
        if each.name == "modkit_redis.web" and each.levelno == logging.WARNING
    ]


def test_an_answer_that_failed_saves_nothing(new_site: NewSite, traces: Traces) -> None:
    browser = new_site(per_user_max=5).browser()
    browser.ask(["set", "n", 1])

    answer = browser.ask(["set", "n", 2], ["bind", "anna"], status=500)

    assert (answer.status, answer.set_cookie) == (500, [])
    assert browser.ask(["all"], ["about"]).out == {"all": {"n": 1}, "about": [None, "current", False]}


def test_an_answer_that_failed_begins_no_session(new_site: NewSite, traces: Traces) -> None:
    answer = new_site().browser().ask(["set", "n", 1], status=503)

    assert (answer.status, answer.set_cookie, traces.handles()) == (503, [], set())


def test_a_new_token_that_was_asked_for_is_given_by_an_answer_that_failed(
    new_site: NewSite, traces: Traces
) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])
    before = browser.token

    answer = browser.ask(["set", "n", 2], ["rotate"], status=500)

    assert answer.set_cookie and browser.token != before
    assert browser.ask(["all"]).out == {"all": {"n": 1}}


def test_an_answer_that_failed_signs_out_all_the_same(new_site: NewSite, traces: Traces) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])

    answer = browser.ask(["destroy"], ["set", "flash", "bye"], status=500)

    assert answer.set_cookie[1] == "Max-Age=0"
    assert traces.handles() == set()


def test_an_exception_saves_nothing_and_goes_on_to_the_server(
    new_site: NewSite, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])

    answer = browser.ask(["set", "n", 2], ["raise"])

    assert (answer.status, answer.set_cookie) == (500, [])
    assert traces.values(browser.handle) == {"n": b"1"}
    assert warnings(caplog) == []  # the exception says enough


@pytest.mark.parametrize("step", ["rotate", "destroy"])
def test_after_an_exception_the_old_token_opens_nothing_if_that_was_asked_for(
    new_site: NewSite, traces: Traces, step: str
) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])

    answer = browser.ask(["set", "n", 2], [step], ["raise"])

    assert (answer.status, answer.set_cookie) == (500, [])
    assert browser.ask(["all"]).out == {"all": {}}
    assert (traces.handles() == set()) == (step == "destroy")


def test_asvs_7_4_1_a_slow_request_in_flight_does_not_undo_a_sign_out(
    new_site: NewSite, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site()
    browser = site.browser()
    browser.ask(["set", "n", 1])
    token, handle = browser.token, browser.handle
    slow = site.under_way(site.browser(token), ["read", "n"], ["wait", "loaded"], ["set", "n", 2])
    site.gates.wait_for("loaded")
    browser.ask(["destroy"])

    site.gates.open("loaded")
    answer = slow.result(10)

    assert (answer.status, answer.out, answer.set_cookie) == (200, {"n": 1}, [])
    assert traces.handles() == set()
    assert site.browser(token).ask(["about"], ["all"]).out == {"about": [None, "gone", False], "all": {}}
    assert warnings(caplog) == [f"session {handle}: nothing was saved, it has ended (gone)"]


@pytest.mark.parametrize("step", [["set", "n", 2], ["rotate"], ["bind", "anna"]])
def test_whatever_a_slow_request_asks_for_after_a_sign_out_its_answer_sets_no_cookie(
    new_site: NewSite, traces: Traces, step: list[object]
) -> None:
    site = new_site(per_user_max=5)
    browser = site.browser()
    browser.ask(["set", "n", 1])
    slow = site.under_way(site.browser(browser.token), ["wait", "loaded"], step)
    site.gates.wait_for("loaded")
    browser.ask(["destroy"])

    site.gates.open("loaded")

    assert slow.result(10).set_cookie == []
    assert traces.handles() == set()


def test_a_sign_in_that_was_overtaken_is_not_answered_as_if_it_had_worked(
    new_site: NewSite, traces: Traces
) -> None:
    site = new_site(per_user_max=5, renewal_interval="10m")
    browser = site.browser()
    browser.ask(["set", "n", 1])
    slow = site.under_way(site.browser(browser.token), ["wait", "loaded"], ["bind", "anna"])
    site.gates.wait_for("loaded")
    traces.write(browser.handle, {"r": 1, "c": 1})
    browser.ask(["read", "n"])  # renews the token

    site.gates.open("loaded")
    answer = slow.result(10)

    assert (answer.status, answer.set_cookie) == (503, [])
    assert browser.ask(["bind", "anna"]).status == 200
    assert browser.ask(["about"]).out == {"about": ["anna", "current", False]}


def test_a_slow_request_does_not_replace_the_cookie_of_a_sign_in_that_overtook_it(
    new_site: NewSite, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(per_user_max=5)
    browser = site.browser()
    browser.ask(["set", "n", 1])
    slow = site.under_way(site.browser(browser.token), ["wait", "loaded"], ["set", "n", 2], ["rotate"])
    site.gates.wait_for("loaded")
    browser.ask(["bind", "anna"])

    site.gates.open("loaded")

    assert slow.result(10).set_cookie == []
    assert browser.ask(["about"], ["all"]).out == {"about": ["anna", "current", False], "all": {"n": 1}}
    [warning] = warnings(caplog)
    assert warning.endswith("its token was replaced (retired)")


def test_a_request_that_comes_with_a_replaced_token_saves_nothing_and_says_so(
    new_site: NewSite, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site()
    browser = site.browser()
    browser.ask(["set", "n", 1])
    late = site.browser(browser.token)
    browser.ask(["rotate"])

    answer = late.ask(["set", "n", 2], ["set", "m", 2])

    assert (answer.status, answer.set_cookie) == (200, [])
    assert traces.handles() == {browser.handle}
    assert traces.values(browser.handle) == {"n": b"1"}
    assert warnings(caplog) == ["session: 2 keys are not saved: the token was replaced"]


def test_nor_is_a_cookie_set_if_it_saves_by_itself(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])
    late = Browser(browser.client, browser.name, browser.token)
    browser.ask(["rotate"])

    answer = late.ask(["set", "n", 2], ["save"])

    assert answer.set_cookie == []
    [warning] = warnings(caplog)
    assert warning.endswith("its cookie is not set: the token that came was replaced")


def test_nor_does_one_whose_token_was_replaced_twice(new_site: NewSite, traces: Traces) -> None:
    site = new_site()
    browser = site.browser()
    browser.ask(["set", "n", 1])
    late = site.browser(browser.token)
    browser.ask(["rotate"])
    browser.ask(["rotate"])

    answer = late.ask(["about"], ["set", "n", 2])

    assert (answer.out, answer.set_cookie) == ({"about": [None, "retired", False]}, [])
    assert traces.handles() == {browser.handle}


def test_whoever_signs_in_with_a_replaced_token_gets_a_session_of_their_own(
    new_site: NewSite, traces: Traces
) -> None:
    site = new_site(per_user_max=5)
    browser = site.browser()
    browser.ask(["set", "n", 1])
    late = site.browser(browser.token)
    browser.ask(["rotate"])

    answer = late.ask(["set", "m", 1], ["bind", "anna"])

    assert answer.set_cookie
    assert late.handle != browser.handle
    assert late.ask(["about"], ["all"]).out == {"about": ["anna", "current", False], "all": {"m": 1}}


def test_asvs_7_4_1_whoever_signs_out_with_a_replaced_token_is_signed_out(
    new_site: NewSite, traces: Traces
) -> None:
    site = new_site()
    browser = site.browser()
    browser.ask(["set", "n", 1])
    late = site.browser(browser.token)
    browser.ask(["rotate"])

    answer = late.ask(["destroy"], ["set", "flash", "bye"])

    assert answer.set_cookie[1] == "Max-Age=0"
    assert traces.handles() == set()


def test_asvs_7_3_1_a_session_that_has_ended_is_followed_by_another_with_a_cookie(
    new_site: NewSite, traces: Traces
) -> None:
    site = new_site()
    browser = site.browser()
    browser.ask(["set", "n", 1])
    before = browser.handle
    traces.admin.unlink(traces.name(before))

    answer = browser.ask(["about"], ["all"], ["set", "n", 2])

    assert answer.out == {"about": [None, "gone", False], "all": {}}
    assert answer.set_cookie
    assert traces.handles() == {browser.handle} != {before}


def test_requests_at_the_same_time_that_change_different_keys_both_win(new_site: NewSite) -> None:
    site = new_site()
    browser = site.browser()
    browser.ask(["set", "n", 1])
    slow = site.under_way(site.browser(browser.token), ["wait", "loaded"], ["set", "slow", 1])
    site.gates.wait_for("loaded")
    browser.ask(["set", "quick", 1])

    site.gates.open("loaded")
    slow.result(10)

    assert browser.ask(["all"]).out == {"all": {"n": 1, "slow": 1, "quick": 1}}


def test_a_renewal_by_itself_is_given_once_and_lets_requests_under_way_finish(
    new_site: NewSite, traces: Traces
) -> None:
    site = new_site(renewal_interval="10m")
    browser = site.browser()
    browser.ask(["set", "n", 1])
    slow = site.under_way(site.browser(browser.token), ["wait", "loaded"], ["set", "n", 2])
    site.gates.wait_for("loaded")
    traces.write(browser.handle, {"r": 1, "c": 1})
    before = browser.token

    renewed = browser.ask(["read", "n"])
    site.gates.open("loaded")
    answer = slow.result(10)

    assert renewed.set_cookie and browser.token != before
    assert answer.set_cookie == []
    assert browser.ask(["all"], ["about"]).out == {"all": {"n": 2}, "about": [None, "current", False]}


def test_what_is_saved_by_the_application_itself_sets_its_cookie_as_well(
    new_site: NewSite, traces: Traces
) -> None:
    browser = new_site(per_user_max=5).browser()

    answer = browser.ask(["set", "n", 1], ["save"], ["bind", "anna"], ["save"])

    assert answer.set_cookie[0] == f"__Host-session={browser.token}"
    assert browser.ask(["about"]).out == {"about": ["anna", "current", False]}


def test_a_session_that_was_lost_after_it_was_replaced_sets_no_cookie(
    new_site: NewSite, traces: Traces
) -> None:
    site = new_site()
    browser = site.browser()
    browser.ask(["set", "n", 1])
    slow = site.under_way(
        site.browser(browser.token), ["rotate"], ["save"], ["wait", "saved"], ["set", "n", 2]
    )
    site.gates.wait_for("saved")
    traces.admin.unlink(traces.name(browser.handle))

    site.gates.open("saved")

    assert slow.result(10).set_cookie == []


def test_a_value_that_cannot_be_stored_is_an_error_of_the_application(
    new_site: NewSite, traces: Traces
) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])

    answer = browser.ask(["set", "n", 2], ["set", "long", "x" * 20_000])

    assert (answer.status, answer.set_cookie) == (500, [])
    assert traces.values(browser.handle) == {"n": b"1"}


def test_such_a_value_keeps_nobody_from_signing_out(new_site: NewSite, traces: Traces) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])

    answer = browser.ask(["destroy"], ["set", "long", "x" * 20_000])

    assert answer.status == 500
    assert traces.handles() == set()
