"""Sessions in WSGI applications, call by call: late ``start_response``, ``write()``, ``close()``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from modkit_redis.contract import ArgumentError, CommandRefusedError, SessionToken
from modkit_redis.session.tokens import new_token
from modkit_redis.testing import EmbeddedServer
from modkit_redis.web import SessionCookie
from modkit_redis.web.wsgi import SessionMiddleware
from tests.leaks import leaks
from tests.session_faults import QUICK
from tests.session_stores import AsyncSessionStores, Sessions, SessionStores, Traces
from tests.stand_ins import DictSessions
from tests.support import stock_client
from tests.web.session_apps import FailedOnPurposeError
from tests.web.test_session_races import warnings

HEADERS = [("Content-Type", "text/plain")]


@pytest.fixture
def stores() -> Iterator[SessionStores]:
    stores = SessionStores()
    yield stores
    stores.close()


@pytest.fixture
def sessions(stores: SessionStores, addr: str, prefix: str) -> Sessions:
    return stores.open(addr, prefix, per_user_max=5)


class Server:
    """Calls an application as a server does, and keeps what it sends.

    Attributes:
        sent: The status and headers when they leave, then the parts of the body.
    """

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self._waiting: Any = None

    def call(self, app: Any, token: str | None = None, *, stop_after: int = 100, **more: str) -> Server:
        environ: dict[str, Any] = {"QUERY_STRING": "", **more}
        setup_testing_defaults(environ)
        if token is not None:
            environ["HTTP_COOKIE"] = f"a=b; __Host-session={token}"
        body = app(environ, self.start_response)
        try:
            for number, part in enumerate(body):
                if number == stop_after:
                    break
                self.write(part)
            else:
                self.write(b"")
        finally:
            if hasattr(body, "close"):
                body.close()
        return self

    def start_response(self, status: str, headers: Any, problem: Any = None, /) -> Callable[[bytes], object]:
        if problem and self.sent:
            raise problem[1]
        assert problem or self._waiting is None
        self._waiting = (status, headers)
        return self.write

    def write(self, part: bytes) -> None:
        assert self._waiting
        if not self.sent:
            self.sent.append(self._waiting)
        self.sent.append(part)

    @property
    def status(self) -> str:
        found: str = self.sent[0][0]
        return found

    @property
    def body(self) -> bytes:
        return b"".join(self.sent[1:])

    @property
    def cookies(self) -> list[str]:
        return [value for name, value in self.sent[0][1] if name == "Set-Cookie"]

    @property
    def token(self) -> SessionToken:
        [line] = self.cookies
        return SessionToken(line.partition("=")[2].partition(";")[0])


def write(environ: Any, start_response: Any) -> Iterable[bytes]:
    environ["modkit_redis.session"]["n"] = 1
    start_response("200 OK", HEADERS)
    return [b"done"]


def late(environ: Any, start_response: Any) -> Iterator[bytes]:
    """Call ``start_response`` when the first part is asked for."""
    environ["modkit_redis.session"]["n"] = 1
    start_response("200 OK", HEADERS)
    environ["modkit_redis.session"]["m"] = 1
    yield b"do"
    yield b"ne"


def imperative(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Use ``write``."""
    send = start_response("200 OK", HEADERS)
    environ["modkit_redis.session"]["n"] = 1
    send(b"do")
    send(b"ne")
    return []


def empty(environ: Any, start_response: Any) -> Iterator[bytes]:
    environ["modkit_redis.session"]["n"] = 1
    start_response("204 No Content", [])
    yield from ()


@pytest.mark.parametrize("app", [write, late, imperative, empty])
def test_it_is_saved_and_the_cookie_set_however_an_application_answers(sessions: Sessions, app: Any) -> None:
    server = Server().call(SessionMiddleware(app, store=sessions.store))

    stored = sessions.store.load(server.token)
    assert stored is not None and stored.data == ({"n": 1, "m": 1} if app is late else {"n": 1})
    assert server.body == (b"" if app is empty else b"done")


@pytest.mark.parametrize("app", [write, late, imperative])
def test_both_sides_keep_to_the_specification(sessions: Sessions, app: Any) -> None:
    checked = validator(SessionMiddleware(validator(app), store=sessions.store))

    server = Server().call(checked)

    assert server.status == "200 OK"
    assert sessions.store.load(server.token)


