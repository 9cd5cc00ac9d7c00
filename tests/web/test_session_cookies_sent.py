"""When a cookie is set or deleted, how, and what else an answer says then (ASVS 3.3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modkit_redis.contract import SessionToken
from modkit_redis.session.tokens import new_token
from modkit_redis.web import SessionCookie
from tests.session_stores import Traces
from tests.web.session_sites import Site

NewSite = Callable[..., Site]


def test_asvs_3_3_a_session_begins_with_a_cookie_for_https_this_host_and_no_scripts(
    new_site: NewSite, traces: Traces
) -> None:
    browser = new_site().browser()

    answer = browser.ask(["set", "cart", [1]])

    first, *attributes = answer.set_cookie
    assert first == f"__Host-session={browser.token}"
    assert attributes == ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"]
    assert traces.handles() == {browser.handle}
    assert browser.ask(["all"]).out == {"all": {"cart": [1]}}


def test_a_request_that_sets_nothing_begins_none_and_gets_no_cookie(
    new_site: NewSite, traces: Traces
) -> None:
    browser = new_site().browser()

    answer = browser.ask(["read", "cart"], ["about"])

    assert answer.out == {"cart": None, "about": [None, "none", False]}
    assert answer.set_cookie == []
    assert traces.handles() == set()


@pytest.mark.parametrize("step", [["read", "n"], ["set", "n", 2], ["del", "n"], ["append", "list", 1]])
def test_reading_and_writing_set_no_cookie(new_site: NewSite, step: list[object]) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1], ["set", "list", []])
    token = browser.token

    answer = browser.ask(step)

    assert answer.set_cookie == []
    assert browser.token == token
    assert answer.header("cache-control") is None


def test_asvs_7_2_4_signing_in_replaces_the_token(new_site: NewSite, traces: Traces) -> None:
    site = new_site(per_user_max=5)
    browser = site.browser()
    browser.ask(["set", "cart", [1]])
    before, handle = browser.token, browser.handle

    answer = browser.ask(["bind", "anna"])

    assert answer.set_cookie[0] == f"__Host-session={browser.token}"
    assert (browser.token != before, browser.handle) == (True, handle)
    assert traces.live_tokens(handle) == 1
    assert browser.ask(["about"], ["all"]).out == {
        "about": ["anna", "current", False],
        "all": {"cart": [1]},
    }
    assert site.browser(before).ask(["about"]).out == {"about": [None, "retired", False]}


def test_asvs_7_2_4_a_change_of_rights_replaces_the_token(new_site: NewSite) -> None:
    browser = new_site().browser()
    browser.ask(["set", "role", "user"])
    before = browser.token

    answer = browser.ask(["set", "role", "admin"], ["rotate"])

    assert answer.set_cookie and browser.token != before
    assert browser.ask(["read", "role"]).out == {"role": "admin"}


@pytest.mark.parametrize(
    "cookie",
    [
        SessionCookie(),
        SessionCookie.for_development(),
        SessionCookie(name="__Secure-s", domain="shop.example", path="/a", same_site="strict"),
        SessionCookie(name="s", partitioned=True, same_site="none", max_age=True),
    ],
    ids=lambda cookie: cookie.name,
)
def test_asvs_7_4_1_signing_out_ends_the_session_and_deletes_the_cookie_as_it_was_set(
    new_site: NewSite, traces: Traces, cookie: SessionCookie
) -> None:
    browser = new_site(cookie=cookie).browser()
    given = browser.ask(["set", "n", 1]).set_cookie

    deleted = browser.ask(["destroy"]).set_cookie

    kept = [each for each in given[1:] if not each.startswith("Max-Age")]
    assert deleted == [f"{cookie.name}=", "Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT", *kept]
    assert traces.handles() == set()
    assert browser.token is None


def test_what_is_set_after_signing_out_begins_another_session(new_site: NewSite, traces: Traces) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])
    before = browser.handle

    browser.ask(["destroy"], ["set", "flash", "bye"])

    assert traces.handles() == {browser.handle} != {before}
    assert browser.ask(["all"]).out == {"all": {"flash": "bye"}}


def test_signing_out_without_a_session_deletes_a_cookie_that_came_and_no_other(new_site: NewSite) -> None:
    site = new_site()

    assert site.browser().ask(["destroy"]).set_cookie == []
    assert site.browser("malformed").ask(["destroy"]).set_cookie[:2] == ["__Host-session=", "Max-Age=0"]
    assert site.browser(new_token()).ask(["destroy"]).set_cookie[:2] == ["__Host-session=", "Max-Age=0"]


def test_asvs_3_3_5_a_cookie_is_far_shorter_than_4096_bytes(new_site: NewSite) -> None:
    answer = new_site().browser().ask(*[["set", f"key{n}", "x" * 1000] for n in range(60)])

    assert len("; ".join(answer.set_cookie)) < 200


def test_max_age_says_when_the_session_ends_at_the_latest(new_site: NewSite) -> None:
    browser = new_site(absolute_ttl="2h", cookie=SessionCookie(max_age=True)).browser()

    [age] = [each for each in browser.ask(["set", "n", 1]).set_cookie if each.startswith("Max-Age=")]

    assert 7200 - 60 < int(age.removeprefix("Max-Age=")) <= 7200


def test_asvs_7_3_2_a_cookie_that_stays_longer_extends_nothing(new_site: NewSite, traces: Traces) -> None:
    browser = new_site(cookie=SessionCookie(max_age=True)).browser()
    browser.ask(["set", "n", 1])
    traces.write(browser.handle, {"x": 1, "c": 1})

    answer = browser.ask(["all"])

    assert answer.out == {"all": {}}


def test_an_unknown_token_is_never_adopted(new_site: NewSite, traces: Traces) -> None:
    planted = new_token()
    browser = new_site().browser(planted)

    browser.ask(["set", "n", 1])

    assert traces.handles() == {browser.handle}
    assert browser.handle != SessionToken(planted).handle


def test_fixation_whoever_planted_a_token_is_not_signed_in_with_it(new_site: NewSite) -> None:
    site = new_site(per_user_max=5)
    attacker = site.browser()
    attacker.ask(["set", "n", 1])
    victim = site.browser(attacker.token)

    victim.ask(["bind", "anna"])

    assert victim.ask(["about"]).out == {"about": ["anna", "current", False]}
    assert attacker.ask(["about"]).out == {"about": [None, "retired", False]}


def test_a_token_that_is_renewed_by_itself_is_told_as_any_other(new_site: NewSite, traces: Traces) -> None:
    browser = new_site(renewal_interval="10m").browser()
    browser.ask(["set", "n", 1])
    traces.write(browser.handle, {"r": 1, "c": 1})

    answer = browser.ask()

    assert answer.set_cookie
    assert (answer.header("vary"), answer.header("cache-control")) == ("Cookie", "no-store")


def test_two_workers_share_sessions_and_their_ends(new_site: NewSite) -> None:
    one, other = new_site(), new_site()
    browser = one.browser()
    browser.ask(["set", "n", 1])
    elsewhere = other.browser(browser.token)

    assert elsewhere.ask(["all"], ["set", "n", 2]).out == {"all": {"n": 1}}
    assert browser.ask(["all"]).out == {"all": {"n": 2}}
    elsewhere.ask(["destroy"])
    assert browser.ask(["about"]).out == {"about": [None, "gone", False]}


def test_the_token_is_read_from_the_cookie_alone(new_site: NewSite) -> None:
    site = new_site()
    browser = site.browser()
    browser.ask(["set", "n", 1])
    plan = {"before": [["all"]]}

    name = site.cookie.name
    elsewhere = site.client.post(
        f"/?{name}={browser.token}",
        json={**plan, name: browser.token},
        headers={"Authorization": f"Bearer {browser.token}", name: str(browser.token)},
    )

    assert elsewhere.json() == {"all": {}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], "Cookie"),
        ([("Vary", "Accept")], "Accept, Cookie"),
        ([("vary", "Accept"), ("Vary", "Origin, COOKIE")], None),
        ([("Vary", "Accept"), ("VARY", "Origin")], "Accept, Origin, Cookie"),
        ([("Vary", "*")], None),
    ],
)
def test_an_answer_that_depends_on_the_session_varies_by_cookie(
    new_site: NewSite, before: list[tuple[str, str]], after: str | None
) -> None:
    answer = new_site().browser().ask(["read", "n"], headers=before)

    unchanged = ", ".join(value for _, value in before)
    assert answer.header("vary") == (after or unchanged)


def test_an_answer_that_does_not_look_at_the_session_can_be_shared(new_site: NewSite) -> None:
    browser = new_site().browser()
    browser.ask(["set", "n", 1])

    answer = browser.ask(headers=[("Cache-Control", "public, max-age=60")])

    assert (answer.header("vary"), answer.header("cache-control")) == (None, "public, max-age=60")


@pytest.mark.parametrize("step", [["set", "n", 1], ["rotate"], ["destroy"], ["bind", "anna"]])
def test_an_answer_that_sets_a_cookie_is_stored_by_nobody(new_site: NewSite, step: list[object]) -> None:
    site = new_site(per_user_max=5)
    browser = site.browser()
    if step[0] != "set":
        browser.ask(["set", "n", 1])

    answer = browser.ask(step, headers=[("cache-control", "public, max-age=60"), ("X-Other", "1")])

    assert answer.set_cookie
    assert answer.response.headers.get_list("cache-control") == ["no-store"]
    assert (answer.header("vary"), answer.header("x-other")) == ("Cookie", "1")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 404), ("GET", 204)])
def test_answers_without_a_body_save_and_set_the_cookie_as_well(
    new_site: NewSite, traces: Traces, method: str, status: int
) -> None:
    browser = new_site().browser()

    answer = browser.ask(["set", "n", 1], status=status, method=method)

    assert answer.status == status
    assert traces.values(browser.handle) == {"n": b"1"}
