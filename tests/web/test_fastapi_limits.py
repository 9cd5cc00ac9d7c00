"""``RateLimit`` refuses what is over a limit, and tells the others what is left."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import redis
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.responses import StreamingResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from modkit_redis import RedisBundle
from modkit_redis.contract import ArgumentError, ConfigError, Decision, UnresolvedTokenError
from modkit_redis.testing import EmbeddedServer, ServerWatch
from modkit_redis.web import client_address
from modkit_redis.web.asgi import RateLimitMiddleware
from modkit_redis.web.fastapi import Inject, RateLimit, install
from tests.support import feature
from tests.web.applications import NewContainer, calling, container_for, settings, wired
from tests.web.serving import serving_asgi

POLICY, LIMIT = "ratelimit-policy", "ratelimit"


def who(scope: Any) -> str | None:
    """Return who asks, as the tests say it."""
    return next((value.decode() for name, value in scope["headers"] if name == b"x-user"), None)


def by_user(request: Request) -> tuple[str, str] | None:
    """Return the same as a dependency of FastAPI does."""
    user = request.headers.get("x-user")
    return ("user", user) if user else None


def told(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    return answer.status_code, answer.headers.get(POLICY), answer.headers.get(LIMIT)


def left(answer: httpx.Response) -> list[tuple[str, int]]:
    """Return name and remainder of each limit that an answer tells of."""
    items = [each.strip().split(";") for each in answer.headers.get(LIMIT, "").split(",") if each]
    return [(name.strip('"'), int(rest[0].removeprefix("r="))) for name, *rest in items]


def app_with(*limits: Any, installed: bool = False) -> FastAPI:
    """Return an application whose one route has *limits*."""
    app = FastAPI()
    if installed:
        install(app)

    @app.get("/", dependencies=[Depends(each) for each in limits])
    async def index() -> str:
        return "fine"

    return app


def ada(app: FastAPI) -> httpx.AsyncClient:
    return calling(app, headers={"X-User": "ada"})


@pytest.mark.parametrize("installed", [False, True])
async def test_a_request_over_the_limit_is_refused(container: Any, installed: bool) -> None:
    app = app_with(RateLimit("search=2/minute", by=who), installed=installed)
    wired(container, __name__)

    async with ada(app) as client:
        first, second, third = [await client.get("/") for _ in range(3)]

    assert [each.status_code for each in (first, second, third)] == [200, 200, 429]
    assert [left(each) for each in (first, second, third)] == [[("search", n)] for n in (1, 0, 0)]
    assert {each.headers[POLICY] for each in (first, second, third)} == {'"search";q=2;w=60'}
    assert third.headers["retry-after"] == "30" and third.headers["cache-control"] == "no-store"


async def test_a_refusal_is_fastapis_own_json_or_problem_details_once_installed(container: Any) -> None:
    limit = RateLimit("search=1/minute", by=who)
    apps = [app_with(limit), app_with(limit, installed=True)]
    wired(container, __name__)

    answers = []
    for app in apps:
        async with ada(app) as client:
            await client.get("/")
            answers.append(await client.get("/"))

    plain, problem = answers
    assert plain.headers["content-type"] == "application/json"
    assert plain.json()["detail"].startswith("refused by the limit search: allowed in 0:00:5")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["status"] == 429 and problem.json()["violated-policies"] == ["search"]


@pytest.mark.parametrize(
    "by", [who, client_address(), Depends(by_user)], ids=["scope", "address", "dependency"]
)
async def test_each_subject_has_usage_of_its_own(by: Any, container: Any) -> None:
    app = app_with(RateLimit("search=1/minute", by=by))
    wired(container, __name__)

    answers = []
    for user, address in (("ada", "192.0.2.1"), ("bob", "192.0.2.2"), ("ada", "192.0.2.1")):
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            answers.append(await client.get("/", headers={"X-User": user}))

    assert [each.status_code for each in answers] == [200, 200, 429]


async def test_a_function_that_has_to_be_awaited_may_say_who_it_is(container: Any) -> None:
    async def slowly(scope: Any) -> str | None:
        return who(scope)

    app = app_with(RateLimit("search=1/minute", by=slowly))
    wired(container, __name__)

    async with ada(app) as client:
        answers = [await client.get("/"), await client.get("/")]

    assert [each.status_code for each in answers] == [200, 429]


async def test_usage_is_kept_by_name_for_all_routes_that_have_it(container: Any) -> None:
    app = FastAPI()
    shared, own = RateLimit("api=1/minute", by=who), RateLimit("other=1/minute", by=who)

    @app.get("/a", dependencies=[Depends(shared)])
    @app.get("/b", dependencies=[Depends(RateLimit("api=1/minute", by=who))])
    @app.get("/c", dependencies=[Depends(own)])
    async def index() -> str:
        return "fine"

    wired(container, __name__)
    async with ada(app) as client:
        answers = [await client.get(path) for path in ("/a", "/b", "/c")]

    assert [each.status_code for each in answers] == [200, 429, 200]


async def test_several_limits_in_one_are_charged_together_or_not_at_all(container: Any) -> None:
    limit = RateLimit("few=1/minute, many=9/day", by=who)
    wired(container, __name__)

    async with ada(app_with(limit)) as client:
        await client.get("/")
        refused = await client.get("/")

    assert refused.status_code == 429
    assert left(refused) == [("few", 0), ("many", 8)]


@pytest.mark.parametrize("installed", [False, True])
async def test_several_one_after_the_other_stand_in_one_list_in_their_order(
    container: Any, installed: bool
) -> None:
    first, second = RateLimit("one=9/minute", by=who), RateLimit("two=1/minute", by=who)
    app = app_with(first, second, installed=installed)
    wired(container, __name__)

    async with ada(app) as client:
        allowed, refused = await client.get("/"), await client.get("/")

    assert (left(allowed), left(refused)) == ([("one", 8), ("two", 0)], [("one", 7), ("two", 0)])
    assert refused.headers.get_list(POLICY) == ['"one";q=9;w=60, "two";q=1;w=60']
    assert (allowed.status_code, refused.status_code) == (200, 429)


async def test_one_that_stands_several_times_counts_once(container: Any) -> None:
    limit = RateLimit("api=9/minute", by=who)
    app = FastAPI(dependencies=[Depends(limit)])
    router = APIRouter(dependencies=[Depends(limit)])

    @router.get("/")
    async def index(decision: Decision = Depends(limit)) -> int:
        return decision.remaining

    app.include_router(router)
    wired(container, __name__)

    async with ada(app) as client:
        answer = await client.get("/")

    assert (answer.json(), left(answer)) == (8, [("api", 8)])


async def test_all_decisions_are_in_the_scope_in_their_order(container: Any) -> None:
    app = FastAPI()
    limits = [Depends(RateLimit(f"{name}=9/minute", by=who)) for name in ("one", "two")]

    @app.get("/one", dependencies=limits[:1])
    async def one(request: Request) -> str:
        return str(request.scope["modkit_redis.ratelimit"].states[0].limit)

    @app.get("/both", dependencies=limits)
    async def both(request: Request) -> list[str]:
        return [str(each.states[0].limit) for each in request.scope["modkit_redis.ratelimit"]]

    wired(container, __name__)
    async with ada(app) as client:
        answers = [(await client.get(path)).json() for path in ("/one", "/both")]

    assert answers == ["one=9/minute", ["one=9/minute", "two=9/minute"]]


async def test_a_decision_costs_one_round_trip(
    private_server: EmbeddedServer, new_container: NewContainer, prefix: str
) -> None:
    app = app_with(RateLimit("api=9/minute", by=who))
    wired(new_container(addr=private_server.addr), __name__)

    async with ada(app) as client:
        await client.get("/")
        with ServerWatch(private_server.addr, client_name=prefix) as watch:
            await client.get("/")
            sent = watch.commands()

    assert [each.split()[0] for each in sent] == ["EVALSHA"]


def busy(app: FastAPI, limit: RateLimit) -> None:
    """Give *app* routes that answer by themselves, or fail."""
    given = [Depends(limit)]

    @app.get("/response", dependencies=given)
    async def response() -> Response:
        return Response("mine", headers={"X-Own": "1"})

    @app.get("/stream", dependencies=given)
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter(["mine"]))

    @app.get("/missing", dependencies=given)
    async def missing() -> str:
        raise HTTPException(404, "mine", headers={"X-Own": "1"})

    @app.get("/invalid", dependencies=given)
    async def invalid(number: int) -> int:
        return number


PATHS = {"/response": 200, "/stream": 200, "/missing": 404, "/invalid": 422}


@pytest.mark.parametrize(("path", "status"), PATHS.items(), ids=PATHS)
async def test_once_installed_every_response_tells_of_the_limit(
    path: str, status: int, container: Any
) -> None:
    app = FastAPI()
    install(app)
    busy(app, RateLimit("api=9/minute", by=who))
    wired(container, __name__)

    async with ada(app) as client:
        answer = await client.get(path)

    assert (answer.status_code, left(answer)) == (status, [("api", 8)])


async def test_what_a_middleware_decides_stands_in_the_same_list(container: Any) -> None:
    app = app_with(RateLimit("route=9/minute", by=who), installed=True)
    store = container.redis.ratelimit.store
    app.add_middleware(RateLimitMiddleware, store=store, identify=who, limit="all=9/minute")
    wired(container, __name__)

    async with ada(app) as client:
        answer = await client.get("/")

    assert left(answer) == [("all", 8), ("route", 8)]
    assert len(answer.headers.get_list(LIMIT)) == 1


async def test_without_a_limit_nothing_is_told(container: Any) -> None:
    async with ada(app_with(installed=True)) as client:
        answer = await client.get("/")

    assert told(answer) == (200, None, None)


async def test_headers_can_be_left_out_and_be_the_old_ones(container: Any) -> None:
    app = app_with(RateLimit("api=1/minute", by=who, headers=None, legacy_headers=True))
    wired(container, __name__)

    async with ada(app) as client:
        allowed, refused = await client.get("/"), await client.get("/")

    assert told(allowed) == (200, None, None)
    assert allowed.headers["x-ratelimit-remaining"] == "0"
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize("installed", [False, True])
async def test_a_request_without_a_subject_is_refused_and_counted_nowhere(
    container: Any, admin: redis.Redis, prefix: str, installed: bool
) -> None:
    app = app_with(RateLimit("api=1/minute", by=Depends(by_user)), installed=installed)
    wired(container, __name__)

    async with calling(app) as client:
        answers = [await client.get("/") for _ in range(3)]

    assert [each.status_code for each in answers] == [400] * 3
    assert [*admin.scan_iter(f"{prefix}*")] == []


async def test_a_request_without_a_subject_is_allowed_if_so_wanted(container: Any) -> None:
    app = app_with(RateLimit("api=1/minute", by=who, unidentified="allow"))
    wired(container, __name__)

    async with calling(app) as client:
        answers = [await client.get("/", headers={"X-User": user}) for user in ("", "x" * 9000)]

    assert [told(each) for each in answers] == [(200, None, None)] * 2


async def test_the_limit_of_the_settings_is_taken_where_none_is_given(container: Any) -> None:
    app = app_with(RateLimit(None, by=who))
    wired(container, __name__)

    async with ada(app) as client:
        answer = await client.get("/")

    assert left(answer) == [("default", 2)]


async def test_a_function_says_what_a_request_costs(container: Any) -> None:
    app = app_with(RateLimit("api=9/minute", by=who, cost=lambda scope: len(scope["query_string"])))
    wired(container, __name__)

    async with ada(app) as client:
        answers = [await client.get("/?aaa"), await client.get("/?aaaaaaaaaaaaaaaa")]

    assert [left(each) for each in answers] == [[("api", 6)], [("api", 6)]]
    assert "retry-after" not in answers[1].headers


@pytest.mark.parametrize("how", ["token", "provider", "store", "Inject"])
async def test_the_store_may_be_another(how: str, new_container: NewContainer, admin: redis.Redis) -> None:
    container = new_container()
    other = new_container(prefix=f"{container.redis.key_prefix()}:other")
    stores: dict[str, Any] = {
        "token": "redis.ratelimit.store",
        "provider": other.redis.ratelimit.store,
        "store": other.redis.ratelimit.store(),
        "Inject": Inject["redis.ratelimit.store"],
    }
    app = app_with(RateLimit("api=9/minute", by=who, store=stores[how]))
    wired(other, __name__)

    async with ada(app) as client:
        await client.get("/")

    found = [*admin.scan_iter(f"{container.redis.key_prefix()}*")]
    assert len(found) == 1
    assert b":other:ratelimit:" in found[0]


async def test_an_override_of_the_container_reaches_the_next_request(
    container: Any, new_container: NewContainer
) -> None:
    app = app_with(RateLimit("api=1/minute", by=who))
    wired(container, __name__)
    other = new_container(prefix=f"{container.redis.key_prefix()}:other").redis.ratelimit.store()

    async with ada(app) as client:
        before = await client.get("/")
        with container.redis.ratelimit.store.override(other):
            during = await client.get("/")
        after = await client.get("/")

    assert [each.status_code for each in (before, during, after)] == [200, 200, 429]


async def test_an_override_of_the_application_takes_its_place() -> None:
    limit = RateLimit("api=1/minute", by=who)
    app = app_with(limit)
    app.dependency_overrides[limit] = lambda: None

    async with ada(app) as client:
        answers = [await client.get("/") for _ in range(3)]

    assert [each.status_code for each in answers] == [200] * 3


async def test_a_module_that_is_not_wired_is_named() -> None:
    module = feature("LIMIT = RateLimit('api=1/minute', by=who)", RateLimit=RateLimit, who=who)

    async with ada(app_with(module.LIMIT)) as client:
        with pytest.raises(ConfigError, match=f"is not wired: .*{module.__name__}"):
            await client.get("/")


def test_wiring_strictly_refuses_a_token_that_is_not_there(container: Any) -> None:
    text = "LIMIT = RateLimit('api=1/minute', by=who, store='redis.ratelimit.stroe')"
    module = feature(text, RateLimit=RateLimit, who=who)

    with pytest.raises(UnresolvedTokenError, match=r"'redis.ratelimit.stroe'.*'redis.ratelimit.store'"):
        wired(container, module)


@pytest.mark.parametrize("policy", ["open", "closed"])
@pytest.mark.parametrize("installed", [False, True])
async def test_without_redis_the_settings_decide(
    policy: str, installed: bool, new_container: NewContainer, closed_port: str
) -> None:
    container = new_container(addr=closed_port, ratelimit={"on_outage": policy, "breaker": "2s"})
    app = app_with(RateLimit("api=1/minute", by=who), installed=installed)
    wired(container, __name__)

    async with ada(app) as client:
        answers = [await client.get("/"), await client.get("/")]

    refused = [(503, '"api";q=1;w=60', None, "2")] * 2
    allowed = [(200, '"api";q=1;w=60', None, None)] * 2
    found = [(*told(each), each.headers.get("retry-after")) for each in answers]
    assert found == (refused if policy == "closed" else allowed)


def test_a_websocket_is_refused_before_it_is_accepted(container: Any) -> None:
    app = FastAPI()
    install(app)

    @app.websocket("/", dependencies=[Depends(RateLimit("sockets=1/minute", by=who))])
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    wired(container, __name__)
    with serving_asgi(app, container.redis.shutdown_resources) as url:
        there, headers = url.replace("http", "ws"), {"X-User": "ada"}
        with connect(there, additional_headers=headers) as connection:
            heard = connection.recv()
        with pytest.raises(InvalidStatus) as caught, connect(there, additional_headers=headers):
            pass

    answer = caught.value.response
    assert heard == "hello"
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert answer.headers[LIMIT].startswith('"sockets";r=0')


async def test_where_a_server_cannot_refuse_a_websocket_with_an_answer_it_is_closed(container: Any) -> None:
    app = FastAPI()
    install(app)

    @app.websocket("/", dependencies=[Depends(RateLimit("sockets=1/minute", by=who))])
    async def talk(websocket: WebSocket) -> None: ...

    wired(container, __name__)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": [], "subprotocols": []}
    await app(scope, receive, send)

    assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]


def test_two_servers_share_a_limit(addr: str, prefix: str) -> None:
    containers = [container_for(addr, prefix), container_for(addr, prefix)]
    stores = [each.redis.ratelimit.store for each in containers]
    apps = [app_with(RateLimit("api=1/minute", by=who, store=each)) for each in stores]

    with (
        serving_asgi(apps[0], containers[0].redis.shutdown_resources) as one,
        serving_asgi(apps[1], containers[1].redis.shutdown_resources) as two,
    ):
        answers = [httpx.get(url, headers={"X-User": "ada"}) for url in (one, two)]

    assert [each.status_code for each in answers] == [200, 429]


@pytest.mark.parametrize(
    ("limit", "given", "message"),
    [
        ("10/minute", {}, "limit needs a name of its own here, as in 'api=100/minute'"),
        ("nonsense", {}, "limit must be written like"),
        ("api=1/minute", {"by": "ip"}, "by must be a function of the scope, or Depends"),
        ("api=1/minute", {"by": Depends()}, "by must be a function of the scope, or Depends"),
        ("api=1/minute", {"cost": -1}, "cost must be a whole number, at least 0, or a function"),
        ("api=1/minute", {"store": 5}, "store must be a rate limiter for asyncio, or a provider of one"),
        ("api=1/minute", {"unidentified": "ignore"}, "unidentified must be one of 'refuse', 'allow'"),
        ("api=1/minute", {"body": "html"}, "body must be one of"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(limit: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        RateLimit(limit, **{"by": who, **given})


def test_who_is_limited_must_be_said() -> None:
    with pytest.raises(TypeError, match="'by'"):
        RateLimit("api=1/minute")  # type: ignore[call-arg]  # the mistake


async def test_a_subject_that_is_no_text_is_refused_and_not_shown(container: Any) -> None:
    number: Any = 4711
    app = app_with(RateLimit("api=1/minute", by=lambda scope: number))
    wired(container, __name__)

    async with ada(app) as client:
        with pytest.raises(ArgumentError, match="by must return text, a tuple of texts, or None") as caught:
            await client.get("/")

    assert "4711" not in str(caught.value)


async def test_a_limiter_for_threads_is_told_apart(addr: str, prefix: str) -> None:
    bundle = RedisBundle(config=settings(addr, prefix))
    store: Any = bundle.ratelimit.store
    app = app_with(RateLimit("api=1/minute", by=who, store=store))

    async with ada(app) as client:
        with pytest.raises(ConfigError, match="store is a rate limiter for threads"):
            await client.get("/")

    bundle.shutdown_resources()
