"""The response cache between a server and an application, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import pytest

from modkit_redis.web.asgi import ResponseCacheMiddleware, flights
from modkit_redis.web.asgi.generations import _begun
from tests.caching import async_until
from tests.web.origin import Stores

WHO: ContextVar[str] = ContextVar("who", default="nobody")
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]}
STREAM = {"type": "http.response.start", "status": 200, "headers": []}

New = Callable[..., ResponseCacheMiddleware]


@pytest.fixture
async def stores(addr: str, prefix: str) -> AsyncIterator[Stores]:
    stores = Stores(addr, prefix)
    yield stores
    await stores.close()


@pytest.fixture
def new(stores: Stores) -> New:
    """Wrap an application."""
    return lambda app, **options: ResponseCacheMiddleware(app, store=stores, **{"ttl": 60, **options})


class Client:
    """One request, as a server makes it of what comes in."""

    def __init__(self, path: str = "/a", method: str = "GET", kind: str = "http", **scope: Any) -> None:
        self.scope = {"type": kind, "method": method, "path": path, "headers": [], **scope}
        self.got: list[Any] = []

    async def ask(self, app: Any) -> list[Any]:
        """Return the messages of the answer."""
        await app(self.scope, self._receive, self._send)
        return self.got

    @property
    def status(self) -> str:
        """What ``Cache-Status`` says."""
        return str(dict(self.got[0]["headers"])[b"cache-status"].decode().removeprefix("modkit-redis; "))

    async def _receive(self) -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Any) -> None:
        self.got.append(message)


def body(piece: bytes, *, more: bool = False) -> dict[str, Any]:
    """Return a message with a piece of a body."""
    return {"type": "http.response.body", "body": piece, "more_body": more}


def sends(*messages: Any) -> Any:
    """Return an application that does so."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for each in messages:
            await send(each)

    return app


async def status_of_second(app: ResponseCacheMiddleware) -> str:
    """Ask twice, and return what became of the second one."""
    clients = [Client(), Client()]
    for each in clients:
        await each.ask(app)
    return clients[1].status


async def test_a_stream_reaches_the_client_piece_by_piece_and_is_not_stored(new: New) -> None:
    client, went = Client(), list[int]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(STREAM)
        for piece in (b"1", b"2"):
            await send(body(piece, more=True))
            went.append(len(client.got))
        await send(body(b""))

    middleware = new(app)
    await client.ask(middleware)

    assert went == [2, 3]
    assert [each.get("body") for each in client.got] == [None, b"1", b"2", b""]
    assert client.status == "fwd=uri-miss"
    assert await status_of_second(middleware) == "fwd=uri-miss"


async def test_a_stream_without_an_end_keeps_nobody_waiting(new: New) -> None:
    streaming, over = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(STREAM)
        while not over.is_set():
            await send(body(b"data", more=True))
            streaming.set()
            await asyncio.sleep(0.005)

    middleware, clients = new(app), [Client() for _ in range(3)]
    asking = [asyncio.create_task(each.ask(middleware)) for each in clients]

    await async_until(lambda: all(len(each.got) > 2 for each in clients), "all get pieces")
    over.set()
    await asyncio.gather(*asking)


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((START, body(b"12", more=True), body(b"34")), id="pieces of a known length"),
        pytest.param((STREAM, body(b"1234")), id="one piece of an unknown length"),
        pytest.param((START, body(b"12", more=True), body(b"34", more=True), body(b"")), id="an end apart"),
    ],
)
async def test_a_complete_body_is_stored_and_sent_as_one(new: New, messages: tuple[Any, ...]) -> None:
    middleware, clients = new(sends(*messages)), [Client(), Client()]

    for each in clients:
        await each.ask(middleware)

    assert [each.status for each in clients] == ["fwd=uri-miss; stored", "hit"]
    for each in clients:
        assert [message.get("body") for message in each.got] == [None, b"1234"]
        assert dict(each.got[0]["headers"])[b"content-length"] == b"4"


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((START, body(b"12", more=True)), id="no end"),
        pytest.param((START, body(b"123")), id="too little"),
        pytest.param((START, body(b"12345")), id="too much"),
        pytest.param((START,), id="no body"),
        pytest.param(
            ({**START, "trailers": True}, body(b"1234"), {"type": "http.response.trailers"}), id="trailers"
        ),
        pytest.param((START, {"type": "http.response.pathsend", "path": "/x"}), id="a file for the server"),
        pytest.param(
            ({"type": "http.response.debug"}, START, body(b"1234")), id="a message that is not known"
        ),
    ],
)
async def test_what_is_not_one_complete_response_is_passed_on_as_it_is(
    new: New, messages: tuple[Any, ...]
) -> None:
    middleware, clients = new(sends(*messages)), [Client(), Client()]

    for each in clients:
        await each.ask(middleware)

    for each in clients:
        got = [{**one, "headers": one["headers"][:1]} if "headers" in one else one for one in each.got]
        assert got == list(messages)


