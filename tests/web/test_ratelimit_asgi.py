"""What the ASGI middleware does to scopes and messages, and to WebSockets on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from modkit_redis.contract import ArgumentError, StoreUnavailableError
from modkit_redis.ratelimit import AsyncRedisRateLimitStore
from modkit_redis.web.asgi import RateLimitMiddleware
from tests.leaks import leaks
from tests.limiters import AsyncLimiters, Limiters
from tests.support import wait_until
from tests.web.limited import KEY, Answer, header_of, layer, limited
from tests.web.structured import read_list

SECRET = "subject-7f3a"


class Exchange:
    """The messages of one connection."""

    def __init__(self, *received: str) -> None:
        self._received = [*received]
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        return {"type": self._received.pop(0)}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def types(self) -> list[str]:
        return [each["type"] for each in self.sent]


def http(**more: Any) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": "/", "headers": [], "client": ("192.0.2.1", 1), **more}


def websocket(**more: Any) -> dict[str, Any]:
    scope = http(type="websocket", **more)
    del scope["method"]
    return scope


def by_peer(scope: Any) -> Any:
    return ("peer", scope["client"][0])


@pytest.fixture
async def limiters() -> AsyncIterator[AsyncLimiters]:
    opened = AsyncLimiters()
    yield opened
    await opened.aclose()


@pytest.fixture
def store(limiters: AsyncLimiters, addr: str, prefix: str) -> AsyncRedisRateLimitStore:
    return limiters.open(addr, prefix, limit="a=1/hour")


async def messages_of(app: Any, scope: dict[str, Any], *received: str) -> Exchange:
    exchange = Exchange(*received)
    await app(scope, exchange.receive, exchange.send)
    return exchange


@pytest.mark.parametrize("kind", ["lifespan", "of-the-future"])
async def test_what_is_no_request_passes_untouched(store: AsyncRedisRateLimitStore, kind: str) -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.append(given)

    scope, exchange = {"type": kind}, Exchange()
    receive, send = exchange.receive, exchange.send
    await RateLimitMiddleware(app, store=store, identify=by_peer)(scope, receive, send)

    assert seen == [(scope, receive, send)]
    assert scope == {"type": kind}


def test_the_lifespan_of_the_application_runs(addr: str, prefix: str) -> None:
    answer = Answer()

    with limited("asgi", addr, prefix, answer.asgi, layer("a=5/hour")):
        pass

    assert answer.seen == ["startup", "shutdown"]


async def test_only_the_start_of_an_answer_is_touched(store: AsyncRedisRateLimitStore) -> None:
    start = {"type": "http.response.start", "status": 304, "headers": ((b"etag", b'"1"'),), "trailers": True}
    rest = [
        {"type": "http.response.body", "body": b"x", "more_body": True},
        {"type": "http.response.pathsend", "path": "/x"},
        {"type": "http.response.trailers", "headers": [(b"ratelimit", b"untouched")]},
    ]

    async def app(scope: Any, receive: Any, send: Callable[..., Any]) -> None:
        for each in (start, *rest):
            await send(each)

    exchange = await messages_of(RateLimitMiddleware(app, store=store, identify=by_peer), http())

    first, *others = exchange.sent
    assert {**first, "headers": None} == {**start, "headers": None}
    assert [name for name, _ in first["headers"]] == [b"etag", b"ratelimit-policy", b"ratelimit"]
    assert start["headers"] == ((b"etag", b'"1"'),)
    assert all(one is other for one, other in zip(others, rest, strict=True))


async def test_an_answer_without_headers_gets_some(store: AsyncRedisRateLimitStore) -> None:
    async def app(scope: Any, receive: Any, send: Callable[..., Any]) -> None:
        await send({"type": "http.response.start", "status": 204})

    exchange = await messages_of(RateLimitMiddleware(app, store=store, identify=by_peer), http())

    assert [name for name, _ in exchange.sent[0]["headers"]] == [b"ratelimit-policy", b"ratelimit"]


async def test_a_refusal_of_head_has_no_body(store: AsyncRedisRateLimitStore) -> None:
    app = RateLimitMiddleware(Answer().asgi, store=store, identify=by_peer)
    await messages_of(app, http())

    got, head = await messages_of(app, http()), await messages_of(app, http(method="HEAD"))

    assert got.sent[1]["body"].startswith(b"Too Many Requests.")
    assert head.sent[1] == {"type": "http.response.body", "body": b""}
    assert dict(head.sent[0]["headers"])[b"content-length"] == str(len(got.sent[1]["body"])).encode()


async def test_identify_may_be_a_coroutine_function(store: AsyncRedisRateLimitStore) -> None:
    async def identify(scope: Any) -> Any:
        await asyncio.sleep(0)
        return scope["client"][0]

    app = RateLimitMiddleware(Answer().asgi, store=store, identify=identify)
    statuses = [
        (await messages_of(app, http(client=(who, 1)))).sent[0]["status"] for who in ("ann", "ann", "bob")
    ]

    assert statuses == [200, 429, 200]


@pytest.mark.parametrize("found", [7, ("ip", 7), b"ann", ["ip"], True])
async def test_an_identity_that_is_no_text_is_the_applications_mistake(
    store: AsyncRedisRateLimitStore, found: Any
) -> None:
    app = RateLimitMiddleware(Answer().asgi, store=store, identify=lambda scope: found)

    with pytest.raises(ArgumentError, match="identify must return text, a tuple of texts, or None"):
        await messages_of(app, http())


async def test_nor_is_it_in_the_traceback(store: AsyncRedisRateLimitStore) -> None:
    found: Any = ("user", SECRET.encode())
    app = RateLimitMiddleware(Answer().asgi, store=store, identify=lambda scope: found)

    with pytest.raises(ArgumentError) as raised:
        await messages_of(app, http())

    assert leaks(SECRET, raised.value) == []


async def test_a_cost_that_is_none_is_the_applications_mistake(store: AsyncRedisRateLimitStore) -> None:
    app = RateLimitMiddleware(Answer().asgi, store=store, identify=by_peer, cost=lambda scope: -1)

    with pytest.raises(ArgumentError, match="cost must be a whole number"):
        await messages_of(app, http())


async def test_a_mistake_is_no_outage_and_shows_no_subject(limiters: AsyncLimiters, addr: str) -> None:
    store = limiters.open(addr, "", limit="a=1/hour", on_outage="open")
    await limiters.shut(store)
    app = RateLimitMiddleware(Answer().asgi, store=store, identify=lambda scope: SECRET)

    with pytest.raises(StoreUnavailableError) as raised:
        await messages_of(app, http())

    assert raised.value.reason == "closed"
    frames, traceback = [], raised.value.__traceback__
    while traceback:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    ours = [each for each in frames if "modkit_redis/" in each.f_code.co_filename]
    assert ours
    assert SECRET not in repr([each.f_locals for each in ours])


async def test_a_refused_websocket_is_closed_before_it_is_accepted(store: AsyncRedisRateLimitStore) -> None:
    app = RateLimitMiddleware(Answer().asgi, store=store, identify=by_peer)
    await messages_of(app, http())

    exchange = await messages_of(app, websocket(extensions=None), "websocket.connect")

    assert exchange.sent == [{"type": "websocket.close", "code": 1008}]


async def test_a_refused_websocket_is_told_why_where_the_server_can_say_it(
    store: AsyncRedisRateLimitStore,
) -> None:
    app = RateLimitMiddleware(Answer().asgi, store=store, identify=by_peer)
    await messages_of(app, http())

    scope = websocket(extensions={"websocket.http.response": {}})
    exchange = await messages_of(app, scope, "websocket.connect")

    assert exchange.types == ["websocket.http.response.start", "websocket.http.response.body"]
    assert exchange.sent[0]["status"] == 429
    assert b"retry-after" in dict(exchange.sent[0]["headers"])
    assert exchange.sent[1]["body"].startswith(b"Too Many Requests.")


async def test_a_websocket_that_left_meanwhile_is_told_nothing(store: AsyncRedisRateLimitStore) -> None:
    app = RateLimitMiddleware(Answer().asgi, store=store, identify=by_peer)
    await messages_of(app, http())

    exchange = await messages_of(app, websocket(), "websocket.disconnect")

    assert exchange.sent == []


async def test_a_websocket_that_is_allowed_passes_untouched(store: AsyncRedisRateLimitStore) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope[KEY].allowed, receive, send))

    scope, exchange = websocket(), Exchange()
    receive, send = exchange.receive, exchange.send
    await RateLimitMiddleware(app, store=store, identify=by_peer)(scope, receive, send)

    assert seen == [(True, receive, send)]


async def test_a_websocket_from_nobody_is_refused(store: AsyncRedisRateLimitStore) -> None:
    app = RateLimitMiddleware(Answer().asgi, store=store, identify=lambda scope: None)

    scope = websocket(extensions={"websocket.http.response": {}})
    exchange = await messages_of(app, scope, "websocket.connect")

    assert exchange.sent[0]["status"] == 400


def test_websockets_are_limited_on_a_real_server(addr: str, prefix: str) -> None:
    async def app(scope: Any, receive: Any, send: Callable[..., Any]) -> None:
        if scope["type"] == "lifespan":
            await Answer().asgi(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": scope[KEY].states[0].limit.name})
        await receive()

    with limited("asgi", addr, prefix, app, layer("a=1/hour")) as client:
        url = str(client.base_url).replace("http:", "ws:")
        with connect(url) as accepted:
            said = accepted.recv()
        with pytest.raises(InvalidStatus) as refused, connect(url):
            pass

    assert said == "a"
    response = refused.value.response
    assert response.status_code == 429
    assert read_list(response.headers["ratelimit"])["a"]["r"] == 0
    assert 3599 <= int(response.headers["retry-after"]) <= 3600


def test_the_application_hears_of_a_client_that_left_and_the_charge_stands(addr: str, prefix: str) -> None:
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Callable[..., Any]) -> None:
        if scope["type"] == "lifespan":
            await Answer().asgi(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        while not heard or heard[-1] != "http.disconnect":
            heard.append((await receive())["type"])

    keyed = layer("a=1/hour", identify=header_of("x-key"))
    with limited("asgi", addr, prefix, app, keyed) as client:
        with httpx.stream("GET", client.base_url, headers={"x-key": "ann"}) as got:
            next(got.iter_raw())
        wait_until(lambda: heard[-1:] == ["http.disconnect"], "the application has heard of it")
        again = client.get("/", headers={"x-key": "ann"})

    assert again.status_code == 429


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"store": None}, "store must be a rate limiter for asyncio, or a provider of one"),
    ({"identify": None}, "identify must be a function"),
    ({"identify": "ip"}, "identify must be a function"),
    ({"app": None}, "app must be a function"),
    ({"limit": "5/minute"}, "limit needs a name of its own here, as in 'api=100/minute'"),
    ({"limit": "often"}, "limit must be written like"),
    ({"limit": ()}, "limit must be at least one"),
    ({"limit": 5}, "limit must be a Limit, several, or text"),
    ({"limit": ("a=5/minute",)}, "limit must be a Limit, several, or text"),
    ({"limit": "a=5/minute, a=6/hour"}, "limit has a name twice"),
    ({"cost": -1}, "cost must be a whole number, at least 0, or a function"),
    ({"cost": True}, "cost must be a whole number, at least 0, or a function"),
    ({"applies": "/api"}, "applies must be a function of method and path, or None"),
    ({"unidentified": "share"}, "unidentified must be one of 'refuse', 'allow'"),
    ({"headers": "draft-7"}, "headers must be one of 'draft-11', None"),
    ({"headers": []}, "headers must be one of 'draft-11', None"),
    ({"legacy_headers": 1}, "legacy_headers must be one of True, False"),
    ({"body": "html"}, "body must be one of 'auto', 'plain', 'problem'"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
async def test_an_argument_that_cannot_be_used_is_refused_at_once(
    store: AsyncRedisRateLimitStore, wrong: dict[str, Any], message: str
) -> None:
    options: dict[str, Any] = {"app": Answer().asgi, "store": store, "identify": by_peer, **wrong}

    with pytest.raises(ArgumentError) as raised:
        RateLimitMiddleware(options.pop("app"), **options)

    assert str(raised.value).startswith(message)


async def test_a_store_of_the_other_world_is_refused(addr: str) -> None:
    limiters = Limiters()
    store = limiters.open(addr, "", limit="a=1/hour")

    with pytest.raises(ArgumentError, match="store must be a rate limiter for asyncio"):
        RateLimitMiddleware(Answer().asgi, store=store, identify=by_peer)  # type: ignore[arg-type]  # as it is

    limiters.close()
