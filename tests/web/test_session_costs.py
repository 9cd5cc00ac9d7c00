"""How many round trips requests with sessions cost, counted at the server; hostile cookies cost none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modkit_redis.session.tokens import new_token
from modkit_redis.testing import EmbeddedServer
from tests.cache_keys import Counter
from tests.sessions import load_scripts_at
from tests.web.raw import asked
from tests.web.session_apps import Step
from tests.web.session_sites import Site

TOKEN = new_token()
HOSTILE = [
    "",
    "{}",
    '""',
    f'"{TOKEN}"',
    "x" * 10_240,
    TOKEN[:-1],
    f"{TOKEN}A",
    TOKEN.replace(".", ":"),
    f"{TOKEN}; __Host-session={TOKEN}",
    f"{TOKEN}; __Host-session=",
    f"{TOKEN}\0",
    f"{TOKEN}\r",
    f"x\r\nSet-Cookie: __Host-session={TOKEN}",
    f"{TOKEN[:30]}é{TOKEN[31:]}",
    f"{TOKEN}\x7f",
    f"{TOKEN},{TOKEN}",
]


@pytest.fixture
def warm(new_site: Callable[..., Site], own_server: EmbeddedServer) -> Site:
    """A site on a server of its own, connected, which knows the server's time."""
    load_scripts_at(own_server.addr)
    site = new_site(addr=own_server.addr, per_user_max=5)
    site.browser(new_token()).ask()
    return site


def test_a_request_costs_what_it_does(warm: Site, count: Counter) -> None:
    browser = warm.browser()
    requests: dict[str, list[Step]] = {
        "anonymous": [["read", "n"], ["about"]],
        "begin": [["set", "n", 1]],
        "untouched": [],
        "read": [["read", "n"], ["about"]],
        "write": [["set", "n", 2]],
        "rotate": [["rotate"]],
        "sign in": [["set", "name", "Anna"], ["bind", "anna"]],
        "sign out": [["set", "n", 3], ["destroy"]],
        "after": [["read", "n"]],
    }
    spent = {}

    for name, steps in requests.items():
        count.begin()
        browser.ask(*steps)
        spent[name] = count.spent()[0]

    assert spent == {
        "anonymous": 0,
        "begin": 1,
        "untouched": 1,
        "read": 1,
        "write": 2,
        "rotate": 2,
        "sign in": 3,
        "sign out": 2,
        "after": 0,
    }


def test_an_answer_that_failed_costs_no_write(warm: Site, count: Counter) -> None:
    browser = warm.browser()
    browser.ask(["set", "n", 1])

    count.begin()
    browser.ask(["set", "n", 2], status=500)
    browser.ask(["set", "n", 2], ["raise"])

    assert count.spent() == (2, ["HGETALL"] * 2)


@pytest.mark.parametrize("value", HOSTILE, ids=[f"cookie{n}" for n in range(len(HOSTILE))])
def test_a_hostile_cookie_costs_nothing_fails_nothing_and_comes_back_nowhere(
    warm: Site, count: Counter, value: str
) -> None:
    count.begin()
    status, head = asked(warm.url, f"__Host-session={value}".encode("latin-1"))

    assert status in (200, 400, 431)
    assert count.spent() == (0, [])
    assert b"set-cookie" not in head.lower()
    assert TOKEN.encode() not in head


def test_whatever_the_cookie_is_the_answer_is_no_error_and_shows_nothing_of_it(
    warm: Site, count: Counter
) -> None:
    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(st.binary(min_size=1, max_size=200))
    @example(b"\xff\x00\r\n;=\"'\\{}")
    def law(junk: bytes) -> None:
        status, head = asked(warm.url, b"__Host-session=" + junk)
        assert status in (200, 400)
        assert b"set-cookie" not in head.lower()

    count.begin()
    law()

    assert count.spent() == (0, [])
