"""What the response cache stores, what it never stores, and what selects a stored response."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import redis
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware

from tests.support import TestServer, wait_until
from tests.web.origin import Site, entries, responses, site, told

NewSite = Callable[..., Site]


@pytest.fixture(scope="module")
def shared(server: TestServer) -> Iterator[Site]:
    with site(server.addr, f"test-{secrets.token_hex(6)}") as shared:
        yield shared


@pytest.fixture
def here(shared: Site, admin: redis.Redis) -> Iterator[Site]:
    """The application behind a cache as it is made when nothing is said."""
    shared.forget(admin)
    yield shared
    shared.forget(admin)


@pytest.fixture
def new_site(addr: str, prefix: str) -> Iterator[NewSite]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(site(addr, prefix, **options))


def test_the_second_of_two_requests_is_answered_from_the_cache(here: Site) -> None:
    here.origin.reply("/a", ("content-type", "text/x"), ("x-one", "1"), ("x-one", "2"), status=200)

    first, second = here.get("/a?q=1"), here.get("/a?q=1")

    assert (told(first), told(second)) == ("fwd=uri-miss; stored", "hit")
    assert (first.text, second.text) == ("/a 1", "/a 1")
    assert second.headers.get_list("x-one") == ["1", "2"]
    assert second.headers["content-type"] == "text/x"
    assert "age" not in first.headers
    assert int(second.headers["age"]) < 30
    assert len(second.headers.get_list("date")) == 1
    assert here.origin.made["/a"] == 1


NEVER: dict[str, tuple[tuple[tuple[str, str], ...], int]] = {
    "a cookie": ((("Set-Cookie", "a=b"), ("cache-control", "public, max-age=9")), 200),
    "no-store": ((("Cache-Control", "max-age=9, No-Store"),), 200),
    "no-cache": ((("cache-control", "no-cache"),), 200),
    "private": ((("cache-control", "private, max-age=9"),), 200),
    "private of a field": ((("cache-control", 'max-age=9, private="x, y"'),), 200),
    "private in another line": ((("cache-control", "max-age=9"), ("cache-control", "private")), 200),
    "vary by anything": ((("vary", "accept, *"),), 200),
    "no age at all": ((("cache-control", "max-age=0"),), 200),
    "two ages": ((("cache-control", "max-age=9, max-age=0"),), 200),
    "an age that is none": ((("cache-control", "max-age=soon"),), 200),
    "no age for shared caches": ((("cache-control", "s-maxage=0, max-age=9"),), 200),
    "old already": ((("cache-control", "max-age=9"), ("age", "9")), 200),
    "expired": ((("expires", "Thu, 01 Jan 1970 00:00:00 GMT"),), 200),
    "expires at no date": ((("expires", "0"),), 200),
    "an encoding for anybody": ((("content-encoding", "x-packed"),), 200),
    "a part": ((("content-range", "bytes 0-3/9"), ("cache-control", "max-age=9")), 206),
    "an error": ((("cache-control", "max-age=9"),), 500),
    "a redirection for now": ((("cache-control", "max-age=9"), ("location", "/b")), 302),
    "a 404 that does not say": ((), 404),
    "a 301 that does not say": ((("location", "/b"),), 301),
}


@pytest.mark.parametrize(("lines", "status"), NEVER.values(), ids=NEVER)
def test_never_stored_is(
    here: Site, admin: redis.Redis, lines: tuple[tuple[str, str], ...], status: int
) -> None:
    here.origin.reply("/a", *lines, status=status)

    first, second = here.get("/a"), here.get("/a")

    assert (first.status_code, second.status_code) == (status, status)
    assert (told(first), told(second)) == ("fwd=uri-miss", "fwd=uri-miss")
    assert here.origin.made["/a"] == 2
    assert responses(admin, here.prefix) == []


STORED: dict[str, tuple[tuple[tuple[str, str], ...], int]] = {
    "a 404 that says for how long": ((("cache-control", "max-age=9"),), 404),
    "a 301 that says for how long": ((("cache-control", "max-age=9"), ("location", "/b")), 301),
    "no content that says for how long": ((("cache-control", "max-age=9"), ("content-length", "0")), 204),
    "what expires later": ((("expires", "Thu, 01 Jan 2037 00:00:00 GMT"),), 200),
    "what shared caches may have": ((("cache-control", "max-age=0, s-maxage=9"),), 200),
    "what a client must ask for again": ((("cache-control", "must-revalidate, max-age=9"),), 200),
}


@pytest.mark.parametrize(("lines", "status"), STORED.values(), ids=STORED)
def test_stored_is(here: Site, lines: tuple[tuple[str, str], ...], status: int) -> None:
    here.origin.reply("/a", *lines, status=status, body=b"" if status == 204 else b"there")

    first, second = here.get("/a"), here.get("/a")

    assert (told(first), told(second)) == ("fwd=uri-miss; stored", "hit")
    assert (second.status_code, second.text) == (status, first.text)
    assert second.headers.get("location") == first.headers.get("location")


@pytest.mark.parametrize(
    ("said", "longest"),
    [("max-age=7", 7), ("max-age=90", 60), ("s-maxage=5, max-age=50", 5), ("max-age=99999999999999", 60)],
)
def test_a_response_is_kept_for_no_longer_than_it_says(
    here: Site, admin: redis.Redis, said: str, longest: int
) -> None:
    here.origin.reply("/a", ("cache-control", said))

    here.get("/a")

    [key] = entries(admin, here.prefix)
    assert longest * 1000 - 5000 < admin.pttl(key) <= longest * 1000


def test_fields_of_one_connection_are_not_stored(here: Site, admin: redis.Redis) -> None:
    here.origin.reply("/a", ("connection", "x-mine"), ("x-mine", "1"), ("keep-alive", "7"), ("x-all", "1"))
    here.get("/a")

    second = here.get("/a")

    assert told(second) == "hit"
    assert second.headers["x-all"] == "1"
    assert {"connection", "keep-alive", "x-mine"} & set(second.headers) == set()


@pytest.mark.parametrize("name", ["RateLimit", "RateLimit-Policy", "X-RateLimit-Remaining"])
def test_what_one_client_has_left_of_its_limits_is_told_to_nobody_else(here: Site, name: str) -> None:
    here.origin.reply("/limited", (name, "3"))

    first, second = here.get("/limited"), here.get("/limited")

    assert (first.headers[name], told(second)) == ("3", "hit")
    assert name not in second.headers


@pytest.mark.parametrize(
    "lines", [{"range": "bytes=0-1"}, {"cache_control": "no-store"}, {"if_match": '"x"'}], ids=str
)
def test_a_request_that_is_none_of_its_business_passes_by(
    here: Site, admin: redis.Redis, lines: dict[str, str]
) -> None:
    here.get("/b")

    stored = here.get("/b", **lines)
    other = here.get("/a", **lines)

    assert (told(stored), told(other)) == ("fwd=bypass", "fwd=bypass")
    assert len(responses(admin, here.prefix)) == 1


def test_a_request_with_a_body_passes_by(here: Site) -> None:
    here.get("/a")

    answer = here.client.request("GET", "/a", content=b"id=7")

    assert (told(answer), answer.text) == ("fwd=bypass", "/a 2")


def test_other_methods_pass_by_untouched(here: Site) -> None:
    here.get("/a")

    answer = here.client.post("/a")

    assert answer.text == "/a 2"
    assert "cache-status" not in answer.headers


@pytest.mark.parametrize("lines", [{"authorization": "Bearer x"}, {"cookie": "id=x"}], ids=str)
def test_a_response_to_credentials_is_stored_only_if_it_says_so(here: Site, lines: dict[str, str]) -> None:
    here.origin.reply("/public", ("cache-control", "public, max-age=9"))
    here.origin.reply("/aged", ("cache-control", "max-age=9"))

    said = [here.get("/public", **lines), here.get("/public", **lines)]
    unsaid = [here.get("/aged", **lines), here.get("/aged", **lines)]

    assert [told(each) for each in said] == ["fwd=uri-miss; stored", "hit"]
    assert [told(each) for each in unsaid] == ["fwd=uri-miss", "fwd=uri-miss"]


def test_who_has_credentials_is_not_given_what_was_made_for_others(here: Site) -> None:
    here.get("/a")

    mine = here.get("/a", cookie="id=x")
    others = here.get("/a")

    assert (mine.text, told(mine)) == ("/a 2", "fwd=uri-miss")
    assert (others.text, told(others)) == ("/a 1", "hit")


def test_where_vary_names_a_field_another_value_gets_another_response(here: Site) -> None:
    here.origin.reply("/a", ("vary", "Accept-Language"))
    here.get("/a", accept_language="de")

    other = here.get("/a", accept_language="fr")
    none = here.get("/a")
    again = here.get("/a")

    assert [each.text for each in (other, none, again)] == ["/a 2", "/a 3", "/a 3"]
    assert [told(each) for each in (other, none, again)] == ["fwd=vary-miss; stored"] * 2 + ["hit"]


def test_a_field_that_the_cache_varies_by_has_an_entry_for_each_value(new_site: NewSite) -> None:
    here = new_site(vary=("Accept-Language",))

    answers = [here.get("/a", accept_language=each) for each in ("de", "fr", "de", "fr")]

    assert [each.text for each in answers] == ["/a 1", "/a 2", "/a 1", "/a 2"]
    assert {each.headers["vary"] for each in answers} == {"accept-language"}


@pytest.mark.parametrize("is_inside", [True, False])
def test_who_accepts_no_gzip_gets_none(new_site: NewSite, *, is_inside: bool) -> None:
    def gzip(app: Any) -> Any:
        return GZipMiddleware(app, minimum_size=1)

    here = new_site(vary=("accept-encoding",), **{"inside" if is_inside else "outside": gzip})
    here.origin.reply("/a", body=b"text " * 200)

    packed = [here.get("/a", accept_encoding="gzip") for _ in range(2)]
    plain = [here.get("/a", accept_encoding="identity") for _ in range(2)]

    assert {each.headers.get("content-encoding") for each in packed} == {"gzip"}
    assert {each.headers.get("content-encoding") for each in plain} == {None}
    assert {each.content for each in (*packed, *plain)} == {b"text " * 200}
    assert [told(each) for each in (packed[1], plain[1])] == ["hit", "hit"]
    if is_inside:
        assert packed[1].headers["etag"] != plain[1].headers["etag"]


def test_different_urls_and_hosts_have_different_responses(here: Site) -> None:
    urls = ["/a", "/a?", "/a?b", "/a?b=1&c=2", "/a?c=2&b=1", "/A", "/a%2Fb", "/a/b", "//a"]

    first = [here.get(url).headers["etag"] for url in urls[2:]]
    elsewhere = here.get("/a?b", host="elsewhere.example")

    assert all(told(here.get(url)) == "hit" for url in urls[2:])
    assert len(set(first)) >= 4
    assert told(elsewhere) == "fwd=uri-miss; stored"


class Reader:
    """An application that looks at Starlette's session, at some paths."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/mine":
            scope["session"].mark_accessed()
        await self._app(scope, receive, send)


