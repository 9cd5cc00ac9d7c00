"""Flask's session in Redis: cookies, what is saved and when, through a real server and a real client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Blueprint, abort, flash, get_flashed_messages, jsonify
from flask import session as plain_session
from markupsafe import Markup

from modkit_redis.contract import ArgumentError, ConfigError, Session
from modkit_redis.session import RedisSessionStore
from modkit_redis.testing import EmbeddedServer, ServerWatch
from modkit_redis.web.cookies import SessionCookie
from modkit_redis.web.flask import FlaskSession, RedisSessionInterface, session
from tests.session_stores import SessionStores, Traces, load_scripts
from tests.support import stock_client
from tests.web.flasks import NAME, app_with, served, set_cookies


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


def sign_in() -> str:
    session.bind("ada")
    return "in"


def who() -> str:
    return str(session.user)


def sign_out() -> str:
    session.destroy()
    return "out"


def broken() -> str:
    session["colour"] = "red"
    raise LookupError


def test_a_value_is_there_in_the_next_request(store: RedisSessionStore) -> None:
    with served(app_with(store, put=put, get=get)) as client:
        client.get("/put")

        answer = client.get("/get")

    assert answer.text == "green"
    assert set_cookies(answer) == []


def test_a_new_session_sets_a_cookie_that_no_script_and_no_other_host_gets(store: RedisSessionStore) -> None:
    """ASVS 3.3.1 to 3.3.4."""
    with served(app_with(store, None, put=put)) as client:
        answer = client.get("/put")

    [cookie] = set_cookies(answer)
    name, _, attributes = cookie.partition("; ")
    assert name.startswith("__Host-session=")
    assert sorted(attributes.split("; ")) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Vary"] == "Cookie"


def test_who_only_looks_begins_no_session(store: RedisSessionStore, traces: Traces) -> None:
    with served(app_with(store, get=get)) as client:
        answer = client.get("/get")

    assert (set_cookies(answer), answer.headers["Vary"]) == ([], "Cookie")
    assert traces.handles() == set()


def test_an_answer_without_the_session_does_not_vary(store: RedisSessionStore) -> None:
    with served(app_with(store, put=put, plain=lambda: "plain")) as client:
        client.get("/put")

        answer = client.get("/plain")

    assert "Vary" not in answer.headers


def test_a_token_that_nobody_made_is_not_adopted(store: RedisSessionStore, traces: Traces) -> None:
    """ASVS 7.2.1: fixation by a well-formed token of the attacker's."""
    forged = f"{'A' * 22}.{'B' * 42}A"
    with served(app_with(store, put=put)) as client:
        answer = client.get("/put", headers={"Cookie": f"{NAME}={forged}"})

    [cookie] = set_cookies(answer)
    assert forged[:22] not in cookie
    assert "A" * 22 not in traces.handles()


@pytest.mark.parametrize("value", ["", "x" * 10_000, '"; Path=/x', "{}", "a=b", "\xff\xfe", "None"])
def test_a_hostile_cookie_costs_nothing_and_is_not_reflected(stores: SessionStores, value: str) -> None:
    with EmbeddedServer() as server, ServerWatch(server.addr) as watch:
        app = app_with(stores.open(server.addr, "hostile").store, get=get)
        with app.test_client() as client:
            answer = client.get("/get", headers={"Cookie": f"{NAME}={value}"})
        assert watch.round_trips() == 0
    assert (answer.status_code, answer.text, answer.headers.getlist("Set-Cookie")) == (200, "None", [])


def count() -> str:
    session["n"] = session.get("n", 0) + 1
    return str(session["n"])


def test_each_kind_of_request_costs_what_the_guide_says(stores: SessionStores) -> None:
    costs: list[tuple[str, int]] = []
    views: dict[str, Any] = {"plain": lambda: "", "get": get, "sign_in": sign_in, "sign_out": sign_out}
    with EmbeddedServer() as server:
        with stock_client(server.addr) as admin:
            load_scripts(admin)
        store = stores.open(server.addr, "costs", per_user_max=10).store
        with served(app_with(store, count=count, **views)) as client, ServerWatch(server.addr) as watch:
            client.get("/count")  # connects
            client.cookies.clear()
            watch.round_trips()
            for path in "/get /count /plain /get /count /sign_in /sign_out /get".split():
                client.get(path)
                costs.append((path, watch.round_trips()))

    assert costs == [
        ("/get", 0),
        ("/count", 1),
        ("/plain", 0),
        ("/get", 1),
        ("/count", 2),
        ("/sign_in", 3),
        ("/sign_out", 2),
        ("/get", 0),
    ]


