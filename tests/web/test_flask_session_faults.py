"""Flask's session when things go wrong, come late, or come at once: outages, races, streams, threads."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import redis
from flask import Flask, Response, copy_current_request_context, request, stream_with_context

from modkit_redis.contract import ArgumentError, ConfigError, SessionLostError, StoreUnavailableError
from modkit_redis.session import RedisSessionStore
from modkit_redis.testing import EmbeddedServer
from modkit_redis.web.flask import SessionUnavailableError, session
from modkit_redis.web.wsgi import SessionMiddleware
from tests.faults.forking import in_child
from tests.session_faults import QUICK
from tests.session_stores import SessionStores, Snapshot, Traces
from tests.support import stock_client, wait_until
from tests.web.flasks import COOKIE, NAME, app_with, served, set_cookies

TOKEN = f"{'A' * 22}.{'B' * 42}A"


@pytest.fixture
def stores() -> Iterator[SessionStores]:
    stores = SessionStores()
    yield stores
    stores.close()


@pytest.fixture
def store(stores: SessionStores, addr: str, prefix: str) -> RedisSessionStore:
    return stores.open(addr, prefix, per_user_max=10).store


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    return Traces(admin, prefix)


def put() -> str:
    session["colour"] = "green"
    return "put"


def get() -> str:
    return str(session.get("colour"))


def plain() -> str:
    return "plain"


def sign_in() -> str:
    session.bind("ada")
    return "in"


def sign_out() -> str:
    session.destroy()
    return "out"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "modkit_redis.web"]


def test_only_who_looks_at_the_session_feels_an_outage(stores: SessionStores, closed_port: str) -> None:
    app = app_with(stores.open(closed_port, "away", QUICK).store, get=get, plain=plain)
    app.testing = True
    client = app.test_client()
    client.set_cookie(NAME, TOKEN)

    refused = client.get("/get", headers={"Accept": "application/json"})

    assert client.get("/plain").status_code == 200
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers.getlist("Set-Cookie") == []
    assert refused.mimetype == "application/problem+json"


@pytest.mark.parametrize("handled", [503, StoreUnavailableError, SessionUnavailableError])
def test_a_handler_answers_an_outage(stores: SessionStores, closed_port: str, handled: Any) -> None:
    app = app_with(stores.open(closed_port, "away", QUICK).store, get=get)
    app.register_error_handler(handled, lambda error: (f"away: {error.reason}", 503))
    client = app.test_client()
    client.set_cookie(NAME, TOKEN)

    assert client.get("/get").text == "away: refused"


def test_an_outage_costs_a_request_one_wait(stores: SessionStores, closed_port: str) -> None:
    def thrice() -> str:
        caught = []
        for _ in range(3):
            with pytest.raises(StoreUnavailableError) as error:
                session.get("colour")
            caught.append(error.value)
        return str(len(set(map(id, caught))))

    app = app_with(stores.open(closed_port, "away", QUICK).store, thrice=thrice)
    client = app.test_client()
    client.set_cookie(NAME, TOKEN)

    answer = client.get("/thrice")

    assert (answer.status_code, answer.text) == (200, "1")


def test_an_outage_may_make_everybody_anonymous(stores: SessionStores, closed_port: str) -> None:
    store = stores.open(closed_port, "away", QUICK, on_outage="anonymous").store
    app = app_with(store, get=get, put=put, sign_out=sign_out)
    client = app.test_client()
    client.set_cookie(NAME, TOKEN)

    answers = [client.get(path) for path in ("/get", "/put", "/sign_out")]

    assert [each.status_code for each in answers] == [200, 503, 503]
    assert answers[0].text == "None"
    assert {each.headers.get("Set-Cookie") for each in answers} == {None}


def test_redis_that_dies_during_a_request_makes_it_a_503_without_a_cookie(stores: SessionStores) -> None:
    """The answer's own headers go, but for those that let a script of another origin read it."""

    def die() -> Response:
        session["colour"] = "red"
        session.rotate()
        with stock_client(server.addr) as admin:
            disks.append(Snapshot(admin))
        server.kill()
        headers = {"Set-Cookie": "other=1", "ETag": '"x"', "Access-Control-Allow-Origin": "*"}
        return Response(iter(["never ", "sent"]), headers=headers)

    disks: list[Snapshot] = []
    with EmbeddedServer() as server:
        app = app_with(stores.open(server.addr, "dying", QUICK).store, put=put, get=get, die=die)
        with served(app) as client:
            client.get("/put")

            answer = client.get("/die")
            server.restart()
            with stock_client(server.addr) as admin:
                disks[0].restore(admin)
            recovered = client.get("/get")

    assert (answer.status_code, set_cookies(answer)) == (503, [])
    assert (answer.headers["Retry-After"], answer.headers.get("ETag")) == ("5", None)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "sent" not in answer.text
    assert recovered.text == "green"


