"""What clients get of a stored response, and what they may ask of the cache."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
import redis

from tests.support import TestServer
from tests.web.origin import Site, entries, site, told, until_noted

LANGUAGE = ("content-language", "en")


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


def test_head_is_answered_from_what_get_has_stored(here: Site) -> None:
    whole = here.get("/a")

    head = here.head("/a")

    assert (told(head), head.content) == ("hit", b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]
    assert here.origin.made["/a"] == 1


def test_head_of_what_is_not_stored_goes_to_the_application_and_is_not_stored(here: Site) -> None:
    head = here.head("/a")

    assert (told(head), head.content) == ("fwd=uri-miss", b"")
    assert here.origin.asked[0]["method"] == "HEAD"
    assert here.get("/a").text == "/a 2"


def test_who_has_the_response_gets_304_and_what_belongs_to_it(here: Site) -> None:
    here.origin.reply("/a", ("cache-control", "max-age=50"), ("vary", "x"), ("x-all", "1"), LANGUAGE)
    tag = here.get("/a").headers["etag"]

    answer = here.get("/a", if_none_match=f'"other", W/{tag}')

    assert (answer.status_code, answer.content, told(answer)) == (304, b"", "hit")
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "max-age=50"
    assert (answer.headers["vary"], answer.headers["x-all"]) == ("x", "1")
    assert {"content-length", "content-type", "content-language"} & set(answer.headers) == set()
    assert here.origin.made["/a"] == 1


@pytest.mark.parametrize("tag", ["*", 'W/"{}"', '"{}"', '"a, b" ,"{}"'])
def test_these_tags_are_the_stored_one(here: Site, tag: str) -> None:
    here.origin.reply("/a", ("etag", '"mine"'))
    here.get("/a")

    answer = here.head("/a", if_none_match=tag.format("mine"))

    assert (answer.status_code, answer.headers["etag"]) == (304, '"mine"')


@pytest.mark.parametrize(
    "tag", ['"Mine"', "mine", '"min"', "", '"*"', "W/", '"x\u00e9"'.encode().decode("latin-1")]
)
def test_these_tags_are_another_one(here: Site, tag: str) -> None:
    here.origin.reply("/a", ("etag", '"mine"'))
    here.get("/a")

    answer = here.client.get("/a", headers=[(b"if-none-match", tag.encode("latin-1"))])

    assert (answer.status_code, told(answer)) == (200, "hit")


def test_what_is_not_there_is_no_304(here: Site) -> None:
    here.origin.reply("/a", ("etag", '"mine"'), ("cache-control", "max-age=9"), status=404)
    here.get("/a")

    answer = here.get("/a", if_none_match='"mine"')

    assert (answer.status_code, told(answer)) == (404, "hit")


def test_a_response_that_was_made_anew_and_is_the_same_is_answered_by_304(here: Site) -> None:
    here.origin.reply("/a", body=b"the same")
    tag = here.get("/a").headers["etag"]

    answer = here.get("/a", if_none_match=tag, cache_control="no-cache")

    assert (answer.status_code, told(answer)) == (304, "fwd=request; stored")
    assert here.origin.made["/a"] == 2


def test_who_makes_a_response_makes_all_of_it(here: Site) -> None:
    here.get("/a", if_none_match='"other"', if_modified_since="Thu, 01 Jan 1970 00:00:00 GMT", x_all="1")

    names = {name for name, _ in here.origin.asked[0]["headers"]}
    assert b"x-all" in names
    assert names & {b"if-none-match", b"if-modified-since"} == set()


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("Sat, 29 Oct 1994 19:43:31 GMT", 304),
        ("Sat, 29 Oct 1994 19:43:32 GMT", 304),
        ("Sat, 29 Oct 1994 19:43:30 GMT", 200),
        ("yesterday", 200),
    ],
)
def test_if_modified_since_is_compared_with_last_modified(here: Site, since: str, status: int) -> None:
    here.origin.reply("/a", ("last-modified", "Sat, 29 Oct 1994 19:43:31 GMT"))
    here.get("/a")

    answer = here.get("/a", if_modified_since=since)
    tagged = here.get("/a", if_modified_since=since, if_none_match='"other"')

    assert (answer.status_code, tagged.status_code) == (status, 200)


def test_another_body_type_or_language_has_another_tag(here: Site) -> None:
    ways = [((), b"1"), ((), b"2"), ((("content-type", "text/x"),), b"1"), ((LANGUAGE,), b"1")]

    tags = set()
    for number, (lines, body) in enumerate(ways):
        here.origin.reply(f"/{number}", *lines, body=body)
        tags.add(here.get(f"/{number}").headers["etag"])

    assert len(tags) == len(ways)
    assert not any(tag.startswith("W/") for tag in tags)


def test_what_is_not_stored_has_no_tag(here: Site) -> None:
    here.origin.reply("/a", ("cache-control", "no-store"))

    assert "etag" not in here.get("/a").headers


@pytest.mark.parametrize(
    "lines", [{"cache_control": "no-cache"}, {"pragma": "no-cache"}, {"cache_control": "max-age=0"}], ids=str
)
def test_who_reloads_gets_a_new_response_and_so_do_all_after_that(here: Site, lines: dict[str, str]) -> None:
    here.get("/a")

    reloaded, after = here.get("/a", **lines), here.get("/a")

    assert (reloaded.text, told(reloaded)) == ("/a 2", "fwd=request; stored")
    assert (after.text, told(after)) == ("/a 2", "hit")


def test_how_fresh_a_response_is_to_be_can_be_asked_for(here: Site) -> None:
    here.origin.reply("/a", ("age", "20"), ("cache-control", "max-age=50"))
    here.get("/a")

    wishes = ("max-age=25", "min-fresh=20", "max-age=19", "min-fresh=31", "max-age=soon")
    answers = [here.get("/a", cache_control=each) for each in wishes]

    assert [told(each) for each in answers] == ["hit"] * 2 + ["fwd=request; stored"] * 3
    assert 20 <= int(answers[0].headers["age"]) < 25


def test_who_wants_only_what_is_cached_gets_504_where_nothing_is(here: Site) -> None:
    nothing = here.get("/a", cache_control="only-if-cached")
    here.get("/a")
    stored = here.get("/a", cache_control="only-if-cached")

    assert (nothing.status_code, told(nothing)) == (504, "detail=only-if-cached")
    assert (stored.status_code, told(stored)) == (200, "hit")
    assert here.origin.made["/a"] == 1


def test_what_other_caches_said_stays(here: Site) -> None:
    here.origin.reply("/a", ("cache-status", "inner; fwd=miss"))

    answer = here.get("/a")

    assert answer.headers.get_list("cache-status") == [
        "inner; fwd=miss",
        "modkit-redis; fwd=uri-miss; stored",
    ]


def test_keys_show_nothing_of_the_request(here: Site, admin: redis.Redis) -> None:
    here.get("/hidden?token=hidden", x_hidden="hidden")

    keys = [*entries(admin, here.prefix), *admin.scan_iter(f"{here.prefix}*")]

    assert len(keys) == 3
    assert b"hidden" not in b"".join(keys)
    assert all(admin.pttl(key) > 0 for key in keys)


def test_the_application_is_told_what_the_client_has_where_nothing_can_be_stored(
    here: Site, admin: redis.Redis
) -> None:
    here.origin.reply("/a", ("cache-control", "no-store"), ("etag", '"mine"'))
    here.get("/a")
    until_noted(admin, here.prefix)

    here.get("/a", if_none_match='"mine"')

    assert (b"if-none-match", b'"mine"') in here.origin.asked[-1]["headers"]
