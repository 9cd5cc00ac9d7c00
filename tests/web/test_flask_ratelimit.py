"""Rate limits of Flask applications, blueprints and views, through a real server and a real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from flask import Blueprint, Flask, Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests

from modkit_redis.contract import ArgumentError, ConfigError, DeclarationError, Limit
from modkit_redis.ratelimit import RedisRateLimitStore
from modkit_redis.testing import EmbeddedServer, ServerWatch
from modkit_redis.web.flask import LimitsUnavailableError, RateLimitedError, RateLimits, UnidentifiedError
from modkit_redis.web.identity import client_address
from modkit_redis.web.wsgi import RateLimitMiddleware
from tests.limiters import QUICK, Limiters, load_scripts_at, states
from tests.web.serving import serving_wsgi

WHO = "HTTP_X_WHO"


def who(environ: dict[str, Any]) -> tuple[str, str] | None:
    """Return the sender of a test's request."""
    return ("who", environ[WHO]) if WHO in environ else None


@pytest.fixture
def limiters() -> Iterator[Limiters]:
    limiters = Limiters()
    yield limiters
    limiters.close()


@pytest.fixture
def store(limiters: Limiters, addr: str, prefix: str) -> RedisRateLimitStore:
    return limiters.open(addr, prefix)


@pytest.fixture
def app() -> Flask:
    app = Flask("limited")

    @app.get("/plain")
    def plain() -> str:
        return "here"

    return app


@pytest.fixture
def client(app: Flask) -> Iterator[httpx.Client]:
    with (
        serving_wsgi(app) as url,
        httpx.Client(base_url=url, headers={"X-Who": "ada"}) as client,
    ):
        yield client


