"""The cookie of a session: what is refused, how it is written, what is found in what a client sent."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modkit_redis.contract import ArgumentError, SessionToken
from modkit_redis.web import SessionCookie
from modkit_redis.web.cookies import NOTHING_SENT

TOKEN = SessionToken("h" * 22 + "." + "s" * 43)  # the same in each process that collects tests
EPOCH = "Expires=Thu, 01 Jan 1970 00:00:00 GMT"
REFUSED = "browsers refuse the cookie otherwise"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"name": ""}, "name must be 1 to 256 letters, digits, or !#$%&'*+-.^_`|~"),
        ({"name": "a b"}, "name must be 1 to 256"),
        ({"name": "a=b"}, "name must be 1 to 256"),
        ({"name": "a;b"}, "name must be 1 to 256"),
        ({"name": "a\r\nSet-Cookie: b"}, "name must be 1 to 256"),
        ({"name": "session\n"}, "name must be 1 to 256"),
        ({"name": "é"}, "name must be 1 to 256"),
        ({"name": "a" * 257}, "name must be 1 to 256"),
        ({"name": None}, "name must be 1 to 256"),
        ({"secure": False}, f"secure must be True for the name __Host-session: {REFUSED}"),
        ({"name": "__Secure-s", "secure": False}, f"secure must be True for the name __Secure-s: {REFUSED}"),
        ({"name": "__HOST-s", "secure": False}, "secure must be True for the name __HOST-s"),
        ({"domain": "shop.example"}, f"domain must be left out for the name __Host-session: {REFUSED}"),
        ({"path": "/shop"}, f"path must be '/' for the name __Host-session: {REFUSED}"),
        ({"name": "s", "secure": False, "same_site": "none"}, "same_site must not be 'none' without secure"),
        ({"name": "s", "secure": False, "partitioned": True}, "partitioned needs secure=True"),
        ({"same_site": "Lax"}, "same_site must be 'strict', 'lax' or 'none'"),
        ({"same_site": None}, "same_site must be"),
        ({"same_site": ["lax"]}, "same_site must be"),
        ({"name": "s", "domain": ".shop.example"}, "domain must be the name of a host"),
        ({"name": "s", "domain": "shop.example\n"}, "domain must be the name of a host"),
        ({"name": "s", "domain": "shop;Secure"}, "domain must be the name of a host"),
        ({"name": "s", "domain": ""}, "domain must be the name of a host"),
        ({"name": "s", "domain": "a." * 127 + "example"}, "domain must be the name of a host"),
        ({"name": "s", "domain": 1}, "domain must be the name of a host"),
        ({"name": "s", "path": "shop"}, "path must begin with a slash"),
        ({"name": "s", "path": "/;HttpOnly"}, "path must begin with a slash"),
        ({"name": "s", "path": "/\r\n"}, "path must begin with a slash"),
        ({"name": "s", "path": "/é"}, "path must begin with a slash"),
        ({"name": "s", "path": "/" + "a" * 1024}, "path must begin with a slash"),
        ({"name": "s", "path": None}, "path must begin with a slash"),
        ({"secure": 1}, "secure must be True or False"),
        ({"partitioned": "no"}, "partitioned must be True or False"),
        ({"max_age": 3600}, "max_age must be True or False"),
    ],
)
def test_what_browsers_would_refuse_is_refused(settings: dict[str, Any], error: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        SessionCookie(**settings)

    assert str(caught.value).startswith(error)


@pytest.mark.parametrize(
    ("cookie", "attributes"),
    [
        (SessionCookie(), "Path=/; Secure; HttpOnly; SameSite=Lax"),
        (SessionCookie(same_site="strict"), "Path=/; Secure; HttpOnly; SameSite=Strict"),
        (
            SessionCookie(same_site="none", partitioned=True),
            "Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
        ),
        (
            SessionCookie(name="s", domain="shop.example", path="/a b"),
            "Path=/a b; Domain=shop.example; Secure; HttpOnly; SameSite=Lax",
        ),
        (SessionCookie.for_development(), "Path=/; HttpOnly; SameSite=Lax"),
    ],
)
def test_a_cookie_is_deleted_with_the_attributes_it_was_set_with(
    cookie: SessionCookie, attributes: str
) -> None:
    left = timedelta(hours=1)

    assert cookie.set(TOKEN, left) == f"{cookie.name}={TOKEN}; {attributes}"
    assert cookie.delete() == f"{cookie.name}=; Max-Age=0; {EPOCH}; {attributes}"


@pytest.mark.parametrize(("left", "age"), [(3600.0, 3600), (59.9, 59), (0.2, 1), (-5.0, 1), (0.0, 1)])
def test_max_age_is_whole_seconds_and_never_a_deletion(left: float, age: int) -> None:
    line = SessionCookie(max_age=True).set(TOKEN, timedelta(seconds=left))

    assert f"; Max-Age={age}; " in line


def test_a_cookie_cannot_be_changed() -> None:
    cookie: Any = SessionCookie()

    with pytest.raises((FrozenInstanceError, AttributeError)):
        cookie.secure = False


@pytest.mark.parametrize(
    ("lines", "came", "token"),
    [
        ([], False, None),
        ([""], False, None),
        (["a=b; c"], False, None),
        ([f"__Host-session={TOKEN}"], True, TOKEN),
        ([f"a=b;\t__Host-session={TOKEN} ;c=d"], True, TOKEN),
        (["a=b", f"__Host-session={TOKEN}"], True, TOKEN),
        ([f"__host-session={TOKEN}"], False, None),
        ([f"x__Host-session={TOKEN}"], False, None),
        ([f"__Host-session ={TOKEN}"], False, None),
        ([f'__Host-session="{TOKEN}"'], True, f'"{TOKEN}"'),
        (["__Host-session="], True, ""),
        (["__Host-session"], True, ""),
        (["__Host-session=a=b"], True, "a=b"),
        ([f"__Host-session={TOKEN}; __Host-session={TOKEN}"], True, None),
        ([f"__Host-session={TOKEN}", "__Host-session=x"], True, None),
    ],
)
def test_the_value_is_found_where_there_is_one(
    lines: list[str], came: bool, token: str | None
) -> None:  # a parameter
    sent = SessionCookie().sent_in(lines)

    assert (sent.came, sent.token) == (came, token)


@given(st.lists(st.text()))
def test_no_header_fails(lines: list[str]) -> None:
    SessionCookie().sent_in(lines)


def test_what_was_sent_does_not_show_the_token() -> None:
    sent = SessionCookie().sent_in([f"__Host-session={TOKEN}"])

    assert TOKEN.partition(".")[2] not in repr(sent)
    assert isinstance(sent.token, SessionToken)
    assert SessionCookie().sent_in([]) is NOTHING_SENT