def test_a_save_in_a_view_that_gets_no_answer_is_a_503_and_not_tried_again(
    stores: SessionStores, caplog: pytest.LogCaptureFixture
) -> None:
    def die() -> str:
        session["colour"] = "red"
        server.kill()
        session.save()
        return "never sent"

    with EmbeddedServer() as server:
        app = app_with(stores.open(server.addr, "dying", QUICK).store, die=die)
        with served(app) as client:
            answer = client.get("/die")

    assert (answer.status_code, set_cookies(answer)) == (503, [])
    assert warnings(caplog) == []  # a further try would be told


def test_a_client_that_was_closed_is_a_mistake_and_no_outage(stores: SessionStores, addr: str) -> None:
    opened = stores.open(addr, "closed")
    opened.module.client().close()
    client = app_with(opened.store, get=get).test_client()
    client.set_cookie(NAME, TOKEN)

    assert client.get("/get").status_code == 500


def test_a_server_that_takes_no_writes_makes_the_answer_a_503(stores: SessionStores) -> None:
    with EmbeddedServer() as server:
        app = app_with(stores.open(server.addr, "full").store, put=put, get=get)
        with served(app) as client, stock_client(server.addr) as admin:
            client.get("/put")
            admin.config_set("maxmemory", 1)
            answers = [client.get("/put"), client.get("/get")]

    assert [each.status_code for each in answers] == [503, 200]


def test_a_session_that_ended_meanwhile_is_not_brought_back(
    store: RedisSessionStore, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    """ASVS 7.4.1: a logout that a slow request in flight cannot undo."""

    def slow() -> str:
        session["colour"] = "red"
        loaded.set()
        assert ended.wait(10)
        return "slow"

    loaded, ended = threading.Event(), threading.Event()
    with served(app_with(store, put=put, slow=slow, sign_out=sign_out)) as client:
        client.get("/put")
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(httpx.get, f"{client.base_url}/slow", cookies={NAME: client.cookies[NAME]})
            assert loaded.wait(10)
            client.get("/sign_out")
            ended.set()
            answer = waiting.result()

    assert (answer.status_code, set_cookies(answer)) == (200, [])
    assert traces.handles() == set()
    assert any("nothing was saved" in each for each in warnings(caplog))


def test_a_late_request_with_a_replaced_token_begins_no_session(
    store: RedisSessionStore, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    with served(app_with(store, put=put, sign_in=sign_in)) as client:
        client.get("/put")
        old = client.cookies[NAME]
        client.get("/sign_in")

        late = httpx.get(f"{client.base_url}/put", cookies={NAME: old})

    assert (late.status_code, set_cookies(late)) == (200, [])
    assert len(traces.handles()) == 1
    assert any("1 keys are not saved" in each for each in warnings(caplog))


def test_two_requests_that_change_different_keys_both_win(store: RedisSessionStore) -> None:
    def one() -> str:
        session[request.args["key"]] = 1
        barrier.wait(10)
        return "saved"

    def both() -> list[str]:
        return sorted(session)

    barrier = threading.Barrier(2)
    with served(app_with(store, put=put, one=one, both=both)) as client:
        client.get("/put")
        cookies = {NAME: client.cookies[NAME]}
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda key: httpx.get(f"{client.base_url}/one?key={key}", cookies=cookies), "ab"))

        assert client.get("/both").json() == ["a", "b", "colour"]