def test_a_body_of_known_length_stays_one(sessions: Sessions) -> None:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)

    body = SessionMiddleware(write, store=sessions.store)(environ, Server().start_response)

    assert body == [b"done"]


def test_what_the_body_changes_after_its_first_part_is_dropped_and_said(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", HEADERS)
        environ["modkit_redis.session"]["n"] = 1
        yield b"do"
        environ["modkit_redis.session"]["n"] = 2
        yield b"ne"

    server = Server().call(SessionMiddleware(app, store=sessions.store))

    stored = sessions.store.load(server.token)
    assert stored is not None and stored.data == {"n": 1}
    assert len(warnings(caplog)) == 1


class Closing:
    """A body that does something when it is closed."""

    def __init__(self, session: Any, parts: list[bytes], *, saves: bool) -> None:
        self._session, self._parts, self._saves = session, parts, saves
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        self.is_closed = True
        self._session["n"] = 2
        if self._saves:
            self._session.save()


@pytest.mark.parametrize("saves", [True, False])
def test_what_close_changes_it_saves_itself(
    sessions: Sessions, caplog: pytest.LogCaptureFixture, *, saves: bool
) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", HEADERS)
        return Closing(environ["modkit_redis.session"], [b"done"], saves=saves)

    token = sessions.store.create({"n": 0})

    Server().call(SessionMiddleware(app, store=sessions.store), token)

    stored = sessions.store.load(token)
    assert stored is not None and stored.data == {"n": 2 if saves else 0}
    assert len(warnings(caplog)) == (not saves)


@pytest.mark.parametrize("stop_after", [0, 1])
def test_a_client_that_goes_away_leaves_nothing_half_done(sessions: Sessions, stop_after: int) -> None:
    bodies = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["modkit_redis.session"]["n"] = 1
        environ["modkit_redis.session"].destroy()
        start_response("200 OK", HEADERS)
        bodies.append(Closing({}, [b"do", b"ne"], saves=False))
        return bodies[0]

    token = sessions.store.create({"n": 0})

    Server().call(SessionMiddleware(app, store=sessions.store), token, stop_after=stop_after)

    assert bodies[0].is_closed
    assert sessions.store.load(token) is None


def test_a_body_that_is_closed_before_it_began_saves_nothing_but_an_end(
    sessions: Sessions, traces: Traces
) -> None:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)

    body: Any = SessionMiddleware(late, store=sessions.store)(environ, Server().start_response)
    body.close()

    assert traces.handles() == set()


def fail() -> None:
    raise FailedOnPurposeError