async def test_a_body_that_grows_too_long_is_passed_on_complete(new: New) -> None:
    lines = [(b"content-length", b"nine")]
    messages = (
        {**START, "headers": lines},
        body(b"x" * 90),
    )
    middleware, client = new(sends(*messages), max_bytes=50), Client()

    got = await client.ask(middleware)

    assert got[1]["body"] == b"x" * 90
    assert client.status == "fwd=uri-miss"


async def test_an_application_that_fails_has_its_error_raised_and_nothing_stored(new: New) -> None:
    answers = iter((START, START))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(next(answers))
        await send(body(b"12", more=True))
        raise LookupError("its own")

    middleware, clients = new(app), [Client(), Client()]
    for each in clients:
        with pytest.raises(LookupError, match="its own"):
            await each.ask(middleware)

    assert [each.got for each in clients] == [[], []]


async def test_the_error_of_one_request_reaches_no_other(new: New) -> None:
    gate, calls = asyncio.Event(), list[int]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            await gate.wait()
            raise LookupError("its own")
        await sends(START, body(b"1234"))(scope, receive, send)

    middleware, clients = new(app), [Client() for _ in range(4)]
    asking = [asyncio.create_task(each.ask(middleware)) for each in clients]
    await async_until(lambda: bool(calls), "one makes it")
    gate.set()
    done = await asyncio.gather(*asking, return_exceptions=True)

    assert sum(isinstance(each, LookupError) for each in done) == 1
    assert sum(isinstance(each, list) and len(each) == 2 for each in done) == 3
    assert not any("unavailable" in each.status for each in clients if each.got)


@pytest.mark.parametrize("which", ["first", "last"])
async def test_a_request_that_is_cancelled_fails_no_other(new: New, which: str) -> None:
    gate, calls = asyncio.Event(), list[int]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        calls.append(1)
        await gate.wait()
        await sends(START, body(b"1234"))(scope, receive, send)

    middleware, clients = new(app), [Client() for _ in range(4)]
    asking = [asyncio.create_task(each.ask(middleware)) for each in clients[:1]]
    await async_until(lambda: bool(calls), "the first makes it")
    asking += [asyncio.create_task(each.ask(middleware)) for each in clients[1:]]
    await asyncio.sleep(0.02)
    asking[0 if which == "first" else -1].cancel()
    gate.set()
    done = await asyncio.gather(*asking, return_exceptions=True)

    assert sum(isinstance(each, asyncio.CancelledError) for each in done) == 1
    assert sum(isinstance(each, list) and each[-1]["body"] == b"1234" for each in done) == 3
    assert await status_of_second(middleware) == "hit"


async def test_the_application_runs_in_the_task_and_the_context_of_its_request(new: New) -> None:
    tasks = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        tasks.append(asyncio.current_task())
        WHO.set("somebody")
        scope["route"] = "found"
        await sends(START, body(b"1234"))(scope, receive, send)

    client = Client(headers=[(b"if-none-match", b'"x"')])
    await client.ask(new(app))

    assert tasks == [asyncio.current_task()]
    assert (WHO.get(), client.scope["route"]) == ("somebody", "found")
    assert client.scope["headers"] == [(b"if-none-match", b'"x"')]


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_what_is_no_http_request_passes_by_untouched(new: New, kind: str) -> None:
    client = Client(kind=kind)

    got = await client.ask(new(sends({"type": "anything"})))

    assert got == [{"type": "anything"}]