def test_a_stream_reads_the_session_and_saves_what_it_says(store: RedisSessionStore) -> None:
    def parts() -> Iterator[str]:
        yield session["colour"]
        session["colour"] = "streamed"
        session.save()
        yield " and saved"

    with served(
        app_with(store, put=put, get=get, stream=lambda: Response(stream_with_context(parts())))
    ) as client:
        client.get("/put")

        assert client.get("/stream").text == "green and saved"
        assert client.get("/get").text == "streamed"


def test_what_a_stream_changes_and_does_not_save_is_logged(
    store: RedisSessionStore, caplog: pytest.LogCaptureFixture
) -> None:
    def parts() -> Iterator[str]:
        yield "first"
        session["colour"] = "secret-red"

    with served(
        app_with(store, put=put, get=get, stream=lambda: Response(stream_with_context(parts())))
    ) as client:
        client.get("/put")
        client.get("/stream")

        assert client.get("/get").text == "green"
    [message] = warnings(caplog)
    assert "1 keys are not saved" in message
    assert "secret-red" not in message


def test_a_session_cannot_begin_or_get_a_new_token_when_the_answer_is_on_its_way(
    store: RedisSessionStore, traces: Traces
) -> None:
    refused: list[str] = []

    def parts() -> Iterator[str]:
        yield "first"
        attempts: list[Callable[[], object]] = [session.rotate, lambda: session.bind("ada"), begin]
        for attempt in attempts:
            with pytest.raises(ArgumentError) as error:
                attempt()
            refused.append(str(error.value))

    def begin() -> None:
        session["colour"] = "red"
        session.save()

    with served(app_with(store, stream=lambda: Response(stream_with_context(parts())))) as client:
        client.get("/stream")

    assert len(refused) == 3
    assert traces.handles() == set()


def test_an_end_in_a_stream_takes_effect(store: RedisSessionStore, traces: Traces) -> None:
    def parts() -> Iterator[str]:
        yield "first"
        session.destroy()

    with served(app_with(store, put=put, stream=lambda: Response(stream_with_context(parts())))) as client:
        client.get("/put")
        client.get("/stream")
        wait_until(lambda: traces.handles() == set(), "the session has ended")


def test_what_a_teardown_function_changes_is_logged(
    store: RedisSessionStore, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_with(store, put=put, get=get)

    @app.teardown_request
    def change(_: BaseException | None) -> None:
        if request.path == "/get":
            session["colour"] = "late"

    with served(app) as client:
        client.get("/put")
        client.get("/get")
        wait_until(lambda: bool(warnings(caplog)), "that is logged")

        assert client.get("/get").text == "green"
    assert "1 keys are not saved" in warnings(caplog)[0]


def test_a_copied_context_has_the_same_session_and_its_failure_undoes_nothing(
    store: RedisSessionStore,
) -> None:
    def view() -> str:
        session["colour"] = "view"
        seen: list[str] = []

        @copy_current_request_context
        def work() -> None:
            seen.append(session["colour"])
            raise LookupError

        with ThreadPoolExecutor() as pool, pytest.raises(LookupError):
            pool.submit(work).result()
        return seen[0]

    with served(app_with(store, view=view, get=get)) as client:
        assert client.get("/view").text == "view"
        assert client.get("/get").text == "view"


def test_a_session_is_loaded_once_though_threads_look_at_once(store: RedisSessionStore) -> None:
    def view() -> str:
        barrier = threading.Barrier(4)

        def look() -> int:
            barrier.wait(10)
            return id(session.opened)

        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(copy_current_request_context(look)) for _ in range(4)]
        return str(len({each.result() for each in jobs}))

    with served(app_with(store, put=put, view=view)) as client:
        client.get("/put")

        assert client.get("/view").text == "1"


