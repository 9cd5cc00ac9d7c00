"""Sessions in ASGI applications, message by message: WebSockets, disconnects, mounted applications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from modkit_redis.contract import ArgumentError, CommandRefusedError, SessionToken, StoreUnavailableError
from modkit_redis.session.tokens import new_token
from modkit_redis.testing import EmbeddedServer
from modkit_redis.web import SessionCookie
from modkit_redis.web.asgi import SessionMiddleware
from tests.faults.proxy import Proxy
from tests.leaks import leaks
from tests.session_faults import QUICK
from tests.session_stores import AsyncSessions, AsyncSessionStores, SessionStores, Traces, load_scripts
from tests.stand_ins import AsyncDictSessions
from tests.support import stock_client
from tests.web.session_apps import FailedOnPurposeError
from tests.web.test_session_races import warnings

App = Callable[[Any, Any, Any], Awaitable[None]]
START: dict[str, Any] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"Content-Type", b"text/plain")],
}
END = {"type": "http.response.body", "body": b"done"}
DENIAL: dict[str, Any] = {"websocket.http.response": {}}


@pytest.fixture
async def stores() -> AsyncIterator[AsyncSessionStores]:
    stores = AsyncSessionStores()
    yield stores
    await stores.aclose()


@pytest.fixture
def sessions(stores: AsyncSessionStores, addr: str, prefix: str) -> AsyncSessions:
    return stores.open(addr, prefix, per_user_max=5)


def http(token: str | None = None, **more: Any) -> dict[str, Any]:
    headers = [] if token is None else [(b"cookie", f"__Host-session={token}".encode())]
    return {"type": "http", "method": "GET", "path": "/", "headers": headers, **more}


def websocket(token: str | None = None, **more: Any) -> dict[str, Any]:
    return {**http(token), "type": "websocket", **more}


async def call(app: App, scope: dict[str, Any], *received: dict[str, Any]) -> list[dict[str, Any]]:
    """Call an application; return what it sends."""
    sent: list[dict[str, Any]] = []
    waiting = list(received) or [{"type": "http.request", "body": b""}]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": f"{scope['type']}.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def cookies(message: dict[str, Any]) -> list[str]:
    return [value.decode() for name, value in message["headers"] if name == b"set-cookie"]


def token_in(message: dict[str, Any]) -> SessionToken:
    [line] = cookies(message)
    return SessionToken(line.partition("=")[2].partition(";")[0])


async def write(scope: Any, receive: Any, send: Any) -> None:
    scope["session"]["n"] = 1
    await send(START)
    await send(END)


async def test_it_is_saved_before_anything_is_sent(sessions: AsyncSessions, traces: Traces) -> None:
    seen = []

    async def send(message: Any) -> None:
        seen.append((message["type"], len(traces.handles())))

    await SessionMiddleware(write, store=sessions.store)(http(), None, send)  # type: ignore[arg-type]  # unused

    assert seen == [("http.response.start", 1), ("http.response.body", 1)]


async def test_the_applications_own_message_is_not_changed(sessions: AsyncSessions) -> None:
    before = {**START, "headers": list(START["headers"])}

    sent = await call(SessionMiddleware(write, store=sessions.store), http())

    assert before == START
    assert sent[0]["headers"][0] == (b"Content-Type", b"text/plain")


async def test_lifespan_and_whatever_is_unknown_pass_untouched(sessions: AsyncSessions) -> None:
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    for kind in ("lifespan", "other"):
        no_call: Any = None  # neither receives nor sends: it is passed on
        await SessionMiddleware(app, store=sessions.store)({"type": kind}, no_call, no_call)

    assert scopes == [{"type": "lifespan"}, {"type": "other"}]


@pytest.mark.parametrize("given", ["store", "provider", "async provider"])
async def test_the_store_is_given_or_provided_at_each_request(sessions: AsyncSessions, given: str) -> None:
    async def provide() -> Any:
        return sessions.store

    store: Any = {"store": sessions.store, "provider": lambda: sessions.store, "async provider": provide}
    middleware = SessionMiddleware(write, store=store[given])

    [start, _] = await call(middleware, http())

    assert await sessions.store.load(token_in(start))


async def test_a_stand_in_takes_the_place_of_the_store() -> None:
    store = AsyncDictSessions()
    middleware = SessionMiddleware(write, store=store)

    [start, _] = await call(middleware, http())
    again = await call(middleware, http(token_in(start)))

    assert store.sessions.load(token_in(start)) is not None
    assert cookies(again[0]) == []


@pytest.mark.parametrize("bad", [None, object(), "redis.session.store"])
def test_what_is_no_store_is_refused(bad: Any) -> None:
    with pytest.raises(
        ArgumentError, match="store must be a session store for asyncio, or a provider of one"
    ):
        SessionMiddleware(write, store=bad)


def test_a_store_of_the_other_world_is_refused(addr: str, prefix: str) -> None:
    stores = SessionStores()
    threaded: Any = stores.open(addr, prefix).store

    with pytest.raises(ArgumentError, match="store must be a session store for asyncio"):
        SessionMiddleware(write, store=threaded)

    stores.close()


def test_what_is_no_cookie_is_refused(sessions: AsyncSessions) -> None:
    bad: Any = "session"

    with pytest.raises(ArgumentError, match="cookie must be a SessionCookie, not str"):
        SessionMiddleware(write, store=sessions.store, cookie=bad)


async def test_a_second_middleware_with_the_same_cookie_loads_nothing(sessions: AsyncSessions) -> None:
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope["session"])
        await write(scope, receive, send)

    inner = SessionMiddleware(app, store=sessions.store)
    token = await sessions.store.create({})

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope["session"])
        await inner({**scope, "root_path": "/mounted"}, receive, send)

    sent = await call(SessionMiddleware(outer, store=sessions.store), http(token))

    assert found[0] is found[1]
    assert cookies(sent[0]) == []
    assert (await sessions.store.load(token)).data == {"n": 1}  # type: ignore[union-attr]  # it is there


async def test_a_mounted_application_may_have_a_session_of_its_own(sessions: AsyncSessions) -> None:
    inner = SessionMiddleware(write, store=sessions.store, cookie=SessionCookie(name="admin", path="/admin"))

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["outer"] = 1
        await inner(dict(scope), receive, send)

    [start, _] = await call(SessionMiddleware(outer, store=sessions.store), http())

    assert [line.partition("=")[0] for line in cookies(start)] == ["admin", "__Host-session"]


async def test_several_cookie_headers_are_one_as_in_http_2(sessions: AsyncSessions) -> None:
    token = await sessions.store.create({"n": 1})
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["session"].presented)

    mine = (b"Cookie", f"__Host-session={token}".encode())
    await call(SessionMiddleware(app, store=sessions.store), http(headers=[(b"cookie", b"a=b"), mine]))
    await call(SessionMiddleware(app, store=sessions.store), http(headers=[mine, mine]))

    assert seen == ["current", "none"]


# WebSockets


async def accept(scope: Any, receive: Any, send: Any) -> None:
    """Write before and after accepting."""
    await receive()
    scope["session"]["n"] = 1
    await send({"type": "websocket.accept"})
    scope["session"]["n"] = 2
    await scope["session"].save()
    await send({"type": "websocket.send", "text": "saved"})
    scope["session"]["n"] = 3


async def test_a_websocket_is_given_a_cookie_when_it_is_accepted_and_saves_later_itself(
    sessions: AsyncSessions, caplog: pytest.LogCaptureFixture
) -> None:
    sent = await call(
        SessionMiddleware(accept, store=sessions.store), websocket(), {"type": "websocket.connect"}
    )

    assert [each["type"] for each in sent] == ["websocket.accept", "websocket.send"]
    stored = await sessions.store.load(token_in(sent[0]))
    assert stored is not None and stored.data == {"n": 2}
    assert len(warnings(caplog)) == 1


async def test_a_websocket_has_the_session_of_its_handshake(sessions: AsyncSessions) -> None:
    token = await sessions.store.create({"n": 0})

    sent = await call(
        SessionMiddleware(accept, store=sessions.store), websocket(token), {"type": "websocket.connect"}
    )

    assert cookies(sent[0]) == []
    stored = await sessions.store.load(token)
    assert stored is not None and stored.data == {"n": 2}


async def test_a_websocket_that_is_refused_saves_nothing_and_says_so(
    sessions: AsyncSessions, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "websocket.close"})

    await call(SessionMiddleware(app, store=sessions.store), websocket())

    assert traces.handles() == set()
    assert len(warnings(caplog)) == 1


async def test_a_websocket_that_is_denied_with_an_answer_gets_the_cookie_of_it(
    sessions: AsyncSessions,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
        await send({"type": "websocket.http.response.body"})

    sent = await call(SessionMiddleware(app, store=sessions.store), websocket(extensions=DENIAL))

    assert await sessions.store.load(token_in(sent[0]))


@pytest.mark.parametrize("extensions", [{}, DENIAL, None])
async def test_a_websocket_whose_session_cannot_be_loaded_is_refused(
    stores: AsyncSessionStores, closed_port: str, extensions: Any
) -> None:
    sessions = stores.open(closed_port, "shop", QUICK)
    scope = websocket(new_token(), extensions=extensions)

    sent = await call(SessionMiddleware(accept, store=sessions.store), scope, {"type": "websocket.connect"})

    if extensions:
        assert [each["type"].split(".")[-1] for each in sent] == ["start", "body"]
        assert (sent[0]["status"], dict(sent[0]["headers"])[b"retry-after"]) == (503, b"5")
    else:
        assert sent == [{"type": "websocket.close", "code": 1013}]


async def test_a_websocket_whose_session_cannot_be_saved_is_not_accepted(
    stores: AsyncSessionStores, closed_port: str
) -> None:
    sessions = stores.open(closed_port, "shop", QUICK)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        scope["session"]["n"] = 1
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "text": "tick"})

    sent = await call(
        SessionMiddleware(app, store=sessions.store), websocket(), {"type": "websocket.connect"}
    )

    assert sent == [{"type": "websocket.close", "code": 1013}]


# Disconnects, and answers that nobody gets


async def test_a_503_for_head_has_no_body(stores: AsyncSessionStores, closed_port: str) -> None:
    sessions = stores.open(closed_port, "shop", QUICK)

    start, end = await call(SessionMiddleware(write, store=sessions.store), http(method="HEAD"))

    assert (start["status"], end["body"]) == (503, b"")


async def test_a_stream_without_end_ends_when_its_answer_was_replaced(
    stores: AsyncSessionStores, closed_port: str
) -> None:
    sessions = stores.open(closed_port, "shop", QUICK)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send(START)
        try:
            while True:
                await send({**END, "more_body": True})
        except OSError as error:
            raise FailedOnPurposeError from error

    sent = await call(SessionMiddleware(app, store=sessions.store), http())

    assert [each.get("status") for each in sent] == [503, None]


@pytest.mark.parametrize("fails", [True, False])
async def test_so_does_one_that_comes_from_a_group_of_tasks_unless_another_of_them_fails(
    stores: AsyncSessionStores, closed_port: str, *, fails: bool
) -> None:
    sessions = stores.open(closed_port, "shop", QUICK)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def parts() -> None:
            await send(START)
            try:
                await send({**END, "more_body": True})
            finally:
                over.set()

        async def another() -> None:
            await over.wait()
            if fails:
                raise FailedOnPurposeError

        scope["session"]["n"], over = 1, asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(another())
            tasks.create_task(parts())

    answering = call(SessionMiddleware(app, store=sessions.store), http())
    if fails:
        with pytest.raises(ExceptionGroup):
            await answering
    else:
        assert [each.get("status") for each in await answering] == [503, None]


async def test_a_request_that_fails_for_another_reason_then_still_fails(
    stores: AsyncSessionStores, closed_port: str
) -> None:
    sessions = stores.open(closed_port, "shop", QUICK)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send(START)
        raise FailedOnPurposeError

    with pytest.raises(FailedOnPurposeError):
        await call(SessionMiddleware(app, store=sessions.store), http())


@pytest.mark.parametrize("asked", ["set", "rotate", "destroy"])
async def test_a_request_that_is_cancelled_leaves_nothing_half_done(
    sessions: AsyncSessions, traces: Traces, asked: str
) -> None:
    token, reached = await sessions.store.create({"n": 0}), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        if asked != "set":
            getattr(scope["session"], asked)()
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(call(SessionMiddleware(app, store=sessions.store), http(token)))
    await reached.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    if asked == "set":
        assert traces.values(token.handle) == {"n": b"0"}
    elif asked == "rotate":  # whoever asked for it has decided that the old one opens nothing
        assert traces.counted(token.handle)[1] == 1
        assert await sessions.store.load(token) is None
    else:
        assert traces.handles() == set()


async def test_a_request_that_is_cancelled_while_it_saves_has_saved_all_or_nothing(
    stores: AsyncSessionStores, addr: str, prefix: str, traces: Traces
) -> None:
    with stock_client(addr) as admin:
        load_scripts(admin)
    with Proxy(addr) as proxy:
        sessions = stores.open(proxy.addr, prefix)
        token, came = await sessions.store.create({"n": 0, "m": 0}), asyncio.Event()
        loop = asyncio.get_running_loop()
        proxy.at(b"EVALSHA", lambda: loop.call_soon_threadsafe(came.set))

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["session"].update(n=1, m=1)
            await send(START)

        task = asyncio.create_task(call(SessionMiddleware(app, store=sessions.store), http(token)))
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert traces.values(token.handle) in ({"n": b"0", "m": b"0"}, {"n": b"1", "m": b"1"})
        assert await sessions.store.load(token) is not None


async def test_an_exception_of_the_application_is_not_hidden_by_one_of_the_store(
    stores: AsyncSessionStores, private_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(private_server.addr, "shop", QUICK)
    token = await sessions.store.create({"n": 0})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].destroy()
        private_server.kill()
        raise FailedOnPurposeError

    with pytest.raises(FailedOnPurposeError):
        await call(SessionMiddleware(app, store=sessions.store), http(token))

    assert len(warnings(caplog)) == 1


async def test_an_applications_own_errors_of_redis_are_left_to_it(sessions: AsyncSessions) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise StoreUnavailableError("GET", "refused")

    with pytest.raises(StoreUnavailableError):
        await call(SessionMiddleware(app, store=sessions.store), http())


async def test_a_server_that_refuses_for_good_is_no_outage(
    stores: AsyncSessionStores, private_server: EmbeddedServer
) -> None:
    with stock_client(private_server.addr) as admin:
        admin.acl_setuser("nobody", enabled=True, nopass=True, keys=["*"], commands=["+@connection", "+info"])
    sessions = stores.open(private_server.addr, "shop", {"username": "nobody", "password": "x"})

    with pytest.raises(CommandRefusedError):
        await call(SessionMiddleware(write, store=sessions.store), http(new_token()))


async def test_an_answer_with_an_error_after_a_value_that_could_not_be_stored_is_sent(
    sessions: AsyncSessions, traces: Traces
) -> None:
    token = await sessions.store.create({"n": 0})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = object()
        try:
            await send(START)
        except ArgumentError:
            await send({**START, "status": 500})
            await send(END)

    sent = await call(SessionMiddleware(app, store=sessions.store), http(token))

    assert [each.get("status") for each in sent] == [500, None]
    assert traces.values(token.handle) == {"n": b"0"}


async def test_where_a_server_cannot_send_the_token_is_not_in_the_traceback(sessions: AsyncSessions) -> None:
    tokens: list[str] = []

    async def send(message: Any) -> None:
        tokens.append(token_in(message))
        del message
        raise FailedOnPurposeError

    with pytest.raises(FailedOnPurposeError) as raised:
        await SessionMiddleware(write, store=sessions.store)(http(), None, send)  # type: ignore[arg-type]  # unused

    assert leaks(tokens.pop(), raised.value) == []