async def test_one_who_is_told_whose_it_is_may_wait_for_that(new: New) -> None:
    async def owner(scope: Any) -> str:
        await asyncio.sleep(0)
        return str(scope["who"])

    middleware = new(
        sends({**STREAM, "headers": [(b"cache-control", b"private")]}, body(b"1")), private=owner
    )
    clients = [Client(who="ada"), Client(who="ada"), Client(who="bob")]
    for each in clients:
        await each.ask(middleware)

    assert [each.status for each in clients] == ["fwd=uri-miss; stored", "hit", "fwd=uri-miss; stored"]


async def test_an_answer_to_head_from_the_cache_has_no_body(new: New) -> None:
    middleware = new(sends(START, body(b"1234")))
    await Client().ask(middleware)

    got = await Client(method="HEAD").ask(middleware)

    assert dict(got[0]["headers"])[b"content-length"] == b"4"
    assert [each["body"] for each in got[1:]] == [b""]


async def test_a_body_that_will_be_too_long_is_passed_on_piece_by_piece(new: New) -> None:
    client, went = Client(), list[int]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"12", more=True))
        went.append(len(client.got))
        await send(body(b"34"))

    await client.ask(new(app, max_bytes=3))

    assert went == [2]


async def test_who_begins_a_group_that_another_has_just_begun_takes_part_in_it(stores: Stores) -> None:
    begun = [await _begun(stores(), "group") for _ in range(2)]

    assert begun[0] == begun[1]


async def test_who_is_gone_makes_nothing_that_others_wait_for(new: New) -> None:
    gate, calls = asyncio.Event(), list[int]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            await gate.wait()
            raise LookupError("its own")
        await sends(START, body(b"1234"))(scope, receive, send)

    middleware, clients = new(app), [Client() for _ in range(3)]
    asking = [asyncio.create_task(clients[0].ask(middleware))]
    await async_until(lambda: bool(calls), "the first makes it")
    for each in clients[1:]:
        asking.append(asyncio.create_task(each.ask(middleware)))
        await asyncio.sleep(0.03)
    asking[1].cancel()
    await asyncio.wait(asking[1:2])
    gate.set()

    assert (await asyncio.wait_for(asking[2], 10))[-1]["body"] == b"1234"
    assert isinstance((await asyncio.gather(*asking, return_exceptions=True))[0], LookupError)


@pytest.mark.parametrize("headers", [[], [(b"if-none-match", b'"x"')]])
async def test_one_inside_of_another_leaves_the_response_to_it_and_waits_for_nobody(
    new: New, headers: Any
) -> None:
    client = Client(headers=headers)

    await asyncio.wait_for(client.ask(new(new(sends(START, body(b"1234"))))), 5)

    assert (client.status, client.got[1]["body"]) == ("fwd=uri-miss; stored", b"1234")


async def test_a_stream_of_events_is_passed_on_from_its_beginning(new: New) -> None:
    passed = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**STREAM, "headers": [(b"Content-Type", b"text/event-stream; charset=utf-8")]})
        passed.set()
        await asyncio.Event().wait()

    clients = [Client(), Client()]
    asking = [asyncio.create_task(each.ask(new(app))) for each in clients]
    await passed.wait()

    await async_until(lambda: all(each.got for each in clients), "both have the beginning", 5)
    for each in asking:
        each.cancel()


async def test_nobody_waits_for_ever_for_a_response_that_never_comes(
    new: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "WAIT_AT_MOST", timedelta(milliseconds=20))
    asked, client = [], Client()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope)
        if len(asked) == 1:
            await asyncio.Event().wait()
        await sends(START, body(b"1234"))(scope, receive, send)

    cached = new(app)
    first = asyncio.create_task(Client().ask(cached))
    await async_until(lambda: bool(asked), "the first one is being made", 5)
    await asyncio.wait_for(client.ask(cached), 5)

    assert (client.status, client.got[1]["body"]) == ("fwd=uri-miss; stored", b"1234")
    assert not first.done()
    await async_until(lambda: len(flights._UNENDED) == 1, "only the first one's own task is left", 5)
    first.cancel()


async def test_504_to_head_has_no_body(new: New) -> None:
    client = Client(method="HEAD", headers=[(b"cache-control", b"only-if-cached")])

    start, end = await client.ask(new(sends(START, body(b"1234"))))

    assert (start["status"], end["body"]) == (504, b"")