def test_signing_in_replaces_the_token(store: RedisSessionStore) -> None:
    """ASVS 7.2.4: whoever planted or saw the token from before has nothing."""
    with served(app_with(store, put=put, sign_in=sign_in, who=who)) as client:
        client.get("/put")
        old = client.cookies[NAME]
        client.get("/sign_in")

        mine = client.get("/who").text
        client.cookies.clear()
        theirs = client.get("/who", headers={"Cookie": f"{NAME}={old}"}).text

    assert (mine, theirs) == ("ada", "None")


def test_signing_out_ends_the_session_and_deletes_the_cookie(
    store: RedisSessionStore, traces: Traces
) -> None:
    """ASVS 7.4.1."""
    with served(app_with(store, put=put, sign_out=sign_out)) as client:
        client.get("/put")

        answer = client.get("/sign_out")

        assert NAME not in client.cookies
    assert "Max-Age=0" in set_cookies(answer)[0]
    assert traces.handles() == set()


def test_clear_ends_the_session_as_users_of_flask_expect(store: RedisSessionStore, traces: Traces) -> None:
    def log_in() -> str:
        plain_session.clear()
        plain_session["user_id"] = 7
        return "in"

    with served(app_with(store, put=put, log_in=log_in)) as client:
        client.get("/put")
        [before] = traces.handles()

        client.get("/log_in")

    [after] = traces.handles()
    assert before != after
    assert traces.values(after).keys() == {"user_id"}


def test_clear_without_a_session_sets_no_cookie(store: RedisSessionStore) -> None:
    def log_out() -> str:
        plain_session.clear()
        return "out"

    with served(app_with(store, log_out=log_out)) as client:
        answer = client.get("/log_out")

    assert set_cookies(answer) == []


def test_a_change_inside_a_value_is_saved_without_modified(store: RedisSessionStore) -> None:
    def add() -> list[str]:
        plain_session.setdefault("cart", []).append("tea")
        return plain_session["cart"]  # type: ignore[no-any-return]  # a list of text

    with served(app_with(store, add=add)) as client:
        answers = [client.get("/add").json() for _ in range(3)]

    assert answers[-1] == ["tea"] * 3


def test_messages_are_flashed_once(store: RedisSessionStore) -> None:
    def say() -> str:
        flash("Saved <it>")
        flash(Markup("<b>Bold</b>"), "error")
        return "said"

    def show() -> Any:
        found = get_flashed_messages(with_categories=True)
        return jsonify([(*each, isinstance(each[1], Markup)) for each in found])

    with served(app_with(store, say=say, show=show)) as client:
        client.get("/say")
        client.get("/say")

        first, second = client.get("/show").json(), client.get("/show").json()

    assert first == [["message", "Saved <it>", False], ["error", "<b>Bold</b>", True]] * 2
    assert second == []


def test_a_session_knows_what_flask_asks_of_one(store: RedisSessionStore) -> None:
    def facts() -> Any:
        own: Any = plain_session
        known = [own.new, own.modified, own.permanent]
        own.setdefault("n", 1)
        return jsonify([*known, own.modified, own.accessed])

    with served(app_with(store, put=put, facts=facts)) as client:
        new = client.get("/facts").json()
        known = client.get("/facts").json()

    assert new == [True, False, False, True, True]
    assert known == [False, False, False, False, True]


def test_modified_cannot_be_taken_back(store: RedisSessionStore) -> None:
    app = app_with(store)

    with app.test_request_context("/"):
        plain_session.modified = True
        with pytest.raises(ArgumentError, match="call discard"):
            plain_session.modified = False


def keep() -> str:
    session.permanent = True
    session["colour"] = "green"
    return "kept"


def test_a_permanent_session_has_a_cookie_that_outlives_the_browser(store: RedisSessionStore) -> None:
    def forget() -> str:
        session.permanent = False
        return "not kept"

    with served(app_with(store, put=put, keep=keep, forget=forget)) as client:
        first, kept, again, forgotten = (
            set_cookies(client.get(path)) for path in ("/put", "/keep", "/keep", "/forget")
        )
        token = client.cookies[NAME]

    assert "Max-Age" not in first[0]
    assert "Max-Age=43" in kept[0]  # of 12 hours
    assert (again, len(forgotten)) == ([], 1)
    assert "Max-Age" not in forgotten[0]
    assert {each.partition(";")[0] for each in (*first, *kept, *forgotten)} == {f"{NAME}={token}"}