def test_middleware_above_is_refused(store: RedisSessionStore) -> None:
    app = app_with(store, get=get)
    app.wsgi_app = SessionMiddleware(app.wsgi_app, store=store, cookie=COOKIE)  # type: ignore[method-assign]  # Flask's way
    app.testing = True

    with pytest.raises(ConfigError, match="take one of the two"):
        app.test_client().get("/get")


def test_applications_do_not_answer_for_each_other(store: RedisSessionStore, traces: Traces) -> None:
    """The news of an exception reaches every interface of the process."""

    def inner_fails() -> str:
        session["colour"] = "kept"
        other = Flask("other")
        other.get("/")(lambda: str(1 / 0))
        return str(other.test_client().get("/").status_code)

    with served(app_with(store, inner_fails=inner_fails, get=get)) as client:
        assert client.get("/inner_fails").text == "500"
        assert client.get("/get").text == "kept"


def _crowd(store: RedisSessionStore, users: int, visits: int) -> None:
    seed = 20261128

    def count() -> str:
        session["who"] = request.args["who"]
        session["n"] = session.get("n", 0) + 1
        return f"{session['who']} {session['n']}"

    def visit(number: int) -> list[str]:
        with httpx.Client(base_url=url, timeout=20) as client:
            return [client.get(f"/count?who={number}").text for _ in range(visits)]

    order = list(range(users))
    random.Random(seed).shuffle(order)
    with served(app_with(store, count=count)) as any_client, ThreadPoolExecutor(users) as pool:
        url = str(any_client.base_url)
        answers = list(pool.map(visit, order))

    assert answers == [[f"{who} {n}" for n in range(1, visits + 1)] for who in order], f"seed {seed}"


def test_many_threads_keep_sessions_apart(store: RedisSessionStore) -> None:
    _crowd(store, users=12, visits=4)


def test_a_forked_process_has_the_same_sessions_and_connections_of_its_own(store: RedisSessionStore) -> None:
    client = app_with(store, put=put, get=get).test_client()
    client.get("/put")

    told = in_child(lambda: [client.get("/get").text for _ in range(20)])

    assert told == repr(["green"] * 20)
    assert client.get("/get").text == "green"


@pytest.mark.slow
def test_very_many_requests_keep_sessions_apart(store: RedisSessionStore) -> None:
    _crowd(store, users=40, visits=25)


def test_a_session_that_was_lost_sets_no_cookie_whatever_it_was_to_be(store: RedisSessionStore) -> None:
    def make_permanent() -> str:
        session.permanent = True
        store.revoke(session.info.handle if session.info else "")
        with pytest.raises(SessionLostError):
            session.save()
        return "lost"

    with served(app_with(store, put=put, lost=make_permanent)) as client:
        client.get("/put")
        answer = client.get("/lost")

    assert (answer.text, set_cookies(answer)) == ("lost", [])


def test_nor_does_a_request_whose_token_was_replaced(store: RedisSessionStore) -> None:
    def make_permanent() -> str:
        session.permanent = True
        session["n"] = 1
        session.save()
        return str(session.presented)

    def rotate() -> str:
        session.rotate()
        return "rotated"

    with served(app_with(store, put=put, rotate=rotate, late=make_permanent)) as client:
        client.get("/put")
        old = client.cookies[NAME]
        client.get("/rotate")
        client.cookies.clear()
        answer = client.get("/late", headers={"Cookie": f"{NAME}={old}"})

    assert (answer.text, set_cookies(answer)) == ("retired", [])


def test_a_sign_in_that_is_refused_is_not_answered_as_if_it_had_worked(store: RedisSessionStore) -> None:
    def overtaken() -> str:
        session.bind("ada")
        store.revoke(session.info.handle if session.info else "")
        return "signed in"

    with served(app_with(store, put=put, overtaken=overtaken)) as client:
        client.get("/put")
        answer = client.get("/overtaken")

    assert (answer.status_code, set_cookies(answer)) == (503, [])
    assert "signed in" not in answer.text