@pytest.mark.parametrize("is_inside", [True, False])
def test_what_looked_at_the_session_is_not_stored(new_site: NewSite, *, is_inside: bool) -> None:
    def sessions(app: Any) -> Any:
        return SessionMiddleware(app, secret_key="nothing to hide")

    here = (
        new_site(inside=lambda app: sessions(Reader(app)))
        if is_inside
        else new_site(inside=Reader, outside=sessions)
    )
    for path in ("/mine", "/all"):
        here.origin.reply(path, ("cache-control", "public, max-age=9"))

    mine = [here.get("/mine") for _ in range(2)]
    everybody = [here.get("/all") for _ in range(2)]

    assert [told(each) for each in mine] == ["fwd=uri-miss", "fwd=uri-miss"]
    assert [told(each) for each in everybody] == ["fwd=uri-miss; stored", "hit"]


def test_a_session_that_does_not_say_may_have_been_looked_at(new_site: NewSite) -> None:
    class Plain(Reader):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self._app({**scope, "session": {}} if scope["type"] == "http" else scope, receive, send)

    here = new_site(outside=Plain)

    here.get("/a")

    assert told(here.get("/a")) == "fwd=uri-miss"


@pytest.mark.parametrize("is_inside", [True, False])
def test_what_was_made_for_somebody_whom_the_application_knows_is_stored_only_if_it_says_so(
    new_site: NewSite, *, is_inside: bool
) -> None:
    class ByKey(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            return (AuthCredentials(), SimpleUser("ada")) if "x-api-key" in conn.headers else None

    def authentication(app: Any) -> Any:
        return AuthenticationMiddleware(app, backend=ByKey())

    here = new_site(**{"inside" if is_inside else "outside": authentication})
    here.origin.reply("/shared", ("cache-control", "public, max-age=9"))

    mine = [here.get("/mine", x_api_key="a"), here.get("/mine")]
    everybodys = [here.get("/shared", x_api_key="a"), here.get("/shared")]

    assert [told(each) for each in mine] == ["fwd=uri-miss", "fwd=uri-miss; stored"]
    assert [told(each) for each in everybodys] == ["fwd=uri-miss; stored", "hit"]


def owner(scope: Any) -> str | None:
    """Return whose a response is."""
    return dict(scope["headers"]).get(b"authorization", b"").decode() or None


def test_a_private_response_is_kept_for_its_owner_alone(
    new_site: NewSite, admin: redis.Redis, prefix: str
) -> None:
    here = new_site(private=owner)
    here.origin.reply("/said", ("cache-control", "private, max-age=9"))

    ada = [here.get("/a", authorization="ada-secret") for _ in range(2)]
    bob = here.get("/a", authorization="bob-secret")
    nobody = here.get("/a")
    said = [here.get("/said", authorization="ada-secret") for _ in range(2)]
    said_to_all = here.get("/said")

    assert [each.text for each in (*ada, bob, nobody)] == ["/a 1", "/a 1", "/a 2", "/a 3"]
    assert ada[1].headers["cache-control"] == "private"
    assert (told(said[1]), told(said_to_all)) == ("hit", "fwd=uri-miss")
    keys = b"".join(admin.scan_iter(f"{prefix}*"))
    assert b"secret" not in keys + b"".join(responses(admin, prefix))


def test_a_private_response_that_sets_a_cookie_is_not_stored(new_site: NewSite) -> None:
    here = new_site(private=owner)
    here.origin.reply("/a", ("set-cookie", "a=b"))

    answers = [here.get("/a", authorization="ada") for _ in range(2)]

    assert [told(each) for each in answers] == ["fwd=uri-miss", "fwd=uri-miss"]


def test_only_what_applies_is_cached(new_site: NewSite) -> None:
    here = new_site(applies=lambda method, path: path.startswith("/articles/"))

    mine, other = here.get("/articles/1"), here.get("/basket")

    assert told(mine) == "fwd=uri-miss; stored"
    assert "cache-status" not in other.headers
    assert "etag" not in other.headers


def test_content_that_is_too_long_is_passed_on(new_site: NewSite, admin: redis.Redis, prefix: str) -> None:
    here = new_site(max_bytes=100)
    here.origin.reply("/just", body=b"x" * 100)
    here.origin.reply("/over", body=b"x" * 101)

    answers: list[httpx.Response] = [here.get("/just"), here.get("/over")]

    assert [len(each.content) for each in answers] == [100, 101]
    assert [told(each) for each in answers] == ["fwd=uri-miss; stored", "fwd=uri-miss"]
    assert len(responses(admin, prefix)) == 1


def test_what_the_store_finds_too_long_is_passed_on(new_site: NewSite) -> None:
    here = new_site(settings={"cache": {"max_bytes": 1000}})
    here.origin.reply("/a", body=b"x" * 2000)

    answers = [here.get("/a") for _ in range(2)]

    assert [len(each.content) for each in answers] == [2000, 2000]
    assert told(answers[0]) == "fwd=uri-miss"
    assert told(here.get("/b")) == "fwd=uri-miss; stored"


def test_bytes_that_are_no_response_are_a_miss_and_replaced(here: Site, admin: redis.Redis) -> None:
    here.get("/a")
    [key] = entries(admin, here.prefix)
    raw: Any = admin.get(key)
    admin.set(key, raw[:44] + b"garbage", px=60_000)

    answers = [here.get("/a") for _ in range(2)]

    assert [each.text for each in answers] == ["/a 2", "/a 2"]
    assert told(answers[1]) == "hit"


def test_settings_for_old_values_serve_no_old_response(new_site: NewSite) -> None:
    here = new_site(ttl=0.1, settings={"cache": {"stale_for": "60s", "stale_if_error": "60s"}})
    here.get("/a")

    wait_until(lambda: here.get("/a").text == "/a 2", "a new one is made")

    assert here.origin.made["/a"] == 2