def test_a_permanent_session_stays_so_when_its_token_is_replaced(store: RedisSessionStore) -> None:
    with served(app_with(store, keep=keep, sign_in=sign_in)) as client:
        client.get("/keep")

        [cookie] = set_cookies(client.get("/sign_in"))

    assert "Max-Age=43" in cookie


def test_a_session_after_clear_is_not_permanent(store: RedisSessionStore) -> None:
    def anew() -> str:
        session.permanent = True
        session.clear()
        return put()

    with served(app_with(store, anew=anew)) as client:
        [cookie] = set_cookies(client.get("/anew"))

    assert "Max-Age" not in cookie


def test_permanent_alone_begins_no_session(store: RedisSessionStore, traces: Traces) -> None:
    app = app_with(store, plain=lambda: "plain")

    @app.before_request
    def make_permanent() -> None:
        plain_session.permanent = True

    with served(app) as client:
        answer = client.get("/plain")

    assert set_cookies(answer) == []
    assert traces.handles() == set()


def test_a_cookie_that_lasts_may_be_made_one_that_does_not(store: RedisSessionStore) -> None:
    def short() -> str:
        session.permanent = False
        return put()

    lasting = SessionCookie(name="lasting", secure=False, max_age=True)
    with served(app_with(store, lasting, put=put, short=short)) as client:
        [long] = set_cookies(client.get("/put"))
        [brief] = set_cookies(client.get("/short"))

    assert ("Max-Age=43" in long, "Max-Age" in brief) == (True, False)


@pytest.mark.parametrize("failure", ["returns 500", "aborts", "raises"])
def test_changes_of_a_request_that_failed_are_dropped(store: RedisSessionStore, failure: str) -> None:
    def fail() -> Any:
        session["colour"] = "red"
        session.permanent = True
        if failure == "raises":
            raise LookupError
        return abort(503) if failure == "aborts" else ("failed", 500)

    with served(app_with(store, put=put, get=get, fail=fail)) as client:
        client.get("/put")

        answer = client.get("/fail")

        assert answer.status_code >= 500
        assert set_cookies(answer) == []
        assert client.get("/get").text == "green"


@pytest.mark.parametrize("propagates", [False, True])
def test_an_end_takes_effect_though_the_request_fails(
    store: RedisSessionStore, traces: Traces, propagates: bool
) -> None:
    def end() -> str:
        session.destroy()
        session["colour"] = "red"
        raise LookupError

    app = app_with(store, put=put, end=end)
    app.config["PROPAGATE_EXCEPTIONS"] = propagates
    with app.test_client() as client:
        client.get("/put")

        if propagates:
            with pytest.raises(LookupError):
                client.get("/end")
        else:
            answer = client.get("/end")
            assert "Max-Age=0" in answer.headers["Set-Cookie"]

    assert traces.handles() == set()


def test_a_new_token_reaches_the_client_though_the_request_fails(store: RedisSessionStore) -> None:
    def rotate() -> Any:
        session.rotate()
        raise LookupError

    with served(app_with(store, put=put, rotate=rotate, get=get)) as client:
        client.get("/put")
        old = client.cookies[NAME]

        answer = client.get("/rotate")

        assert (answer.status_code, len(set_cookies(answer))) == (500, 1)
        assert client.cookies[NAME] != old
        assert client.get("/get").text == "green"


def test_a_sign_in_of_a_request_that_failed_is_dropped(store: RedisSessionStore) -> None:
    def fail() -> str:
        session.bind("ada")
        raise LookupError

    with served(app_with(store, fail=fail, who=who)) as client:
        client.get("/fail")

        assert client.get("/who").text == "None"


def test_a_value_that_cannot_be_stored_is_an_error_and_nothing_is_saved(
    store: RedisSessionStore, traces: Traces
) -> None:
    def wrong() -> str:
        session["user"] = object()
        return "never sent"

    app = app_with(store, wrong=wrong)
    app.testing = True

    with pytest.raises(ArgumentError, match="holds an object"):
        app.test_client().get("/wrong")

    assert traces.handles() == set()


