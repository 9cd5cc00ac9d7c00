"""Redis is away for a while: no request waits for long, no cookie changes, nobody has to sign in again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis

from modkit_redis.session.records.scripts import SAVE
from modkit_redis.session.tokens import new_token
from modkit_redis.testing import EmbeddedServer
from tests.caching import within
from tests.faults.proxy import Proxy
from tests.session_faults import QUICK, called, frozen, killed, reset_after, reset_before
from tests.session_stores import Traces, load_scripts
from tests.support import stock_client
from tests.web.session_apps import Step
from tests.web.session_sites import Answer, Site
from tests.web.test_session_races import warnings

NewSite = Callable[..., Site]
HGETALL = called("HGETALL")
EVALSHA = SAVE.sha.encode()


@pytest.fixture
def proxied(private_server: EmbeddedServer) -> Iterator[Proxy]:
    with stock_client(private_server.addr) as admin:
        load_scripts(admin)
    with Proxy(private_server.addr) as proxy:
        yield proxy


@pytest.fixture
def there(private_server: EmbeddedServer, prefix: str) -> Iterator[Traces]:
    with stock_client(private_server.addr) as admin:
        yield Traces(admin, prefix)


def is_503(answer: Answer) -> bool:
    return (
        answer.status == 503
        and answer.header("retry-after") == "5"
        and answer.set_cookie == []
        and answer.header("cache-control") == "no-store"
    )


def test_i16_a_request_whose_session_cannot_be_loaded_is_answered_by_503(
    new_site: NewSite, closed_port: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(addr=closed_port, client=QUICK)

    answer = site.browser(new_token()).ask(["set", "n", 1])

    assert is_503(answer)
    assert answer.response.text == "Service Unavailable. Try again in 5 seconds.\n"
    [warning] = warnings(caplog)
    assert warning.endswith("(refused): a request was answered by 503, as its session cannot be kept")


def test_a_client_that_asks_for_json_gets_problem_details(new_site: NewSite, closed_port: str) -> None:
    site = new_site(addr=closed_port, client=QUICK)

    response = site.client.get(
        "/", headers={"Cookie": f"__Host-session={new_token()}", "Accept": "application/json"}
    )

    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 503


def test_a_request_without_a_cookie_that_writes_nothing_needs_no_redis(
    new_site: NewSite, closed_port: str
) -> None:
    site = new_site(addr=closed_port, client=QUICK)

    assert site.browser().ask(["read", "n"]).out == {"n": None}
    assert is_503(site.browser().ask(["set", "n", 1]))


def test_i16_where_the_settings_say_so_the_session_is_an_empty_one_and_the_cookie_stays(
    new_site: NewSite, closed_port: str
) -> None:
    site = new_site(addr=closed_port, client=QUICK, on_outage="anonymous")
    browser = site.browser(new_token())

    answer = browser.ask(["about"], ["all"], ["try", ["set", "n", 1]], ["try", ["destroy"]])

    assert answer.out["about"] == [None, "unknown", True]
    assert answer.out["error"][0] == "StoreUnavailableError"
    assert (answer.status, answer.set_cookie, answer.header("vary")) == (200, [], "Cookie")


@pytest.mark.parametrize(
    "fault",
    [
        reset_before,
        reset_after,
        pytest.param(killed, marks=pytest.mark.slow),
        pytest.param(frozen, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("moment", ["load", "save", "rotate", "begin", "sign in", "sign out"])
def test_i16_redis_lost_in_the_middle_of_a_request_sets_no_cookie_and_needs_no_new_sign_in(
    new_site: NewSite,
    proxied: Proxy,
    private_server: EmbeddedServer,
    there: Traces,
    moment: str,
    fault: Callable[..., None],
) -> None:
    site = new_site(addr=proxied.addr, client=QUICK, per_user_max=5)
    browser = site.browser()
    browser.ask(["set", "n", 1], ["bind", "anna"])
    browser.ask()
    token = browser.token
    requests: dict[str, list[Step]] = {
        "load": [["read", "n"]],
        "save": [["set", "n", 2]],
        "rotate": [["rotate"]],
        "begin": [["set", "n", 2]],
        "sign in": [["bind", "anna"]],
        "sign out": [["destroy"]],
    }
    asking = browser if moment != "begin" else site.browser()
    with ExitStack() as undo:
        fault(proxied, private_server, HGETALL if moment == "load" else b"EVALSHA", undo)
        with within(2):
            answer = asking.ask(*requests[moment])

    assert is_503(answer)
    assert browser.token == token
    seen = browser.ask(["about"]).out["about"]
    was_done = fault in (reset_after, frozen) and moment in (
        "rotate",
        "sign out",
    )  # what was asked for counts
    assert seen[0] == (None if was_done else "anna")


def test_a_renewal_that_fails_is_left_to_the_next_request(
    new_site: NewSite, proxied: Proxy, there: Traces
) -> None:
    site = new_site(addr=proxied.addr, client=QUICK, renewal_interval="10m")
    browser = site.browser()
    browser.ask(["set", "n", 1])
    there.write(browser.handle, {"r": 1, "c": 1})
    proxied.reset_request(b"EVALSHA")

    failed = browser.ask(["read", "n"])
    renewed = browser.ask(["read", "n"])

    assert (failed.status, failed.set_cookie) == (200, [])
    assert renewed.set_cookie
    assert browser.ask(["read", "n"]).out == {"n": 1}
    assert there.counted(browser.handle)[1] == 1


def test_an_application_that_failed_anyway_keeps_its_answer(new_site: NewSite, proxied: Proxy) -> None:
    site = new_site(addr=proxied.addr, client=QUICK)
    browser = site.browser()
    browser.ask(["set", "n", 1])
    proxied.reset_request(b"EVALSHA")

    answer = browser.ask(["about"], ["destroy"], status=502)

    assert (answer.status, answer.set_cookie) == (502, [])
    assert answer.out["about"] == [None, "current", False]


def test_a_stream_that_nobody_receives_ends(
    new_site: NewSite, proxied: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(addr=proxied.addr, client=QUICK)
    browser = site.browser()
    browser.ask(["set", "n", 1])
    proxied.reset_request(b"EVALSHA")

    answer = browser.ask(["set", "n", 2], after=[["set", "n", 3]])

    assert is_503(answer)
    assert browser.ask(["read", "n"]).out == {"n": 1}
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


def test_a_session_that_cannot_begin_is_one_warning(
    new_site: NewSite, closed_port: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = new_site(addr=closed_port, client=QUICK).browser().ask(["set", "n", 1])

    assert is_503(answer)
    [warning] = warnings(caplog)
    assert warning.endswith("a request was answered by 503, as its session cannot be kept")


def test_what_is_a_mistake_is_no_outage(
    new_site: NewSite, private_server: EmbeddedServer, there: Traces, prefix: str
) -> None:
    there.admin.acl_setuser(
        "reader", enabled=True, nopass=True, keys=["*"], commands=["+@read", "+@connection", "+time", "+info"]
    )
    site = new_site(addr=private_server.addr, client={"username": "reader", "password": "x", **QUICK})

    answer = site.browser().ask(["set", "n", 1])

    assert answer.status == 500


def test_i16_it_is_met_again_when_it_is_back(
    new_site: NewSite, private_server: EmbeddedServer, admin: redis.Redis
) -> None:
    site = new_site(addr=private_server.addr, client=QUICK)
    browser = site.browser()
    browser.ask(["set", "n", 1])
    private_server.kill()

    assert is_503(browser.ask(["read", "n"]))
    private_server.restart()

    assert browser.ask(["read", "n"], ["set", "n", 2]).status == 200