def test_requests_to_an_application_are_limited(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    RateLimits(app, store=store, identify=who, limit="api=2/hour")

    answers = [client.get("/plain") for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert [each.headers["RateLimit"].split(";t=")[0] for each in answers] == [
        '"api";r=1',
        '"api";r=0',
        '"api";r=0',
    ]
    assert {each.headers["RateLimit-Policy"] for each in answers} == {'"api";q=2;w=3600'}
    assert int(answers[2].headers["Retry-After"]) in range(1, 1801)
    assert "Retry-After" not in answers[0].headers
    assert "limit api" in answers[2].text and "ada" not in answers[2].text


def test_others_are_not_refused(app: Flask, client: httpx.Client, store: RedisRateLimitStore) -> None:
    RateLimits(app, store=store, identify=who, limit="api=1/hour")
    client.get("/plain")

    answer = client.get("/plain", headers={"X-Who": "bob"})

    assert answer.status_code == 200


def test_paths_without_a_route_are_limited_as_well(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    RateLimits(app, store=store, identify=who, limit="api=1/hour")

    assert [client.get(f"/nowhere/{n}").status_code for n in range(2)] == [404, 429]


def test_a_view_has_a_limit_of_its_own(app: Flask, client: httpx.Client, store: RedisRateLimitStore) -> None:
    limits = RateLimits(store=store, identify=who)

    @app.get("/search")
    @limits("1/hour", name="search")
    def search() -> str:
        return "found"

    assert [client.get("/search").status_code for _ in range(2)] == [200, 429]
    assert client.get("/plain").status_code == 200
    assert search.__name__ == "search"


def test_application_blueprint_and_view_stand_together(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    limits = RateLimits(app, store=store, identify=who, limit="app=9/hour")
    pages = Blueprint("pages", "pages")
    RateLimits(pages, store=store, identify=who, limit="pages=8/hour")

    @pages.get("/search")
    @limits("view=3/hour, day=7/day")
    def search() -> dict[str, Any]:
        return {"made": [state.limit.name for each in g.rate_limits for state in each.states]}

    app.register_blueprint(pages)

    answer = client.get("/search")

    assert answer.json() == {"made": ["app", "pages", "view", "day"]}
    items = sorted(each.split(";t=")[0].strip() for each in answer.headers["RateLimit"].split(","))
    assert items == ['"app";r=8', '"day";r=6', '"pages";r=7', '"view";r=2']
    assert len(answer.headers.get_list("RateLimit")) == 1


def test_a_blueprints_limit_leaves_the_rest_alone(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    pages = Blueprint("pages", "pages")
    pages.get("/page")(lambda: "page")
    RateLimits(pages, store=store, identify=who, limit="pages=1/hour")
    app.register_blueprint(pages)

    assert [client.get(path).status_code for path in ("/page", "/page", "/plain")] == [200, 429, 200]


def test_each_limit_is_one_round_trip(
    app: Flask, client: httpx.Client, limiters: Limiters, addr: str
) -> None:
    with EmbeddedServer() as server:
        load_scripts_at(server.addr)
        limits = RateLimits(
            app,
            store=limiters.open(server.addr, "counted"),
            identify=who,
            limit="app=9/hour",
            applies=lambda method, path: not path.startswith("/static/"),
        )
        app.get("/one", endpoint="one")(limits("one=9/hour, two=9/hour")(lambda: "one"))
        client.get("/one")
        with ServerWatch(server.addr) as watch:
            for path, expected in (("/plain", 1), ("/one", 2), ("/static/x.css", 0)):
                watch.round_trips()
                client.get(path)
                assert watch.round_trips() == expected, path


def test_a_handler_for_429_answers_and_its_answer_has_the_headers(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    limits = RateLimits(store=store, identify=who)
    seen: list[TooManyRequests] = []

    @app.errorhandler(429)
    def slow_down(error: TooManyRequests) -> ResponseReturnValue:
        seen.append(error)
        return {"slow": "down"}, 429

    app.get("/search")(limits("1/hour", name="search")(lambda: "found"))
    client.get("/search")

    answer = client.get("/search")

    assert answer.json() == {"slow": "down"}
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["RateLimit"].startswith('"search";r=0')
    assert isinstance(seen[0], RateLimitedError)
    assert seen[0].decision.refused_by == ("search",)


def test_a_client_that_takes_json_gets_problem_details(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    RateLimits(app, store=store, identify=who, limit="api=1/hour")
    client.get("/plain")

    answer = client.get("/plain", headers={"Accept": "application/json"})

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["violated-policies"]) == (429, ["api"])


def test_head_is_refused_without_a_body(app: Flask, client: httpx.Client, store: RedisRateLimitStore) -> None:
    RateLimits(app, store=store, identify=who, limit="api=1/hour")
    client.get("/plain")

    answer = client.head("/plain")

    assert (answer.status_code, answer.content) == (429, b"")
    assert "Retry-After" in answer.headers


def test_a_request_from_nobody_is_refused_and_charged_to_nobody(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore, admin: Any, prefix: str
) -> None:
    RateLimits(app, store=store, identify=who, limit="api=1/hour")
    app.register_error_handler(UnidentifiedError, lambda _: ("who?", 400))
    del client.headers["X-Who"]

    answer = client.get("/plain")

    assert (answer.status_code, answer.text) == (400, "who?")
    assert states(admin, prefix) == {}


def test_a_request_from_nobody_may_be_allowed(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    RateLimits(app, store=store, identify=who, limit="api=1/hour", unidentified="allow")
    del client.headers["X-Who"]

    assert [client.get("/plain").status_code for _ in range(3)] == [200] * 3


def test_an_async_view_can_be_limited(app: Flask, store: RedisRateLimitStore) -> None:
    limits = RateLimits(store=store, identify=who)

    async def view() -> str:
        return "from a coroutine"

    # As an application does that runs coroutines in its own way.
    app.ensure_sync = lambda function: lambda: "in a loop"  # type: ignore[method-assign,assignment]  # the point
    app.get("/async")(limits("1/hour", name="async")(view))

    with app.test_client() as client:
        assert client.get("/async", headers={"X-Who": "ada"}).text == "in a loop"


def test_an_error_after_the_decision_is_told_about_the_limit(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    RateLimits(app, store=store, identify=who, limit="api=5/hour")
    app.get("/broken")(lambda: str(1 / 0))

    answer = client.get("/broken")

    assert answer.status_code == 500
    assert answer.headers["RateLimit"].startswith('"api";r=4')


def test_what_the_view_says_itself_is_kept_in_one_list(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    RateLimits(app, store=store, identify=who, limit="api=5/hour")
    app.get("/own")(
        lambda: Response(
            "own", headers=[("RateLimit", '"own";r=1'), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")]
        )
    )

    answer = client.get("/own")

    assert [each.split(";")[0] for each in answer.headers["RateLimit"].split(", ")] == ['"api"', '"own"']
    assert answer.headers.get_list("Set-Cookie") == ["a=b", "c=d"]


def test_limits_stand_behind_the_middleware_as_well(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    RateLimits(app, store=store, identify=who, limit="user=5/hour")
    app.wsgi_app = RateLimitMiddleware(  # type: ignore[method-assign]  # as Flask's docs show
        app.wsgi_app, store=store, identify=client_address(), limit="ip=9/hour"
    )
    app.get("/made")(
        lambda: [each.states[0].limit.name for each in request.environ["modkit_redis.ratelimit"]]
    )

    answer = client.get("/made")

    assert answer.json() == ["ip", "user"]
    assert [each.split(";t")[0] for each in answer.headers["RateLimit"].split(", ")] == [
        '"ip";r=8',
        '"user";r=4',
    ]


@pytest.mark.parametrize(("policy", "status"), [("closed", 503), ("open", 200)])
def test_an_outage_is_answered_as_the_settings_say(
    app: Flask, client: httpx.Client, limiters: Limiters, closed_port: str, policy: str, status: int
) -> None:
    store = limiters.open(closed_port, "away", QUICK, on_outage=policy)
    RateLimits(app, store=store, identify=who, limit="api=5/hour")

    answer = client.get("/plain")

    assert answer.status_code == status
    assert "RateLimit" not in answer.headers
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_a_handler_takes_the_outage(
    app: Flask, client: httpx.Client, limiters: Limiters, closed_port: str
) -> None:
    RateLimits(app, store=limiters.open(closed_port, "away", QUICK), identify=who, limit="api=5/hour")
    app.register_error_handler(LimitsUnavailableError, lambda error: (str(error.decision.degraded), 503))

    answer = client.get("/plain")

    assert (answer.status_code, answer.text) == (503, "True")
    assert "Retry-After" in answer.headers


def test_a_provider_is_asked_at_each_request(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore, limiters: Limiters, addr: str, prefix: str
) -> None:
    current = [store]
    RateLimits(app, store=lambda: current[0], identify=who, limit="api=1/hour")
    first = client.get("/plain").status_code

    current[0] = limiters.open(addr, f"{prefix}-2")

    assert (first, client.get("/plain").status_code, client.get("/plain").status_code) == (200, 200, 429)


def test_legacy_headers_tell_of_the_limit_with_least_left(
    app: Flask, client: httpx.Client, store: RedisRateLimitStore
) -> None:
    limits = RateLimits(app, store=store, identify=who, limit="app=9/hour", legacy_headers=True)
    app.get("/search")(limits("3/hour", name="search")(lambda: "found"))

    answer = client.get("/search")

    assert answer.headers["X-RateLimit-Remaining"] == "2"


def test_a_nested_context_has_decisions_of_its_own(app: Flask, store: RedisRateLimitStore) -> None:
    RateLimits(app, store=store, identify=who, limit="app=9/hour")
    headers = {"X-Who": "ada"}

    with app.test_request_context("/plain", headers=headers):
        app.preprocess_request()
        with app.test_request_context("/plain", headers=headers):
            app.preprocess_request()
            made = g.rate_limits

    assert len(made) == 1


@pytest.mark.parametrize(
    ("limit", "name", "message"),
    [
        ("10/minute", None, "limit needs a name of its own here, as in 'api=100/minute'"),
        ("a=1/minute, b=2/minute", "both", "name is for a limit that has none"),
        ("a=1/minute", "b", "name is for a limit that has none"),
        ("10/minute", "no name", "limit name must"),
        ("often", None, "limit must be written like"),
    ],
)
def test_a_limit_that_cannot_be_told_apart_is_refused_when_it_decorates(
    store: RedisRateLimitStore, limit: str, name: str | None, message: str
) -> None:
    limits = RateLimits(store=store, identify=who)

    with pytest.raises(ArgumentError, match=message):
        limits(limit, name=name)


def test_a_limit_may_be_an_object(app: Flask, client: httpx.Client, store: RedisRateLimitStore) -> None:
    limits = RateLimits(store=store, identify=who)
    app.get("/search")(limits(Limit.parse("1/hour"), name="search")(lambda: "found"))

    assert [client.get("/search").status_code for _ in range(2)] == [200, 429]


def test_a_limit_above_the_route_is_refused(app: Flask, store: RedisRateLimitStore) -> None:
    limits = RateLimits(app, store=store, identify=who, limit="api=9/hour")

    with pytest.raises(DeclarationError, match="stands below"):

        @limits("1/hour", name="search")
        @app.get("/search")
        def search() -> str:
            return "never limited"


@pytest.mark.parametrize("twice", [Flask, Blueprint])
def test_the_same_limits_stand_at_an_application_once(
    store: RedisRateLimitStore, twice: Callable[..., Any]
) -> None:
    app = twice("twice", "twice") if twice is Blueprint else twice("twice")
    limits = RateLimits(app, store=store, identify=who, limit="api=9/hour")

    with pytest.raises(ConfigError, match="drop app= or init_app"):
        limits.init_app(app)


def test_a_store_for_asyncio_is_refused() -> None:
    class Wrong:
        async def hit(self) -> None: ...

    with pytest.raises(ArgumentError, match="for threads"):
        RateLimits(store=Wrong(), identify=who)  # type: ignore[arg-type]  # that is the test