def test_what_an_after_request_function_changes_is_saved(store: RedisSessionStore) -> None:
    pages = Blueprint("pages", "pages")
    pages.get("/page")(lambda: "page")

    @pages.after_request
    def remember(response: Any) -> Any:
        session["colour"] = "blue"
        return response

    app = app_with(store, get=get)
    app.register_blueprint(pages)
    with served(app) as client:
        client.get("/page")

        assert client.get("/get").text == "blue"


def test_an_error_handler_that_answers_may_change_the_session(store: RedisSessionStore) -> None:
    app = app_with(store, broken=broken, get=get)

    @app.errorhandler(LookupError)
    def handle(_: LookupError) -> str:
        session["colour"] = "yellow"
        return "handled"

    with served(app) as client:
        assert client.get("/broken").status_code == 200
        assert client.get("/get").text == "yellow"


def test_a_test_may_change_the_session_of_its_client(store: RedisSessionStore) -> None:
    app = app_with(store, SessionCookie(), get=get, who=who)
    client = app.test_client()

    with client.session_transaction() as opened:
        opened["colour"] = "violet"
    with client.session_transaction() as opened:
        opened["colour"] += "!"

    assert client.get("/get").text == "violet!"


def test_a_test_sees_the_session_after_a_request(store: RedisSessionStore) -> None:
    with app_with(store, put=put).test_client() as client:
        client.get("/put")

        assert plain_session["colour"] == "green"
        with client.session_transaction() as opened:
            assert opened["colour"] == "green"


def test_contexts_in_one_another_have_sessions_of_their_own(store: RedisSessionStore) -> None:
    app = app_with(store)

    with app.test_request_context("/"):
        session["colour"] = "outer"
        with app.test_request_context("/"):
            inner = session.get("colour")
            session["colour"] = "inner"
        outer = session["colour"]

    assert (inner, outer) == (None, "outer")


def test_the_typed_session_is_the_one_of_flask(store: RedisSessionStore) -> None:
    with app_with(store).test_request_context("/"):
        own: Any = plain_session
        current = own._get_current_object()

        assert isinstance(current, FlaskSession) and isinstance(current, Session)
        assert session == plain_session
        assert repr(current).startswith("<")


def test_a_provider_is_asked_at_each_request(
    store: RedisSessionStore, stores: SessionStores, addr: str, prefix: str
) -> None:
    current = [store]
    with served(app_with(lambda: current[0], put=put, get=get)) as client:
        client.get("/put")
        first = client.get("/get").text

        current[0] = stores.open(addr, f"{prefix}-2").store

        assert (first, client.get("/get").text) == ("green", "None")


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("SESSION_COOKIE_NAME", "mine", "give name= to SessionCookie"),
        ("SESSION_COOKIE_SECURE", True, "give secure= to SessionCookie"),
        ("SESSION_COOKIE_SAMESITE", "Strict", "give same_site= to SessionCookie"),
        ("SESSION_COOKIE_DOMAIN", "shop.example", "give domain= to SessionCookie"),
        ("SESSION_COOKIE_PATH", "/shop", "give path= to SessionCookie"),
        ("SESSION_COOKIE_HTTPONLY", False, "no script ever needs"),
        ("PERMANENT_SESSION_LIFETIME", 60, "REDIS_SESSION_IDLE_TTL"),
    ],
)
def test_a_setting_of_flask_that_would_be_ignored_is_refused(
    store: RedisSessionStore, setting: str, value: object, message: str
) -> None:
    app = app_with(store)
    app.config[setting] = value
    app.testing = True

    with pytest.raises(ConfigError, match=f"{setting} is not used: .*{message}"):
        app.test_client().get("/")


def test_a_setting_of_flask_that_says_the_same_is_no_contradiction(store: RedisSessionStore) -> None:
    app = app_with(store, None)
    app.config |= {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_SAMESITE": "Lax"}

    with app.test_request_context("/"):
        assert session.get("colour") is None
    assert app.session_interface.get_cookie_secure(app) is True
    assert app.session_interface.get_cookie_name(app) == "__Host-session"


def test_a_store_for_asyncio_is_refused() -> None:
    class Wrong:
        async def load(self) -> None: ...

    with pytest.raises(ArgumentError, match="for threads"):
        RedisSessionInterface(store=Wrong())  # type: ignore[arg-type]  # that is the test
