# Generated from ../_async/test_session_round_trips.py by .ci/unasync.py; do not edit.
"""How many round trips requests cost, counted at the server; I13: hostile cookies cost none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modkit_redis.contract import SessionToken
from modkit_redis.session.tokens import new_token
from modkit_redis.testing import EmbeddedServer
from tests.cache_keys import Counter
from tests.sessions import Looker, NewSessions, load_scripts_at
from tests.support import stock_client

HOSTILE = [
    "",
    "x",
    "{}",
    "x" * 10_240,
    f"{new_token()}\n",
    f"{new_token()}\0",
    f"\r\n{new_token()}",
    new_token().replace(".", ":"),
    new_token()[:-1],
    f"{new_token()}A",
    new_token()[:21] + "*" + new_token()[22:],
    new_token()[:30] + "é" + new_token()[31:],
    "\ud800" * 66,
]


@pytest.fixture
def warm(own_server: EmbeddedServer, new_sessions: NewSessions, prefix: str) -> Callable[..., Any]:
    """Return a store on a server of its own, connected, and with the scripts known there."""

    def warm(**settings: object) -> Any:
        load_scripts_at(own_server.addr)
        store = new_sessions(addr=own_server.addr, client={"client_name": prefix}, **settings)
        store.load(new_token())  # it knows the server's time then
        return store

    return warm


def test_i13_a_request_without_a_cookie_that_can_be_one_costs_nothing(
    warm: Callable[..., Any], count: Counter
) -> None:
    store = warm()

    count.begin()
    for token in (None, *HOSTILE):
        assert store.load(token) is None
        with store.open(token) as session:
            assert dict(session) == {}
    for token in HOSTILE:
        store.destroy(token)

    assert count.spent() == (0, [])


def test_a_read_is_one_round_trip(warm: Callable[..., Any], count: Counter) -> None:
    store = warm()
    token = store.create({"n": 1, "list": []})

    count.begin()
    with store.open(token) as session:
        assert (session["n"], session["list"]) == (1, [])
    opened = count.spent()
    store.load(token)
    loaded = count.spent()

    assert opened == loaded == (1, ["HGETALL"])


def test_the_first_read_asks_for_the_time_in_the_same_round_trip(
    warm: Callable[..., Any],
    new_sessions: NewSessions,
    own_server: EmbeddedServer,
    count: Counter,
    prefix: str,
) -> None:
    token = (warm()).create({"n": 1})
    fresh = new_sessions(addr=own_server.addr, client={"client_name": prefix})
    fresh.destroy(new_token())  # connects

    count.begin()
    fresh.load(token)

    assert count.spent() == (1, ["TIME", "HGETALL"])


def test_a_touch_that_is_due_is_one_more_and_then_none(
    warm: Callable[..., Any], count: Counter, own_server: EmbeddedServer, prefix: str
) -> None:
    store = warm()
    token = store.create({"n": 1})
    with stock_client(own_server.addr) as admin:
        Looker(admin, prefix).age(token, 70_000)

    count.begin()
    store.load(token)
    due = count.spent()
    store.load(token)
    later = count.spent()

    assert due == (2, ["HGETALL", "EVALSHA"])
    assert later == (1, ["HGETALL"])


@pytest.mark.parametrize("change", ["set", "inside", "delete", "rotate", "all"])
def test_a_write_is_two_round_trips(warm: Callable[..., Any], count: Counter, change: str) -> None:
    store = warm()
    token = store.create({"n": 1, "list": [], "gone": 1})

    count.begin()
    with store.open(token) as session:
        if change in ("set", "all"):
            session["n"] = 2
        if change in ("inside", "all"):
            session["list"].append(1)
        if change in ("delete", "all"):
            del session["gone"]
        if change in ("rotate", "all"):
            session.rotate()

    assert count.spent() == (2, ["HGETALL", "EVALSHA"])


def test_what_is_saved_is_not_saved_again(warm: Callable[..., Any], count: Counter) -> None:
    store = warm()
    token = store.create({"n": 1, "list": [], "gone": 1})

    with store.open(token) as session:
        session["n"] = 2
        session["list"].append(1)
        del session["gone"]
        session.rotate()
        session.save()
        count.begin()
        session.save()

    assert count.spent() == (0, [])


def test_a_session_that_nears_its_deadline_is_not_touched_at_each_read(
    warm: Callable[..., Any], count: Counter, own_server: EmbeddedServer, prefix: str
) -> None:
    store = warm(idle_ttl="10m")
    token = store.create({"n": 1})
    with stock_client(own_server.addr) as admin:
        look = Looker(admin, prefix)
        admin.hset(look.key(token), "x", look.now_ms() + 100_000)
        admin.pexpire(look.key(token), 100_000)

    count.begin()
    store.load(token)

    assert count.spent() == (1, ["HGETALL"])


def test_a_session_begins_with_one_round_trip(warm: Callable[..., Any], count: Counter) -> None:
    store = warm()

    count.begin()
    with store.open() as session:
        session["n"] = 1
        session["m"] = 2
        session.rotate()  # nobody has its token yet

    assert count.spent() == (1, ["EVALSHA"])


def test_signing_in_is_three_round_trips(warm: Callable[..., Any], count: Counter) -> None:
    store = warm(per_user_max=5)
    token = store.create({"n": 1})

    count.begin()
    with store.open(token) as session:
        session["name"] = "Anna"
        session.bind("anna")
    known = count.spent()
    with store.open() as session:
        session["name"] = "Anna"
        session.bind("anna")
    anonymous = count.spent()

    assert known == (3, ["HGETALL", "EVALSHA", "EVALSHA"])
    assert anonymous == (3, ["EVALSHA"] * 3)


def test_signing_in_to_one_session_too_many_is_five_round_trips(
    warm: Callable[..., Any], count: Counter
) -> None:
    store = warm(per_user_max=1)
    store.bind(store.create({}), "anna")
    token = store.create({})

    count.begin()
    with store.open(token) as session:
        session.bind("anna")

    assert count.spent() == (
        5,
        ["HGETALL", "EVALSHA", "HMGET", "EVAL", "ZREM", "EVALSHA"],
    )


def test_signing_out_is_two_round_trips(warm: Callable[..., Any], count: Counter) -> None:
    store = warm()
    token = store.bind(store.create({"n": 1}), "anna")

    count.begin()
    with store.open(token) as session:
        session["n"] = 2
        session.destroy()

    assert count.spent() == (2, ["HGETALL", "EVALSHA"])


def signed_in(store: Any, times: int) -> list[SessionToken]:
    return [store.bind(store.create({}), "anna") for _ in range(times)]


@pytest.mark.parametrize("times", [1, 5])
def test_listing_and_ending_a_users_sessions_are_two_round_trips_each(
    warm: Callable[..., Any], count: Counter, times: int
) -> None:
    store = warm()
    signed_in(store, times)

    count.begin()
    assert len(store.sessions_of("anna")) == times
    listed = count.spent()
    assert store.revoke_all("anna") == times
    ended = count.spent()
    assert (store.sessions_of("anna"), store.revoke_all("anna")) == ([], 0)
    none = count.spent()

    assert listed == (2, ["ZRANGE", *["HMGET"] * times, "TIME"])
    assert ended == (2, ["ZRANGE", *["EVAL"] * times, "ZREM"])
    assert none == (2, ["ZRANGE"] * 2)


def test_other_calls_are_one_round_trip(warm: Callable[..., Any], count: Counter) -> None:
    store = warm()
    token, *others = signed_in(store, 2)

    count.begin()
    trips = []
    with store.open(token) as session:
        assert count.spent()[0] == 1
        session.take("state")
        trips.append(count.spent()[0])
    acts: list[Callable[[], Any]] = [
        lambda: store.peek(token.handle),
        lambda: store.drain("anna"),
        lambda: store.revoke(others[0].handle),
        lambda: store.destroy(token),
        lambda: store.create({}),
    ]
    for act in acts:
        act()
        trips.append(count.spent()[0])

    assert trips == [1] * 6


def test_a_transaction_is_two_round_trips_for_each_try(warm: Callable[..., Any], count: Counter) -> None:
    store = warm()
    token = store.create({"n": 1})

    with store.open(token) as session:
        count.begin()
        session.transact(lambda values: values.update(n=2))

    assert count.spent() == (2, ["HGETALL", "EVALSHA"])


@pytest.mark.parametrize("is_known", [False, True], ids=["unknown", "guessed"])
def test_an_unknown_token_is_one_round_trip_and_a_guessed_secret_one_more(
    warm: Callable[..., Any], count: Counter, is_known: bool
) -> None:
    store = warm()
    token = store.create({"n": 1})

    count.begin()
    store.load(f"{token.handle}.{'A' * 43}" if is_known else new_token())

    assert count.spent()[0] == (2 if is_known else 1)