@pytest.mark.parametrize("moment", ["before", "first", "later", "close"])
def test_an_exception_saves_nothing_more_and_goes_on(
    sessions: Sessions, traces: Traces, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    token = sessions.store.create({"n": 0})

    class Failing(Closing):
        def close(self) -> None:
            if moment == "close":
                raise FailedOnPurposeError

    def parts(session: Any) -> Iterator[bytes]:
        if moment == "first":
            raise FailedOnPurposeError
        yield b"do"
        session["n"] = 2
        if moment == "later":
            raise FailedOnPurposeError

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        session = environ["modkit_redis.session"]
        session["n"] = 1
        start_response("200 OK", HEADERS)
        if moment == "before":
            raise FailedOnPurposeError
        return Failing(session, parts(session), saves=False)  # type: ignore[arg-type]  # any iterable does

    with pytest.raises(FailedOnPurposeError):
        Server().call(SessionMiddleware(app, store=sessions.store), token)

    assert traces.values(token.handle) == {"n": b"1" if moment in ("later", "close") else b"0"}
    assert len(warnings(caplog)) == (moment in ("later", "close"))


def test_an_answer_that_takes_another_ones_place_decides(sessions: Sessions, traces: Traces) -> None:
    token = sessions.store.create({"n": 0})

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["modkit_redis.session"]["n"] = 1
        start_response("200 OK", HEADERS)
        try:
            fail()
        except FailedOnPurposeError:
            start_response("500 Failed", HEADERS, sys.exc_info())
        return [b"failed"]

    server = Server().call(SessionMiddleware(app, store=sessions.store), token)

    assert server.status == "500 Failed"
    assert traces.values(token.handle) == {"n": b"0"}


def test_an_exception_after_the_answer_began_is_raised_by_the_server(sessions: Sessions) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        environ["modkit_redis.session"]["n"] = 1
        start_response("200 OK", HEADERS)
        yield b"do"
        try:
            fail()
        except FailedOnPurposeError:
            start_response("500 Failed", HEADERS, sys.exc_info())
        yield b"failed"

    server = Server()

    with pytest.raises(FailedOnPurposeError):
        server.call(SessionMiddleware(app, store=sessions.store))

    assert (server.status, server.body) == ("200 OK", b"do")


def test_start_response_twice_is_a_mistake(sessions: Sessions) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", HEADERS)
        start_response("200 OK", HEADERS)
        return []

    with pytest.raises(AssertionError, match="twice"):
        Server().call(SessionMiddleware(app, store=sessions.store))


@pytest.mark.parametrize("app", [write, late, imperative, empty])
def test_a_session_that_cannot_be_saved_is_answered_by_503(
    stores: SessionStores, closed_port: str, app: Any
) -> None:
    sessions = stores.open(closed_port, "shop", QUICK)

    server = Server().call(SessionMiddleware(app, store=sessions.store))

    assert server.status == "503 Service Unavailable"
    assert ("Retry-After", "5") in server.sent[0][1]
    assert server.cookies == []
    assert server.body == b"Service Unavailable. Try again in 5 seconds.\n"


def test_an_answer_to_head_has_no_body_then(stores: SessionStores, closed_port: str) -> None:
    sessions = stores.open(closed_port, "shop", QUICK)
    middleware = SessionMiddleware(write, store=sessions.store)

    saving = Server().call(middleware, REQUEST_METHOD="HEAD")
    loading = Server().call(middleware, new_token(), REQUEST_METHOD="HEAD")

    assert saving.status == loading.status == "503 Service Unavailable"
    assert saving.body == loading.body == b""


def test_a_value_that_cannot_be_stored_is_raised_before_anything_is_sent(
    sessions: Sessions, traces: Traces
) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        environ["modkit_redis.session"]["n"] = object()
        start_response("200 OK", HEADERS)
        yield b"done"

    server = Server()

    with pytest.raises(ArgumentError):
        server.call(SessionMiddleware(app, store=sessions.store))

    assert (server.sent, traces.handles()) == ([], set())


def test_a_server_that_refuses_for_good_is_no_outage(
    stores: SessionStores, private_server: EmbeddedServer
) -> None:
    with stock_client(private_server.addr) as admin:
        admin.acl_setuser("nobody", enabled=True, nopass=True, keys=["*"], commands=["+@connection", "+info"])
    sessions = stores.open(private_server.addr, "shop", {"username": "nobody", "password": "x"})

    with pytest.raises(CommandRefusedError):
        Server().call(SessionMiddleware(write, store=sessions.store), new_token())


def test_a_second_middleware_with_the_same_cookie_loads_nothing(sessions: Sessions) -> None:
    found = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        found.append(environ["modkit_redis.session"])
        return write(environ, start_response)

    def outer(environ: Any, start_response: Any) -> Iterable[bytes]:
        found.append(environ["modkit_redis.session"])
        return SessionMiddleware(app, store=sessions.store)(environ, start_response)

    Server().call(SessionMiddleware(outer, store=sessions.store))

    assert found[0] is found[1]


def test_the_store_may_be_provided_or_a_stand_in() -> None:
    store = DictSessions()

    server = Server().call(SessionMiddleware(write, store=lambda: store, cookie=SessionCookie()))

    assert store.load(server.token) is not None


async def test_a_store_of_the_other_world_is_refused(addr: str, prefix: str) -> None:
    stores = AsyncSessionStores()
    other: Any = stores.open(addr, prefix).store

    with pytest.raises(ArgumentError, match="store must be a session store for threads"):
        SessionMiddleware(write, store=other)

    await stores.aclose()


@pytest.mark.parametrize("app", [write, late, imperative])
def test_where_a_server_refuses_the_headers_the_token_is_not_in_the_traceback(
    sessions: Sessions, app: Any
) -> None:
    tokens: list[str] = []

    def start_response(status: str, headers: Any, problem: Any = None, /) -> Any:
        tokens.append(dict(headers)["Set-Cookie"].partition("=")[2].partition(";")[0])
        del headers
        raise FailedOnPurposeError

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    with pytest.raises(FailedOnPurposeError) as raised:
        list(SessionMiddleware(app, store=sessions.store)(environ, start_response))

    assert leaks(tokens.pop(), raised.value) == []
