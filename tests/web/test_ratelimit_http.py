"""Rate limits as a client sees them, through a real server of either world."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import redis

from modkit_redis.contract import Limit
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.limiters import load_scripts_at, states
from tests.support import wait_until
from tests.web.limited import Answer, World, both_worlds, header_of, layer, limited, of
from tests.web.structured import read_list

TWO = "burst=3/minute, day=100/day"
KEYED: dict[str, Any] = {"identify": header_of("x-key")}
ANN = {"x-key": "ann"}


@both_worlds
def test_each_answer_tells_what_is_left_of_each_limit(world: World, addr: str, prefix: str) -> None:
    with limited(world, addr, prefix, of(Answer(), world), layer(TWO)) as client:
        answers = [client.get("/") for _ in range(2)]

    assert [each.text for each in answers] == ["served", "served"]
    for each in answers:
        policy = read_list(each.headers["ratelimit-policy"])
        assert policy == {"burst": {"q": 3, "w": 60}, "day": {"q": 100, "w": 86400}}
        assert "retry-after" not in each.headers
    left = [read_list(each.headers["ratelimit"]) for each in answers]
    assert [each["burst"]["r"] for each in left] == [2, 1]
    assert [each["day"]["r"] for each in left] == [99, 98]
    assert left[0]["burst"]["t"] == 20 and 39 <= left[1]["burst"]["t"] <= 40
    assert left[0]["day"]["t"] == 864 and 1727 <= left[1]["day"]["t"] <= 1728


@both_worlds
def test_a_request_over_a_limit_is_refused_and_the_application_not_asked(
    world: World, addr: str, prefix: str
) -> None:
    answer = Answer()
    with limited(world, addr, prefix, of(answer, world), layer(TWO)) as client:
        served = [client.get("/").status_code for _ in range(3)]
        refused = client.get("/")
        again = client.get("/")

    assert (served, refused.status_code, again.status_code) == ([200, 200, 200], 429, 429)
    assert len([each for each in answer.seen if each not in ("startup", "shutdown")]) == 3
    assert refused.headers["content-type"] == "text/plain; charset=utf-8"
    assert refused.headers["cache-control"] == "no-store"
    wait = int(refused.headers["retry-after"])
    assert 19 <= wait <= 20
    assert refused.text == (f"Too Many Requests. Refused by the limit burst. Try again in {wait} seconds.\n")
    items = read_list(refused.headers["ratelimit"])
    assert items["burst"] == {"r": 0, "t": wait}
    assert items["day"]["r"] == 97


@both_worlds
@pytest.mark.parametrize("body", ["auto", "problem"])
def test_a_refusal_is_problem_details_where_they_are_asked_for(
    world: World, addr: str, prefix: str, body: str
) -> None:
    headers = {"accept": "application/problem+json"} if body == "auto" else {}
    with limited(world, addr, prefix, of(Answer(), world), layer("a=1/hour", body=body)) as client:
        client.get("/")
        refused = client.get("/", headers=headers)

    assert refused.headers["content-type"] == "application/problem+json"
    wait = refused.headers["retry-after"]
    assert json.loads(refused.content) == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Request cannot be satisfied as assigned quota has been exceeded",
        "status": 429,
        "detail": f"Refused by the limit a. Try again in {wait} seconds.",
        "violated-policies": ["a"],
    }


@both_worlds
def test_an_answer_to_head_has_the_headers_and_no_body(world: World, addr: str, prefix: str) -> None:
    with limited(world, addr, prefix, of(Answer(), world), layer("a=1/hour")) as client:
        client.get("/")
        got, head = client.get("/"), client.head("/")
        after = client.head("/")  # on the same connection: what a body would have broken

    assert (head.status_code, head.content, after.status_code) == (429, b"", 429)
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))
    assert read_list(head.headers["ratelimit"])["a"]["r"] == 0
    assert "retry-after" in head.headers


@both_worlds
def test_what_is_never_allowed_is_refused_without_a_time_to_come_back(
    world: World, addr: str, prefix: str
) -> None:
    with limited(world, addr, prefix, of(Answer(), world), layer("a=5/hour", cost=6)) as client:
        refused = client.get("/")

    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    assert refused.text == (
        "Too Many Requests. Refused by the limit a. It is more than is ever allowed at once.\n"
    )
    assert read_list(refused.headers["ratelimit"]) == {"a": {"r": 5}}


@both_worlds
def test_a_function_says_what_a_request_costs(world: World, addr: str, prefix: str) -> None:
    def cost(request: Any) -> int:
        return int(header_of("x-cost")(request) or "1")

    with limited(world, addr, prefix, of(Answer(), world), layer("a=10/hour", cost=cost)) as client:
        left = [client.get("/", headers={"x-cost": each}).headers["ratelimit"] for each in ("1", "4", "0")]

    assert [read_list(each)["a"]["r"] for each in left] == [9, 5, 5]


@both_worlds
def test_limits_of_several_middlewares_stand_in_one_list(world: World, addr: str, prefix: str) -> None:
    answer = Answer()
    layers = (layer("ip=5/hour", legacy_headers=True), layer("user=2/hour", legacy_headers=True, **KEYED))
    with limited(world, addr, prefix, of(answer, world), *layers) as client:
        answers = [client.get("/", headers=ANN) for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]
    for each in answers:
        assert each.headers.get_list("ratelimit") == [each.headers["ratelimit"]]
        assert list(read_list(each.headers["ratelimit-policy"])) == ["ip", "user"]
        assert list(read_list(each.headers["ratelimit"])) == ["ip", "user"]
        assert each.headers["x-ratelimit-limit"] == "2"
    last = read_list(answers[2].headers["ratelimit"])
    assert (last["ip"]["r"], last["user"]["r"]) == (2, 0)
    assert answers[2].text.startswith("Too Many Requests. Refused by the limit user. ")
    seen = next(each for each in answer.seen if each != "startup")
    assert [each.states[0].limit.name for each in seen] == ["ip", "user"]


@both_worlds
def test_what_the_application_says_itself_stands(world: World, addr: str, prefix: str) -> None:
    own = Answer(
        headers=(
            ("RateLimit", '"own";r=7;t=8'),
            ("RateLimit-Policy", '"own";q=9'),
            ("X-RateLimit-Limit", "9"),
            ("Retry-After", "77"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        )
    )
    with limited(world, addr, prefix, of(own, world), layer("a=5/hour", legacy_headers=True)) as client:
        got = client.get("/")

    assert list(read_list(got.headers["ratelimit"])) == ["a", "own"]
    assert read_list(got.headers["ratelimit-policy"]) == {"a": {"q": 5, "w": 3600}, "own": {"q": 9}}
    assert (got.headers["x-ratelimit-limit"], got.headers["x-ratelimit-remaining"]) == ("9", "4")
    assert got.headers["retry-after"] == "77"
    assert got.headers.get_list("set-cookie") == ["a=1", "b=2"]


@both_worlds
def test_legacy_headers_are_sent_where_they_are_asked_for_alone(world: World, addr: str, prefix: str) -> None:
    options: dict[str, Any] = {"headers": None, "legacy_headers": True}
    with limited(world, addr, prefix, of(Answer(), world), layer(TWO, **options)) as client:
        before = int(time.time())
        got = client.get("/")
        after = int(time.time())

    assert "ratelimit" not in got.headers and "ratelimit-policy" not in got.headers
    assert (got.headers["x-ratelimit-limit"], got.headers["x-ratelimit-remaining"]) == ("3", "2")
    assert before + 20 <= int(got.headers["x-ratelimit-reset"]) <= after + 20


@both_worlds
def test_without_headers_a_refusal_still_says_when_to_come_back(world: World, addr: str, prefix: str) -> None:
    with limited(world, addr, prefix, of(Answer(), world), layer("a=1/hour", headers=None)) as client:
        got = [client.get("/") for _ in range(2)]

    assert not [name for each in got for name in each.headers if "ratelimit" in name]
    assert 3599 <= int(got[1].headers["retry-after"]) <= 3600


@both_worlds
def test_shadow_limits_are_known_to_the_application_and_not_told_to_clients(
    world: World, addr: str, prefix: str
) -> None:
    answer, limits = Answer(), "real=5/hour, trial=1/hour shadow"
    with limited(world, addr, prefix, of(answer, world), layer(limits)) as client:
        got = [client.get("/") for _ in range(2)]

    assert [each.status_code for each in got] == [200, 200]
    assert list(read_list(got[1].headers["ratelimit"])) == ["real"]
    assert list(read_list(got[1].headers["ratelimit-policy"])) == ["real"]
    decision = [each for each in answer.seen if each not in ("startup", "shutdown")][1]
    assert [each.allowed for each in decision.states] == [True, False]


@both_worlds
def test_a_middleware_may_bring_limits_of_its_own(world: World, addr: str, prefix: str) -> None:
    of_its_own = layer(limit=(Limit.parse("a=1/hour"), Limit.parse("b=2/hour")))
    with limited(world, addr, prefix, of(Answer(), world), of_its_own) as client:
        got = [client.get("/").status_code for _ in range(2)]

    assert got == [200, 429]


@both_worlds
def test_a_provider_is_asked_at_each_request(world: World, addr: str, prefix: str) -> None:
    asked: list[str] = []

    def given(store: Any) -> Any:
        def provider() -> Any:
            asked.append("asked")
            return store

        async def awaited() -> Any:
            return provider()

        return awaited if world == "asgi" else provider

    with limited(world, addr, prefix, of(Answer(), world), layer("a=5/hour", given=given)) as client:
        left = [read_list(client.get("/").headers["ratelimit"])["a"]["r"] for _ in range(2)]

    assert left == [4, 3]
    assert asked == ["asked", "asked"]


@both_worlds
def test_a_request_costs_one_round_trip_and_none_where_no_limit_applies(
    world: World, private_server: EmbeddedServer
) -> None:
    def applies(method: str, path: str) -> bool:
        return path.startswith("/api") and method != "OPTIONS"

    load_scripts_at(private_server.addr)
    app = of(Answer(), world)
    with limited(world, private_server.addr, "", app, layer("a=2/hour", applies=applies)) as client:
        client.get("/api")
        with ServerWatch(private_server.addr) as watch:
            free = [client.get("/health"), client.options("/api")]
            none = watch.round_trips()
            client.get("/api/ü")
            served = watch.round_trips()
            refused = client.get("/api")
            one = watch.round_trips()

    assert (none, served, one) == (0, 1, 1)
    assert refused.status_code == 429
    assert not [name for each in free for name in each.headers if "ratelimit" in name]


@both_worlds
@pytest.mark.parametrize("key", [None, "", "k" * 3000], ids=["none", "empty", "endless"])
def test_whoever_cannot_be_identified_is_refused_and_counted_nowhere(
    world: World,
    addr: str,
    prefix: str,
    admin: redis.Redis,
    key: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = Answer()
    headers = {} if key is None else {"x-key": key}
    with (
        caplog.at_level(logging.WARNING, "modkit_redis.web"),
        limited(world, addr, prefix, of(answer, world), layer("a=1/hour", **KEYED)) as client,
    ):
        got = [client.get("/", headers=headers) for _ in range(3)]
        known = client.get("/", headers=ANN)

    assert [each.status_code for each in got] == [400, 400, 400]
    assert got[0].text == "Bad Request. It cannot be told who sent this request.\n"
    assert not [name for each in got for name in each.headers if "ratelimit" in name or name == "retry-after"]
    assert known.status_code == 200
    assert [each for each in states(admin, prefix) if b"ann" not in each] == []
    assert [each.name for each in caplog.records if each.name.startswith("modkit_redis")] == [
        "modkit_redis.web"
    ]


@both_worlds
def test_whoever_cannot_be_identified_is_allowed_if_so_wanted_and_shares_no_limit(
    world: World, addr: str, prefix: str, admin: redis.Redis
) -> None:
    options: dict[str, Any] = {"unidentified": "allow", **KEYED}
    with limited(world, addr, prefix, of(Answer(), world), layer("a=1/hour", **options)) as client:
        got = [client.get("/") for _ in range(3)]
        known = [client.get("/", headers=ANN).status_code for _ in range(2)]

    assert [each.status_code for each in got] == [200, 200, 200]
    assert not [name for each in got for name in each.headers if "ratelimit" in name]
    assert known == [200, 429]
    assert len(states(admin, prefix)) == 1


@both_worlds
def test_a_request_that_fails_stays_charged(
    world: World, addr: str, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = Answer(error=RuntimeError("broken"))
    with (
        caplog.at_level(logging.CRITICAL),
        limited(world, addr, prefix, of(answer, world), layer("a=2/hour")) as client,
    ):
        got = [client.get("/").status_code for _ in range(3)]

    assert got == [500, 500, 429]


@both_worlds
def test_a_stream_is_told_of_its_limits_before_it_ends(world: World, addr: str, prefix: str) -> None:
    heard = threading.Event()

    async def asgi_stream(scope: Any, receive: Any, send: Callable[..., Any]) -> None:
        if scope["type"] == "lifespan":
            await Answer().asgi(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async for chunk in _chunks(heard):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    def wsgi_stream(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        assert heard.wait(5)
        yield b"last"

    app = asgi_stream if world == "asgi" else wsgi_stream
    with (
        limited(world, addr, prefix, app, layer("a=5/hour")) as client,
        client.stream("GET", "/") as got,
    ):
        chunks = got.iter_raw()
        first = next(chunks)
        left = read_list(got.headers["ratelimit"])
        heard.set()
        rest = b"".join(chunks)

    assert (first, rest, left["a"]["r"]) == (b"first", b"last", 4)


@both_worlds
def test_nothing_that_a_client_writes_gets_into_an_answer(world: World, addr: str, prefix: str) -> None:
    hostile = {
        "x-key": "ann-7f3a\x85",
        "accept": "application/problem+json;q=1, evil-7f3a/*;q=0.1, \x22\\;q=nan",
        "x-forwarded-for": 'evil-7f3a";r=9',
        "x-forwarded-host": "evil-7f3a",
    }
    sent = [(name.encode(), value.encode("latin-1")) for name, value in hostile.items()]
    with limited(world, addr, prefix, of(Answer(), world), layer("a=1/hour", **KEYED)) as client:
        got = [client.get("/?evil-7f3a", headers=sent) for _ in range(2)]

    assert [each.status_code for each in got] == [200, 429]
    for each in got:
        assert "7f3a" not in str(each.headers.raw) + each.text
        read_list(each.headers["ratelimit"])


async def _chunks(heard: threading.Event) -> AsyncIterator[bytes]:
    yield b"first"
    wait_until(heard.is_set, "the client has heard the first part")
    yield b"last"
