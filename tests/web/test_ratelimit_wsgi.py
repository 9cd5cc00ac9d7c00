"""What the WSGI middleware does to environs and answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from modkit_redis.contract import ArgumentError, StoreUnavailableError
from modkit_redis.ratelimit import RedisRateLimitStore
from modkit_redis.web.wsgi import RateLimitMiddleware
from tests.limiters import AsyncLimiters, Limiters
from tests.web.limited import Answer
from tests.web.structured import read_list

SECRET = "subject-7f3a"


@pytest.fixture
def limiters() -> Iterator[Limiters]:
    opened = Limiters()
    yield opened
    opened.close()


@pytest.fixture
def store(limiters: Limiters, addr: str, prefix: str) -> RedisRateLimitStore:
    return limiters.open(addr, prefix, limit="a=1/hour")


def request(**more: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "REMOTE_ADDR": "192.0.2.1", **more}


def by_peer(environ: Any) -> Any:
    return ("peer", environ["REMOTE_ADDR"])


class Started:
    """Remembers how an answer begins."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []

    def __call__(self, *given: Any) -> Callable[[bytes], object]:
        self.calls.append(given)
        return self.written.append

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.calls[-1][1])


class Body:
    """An answer that wants to be closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"body"

    def close(self) -> None:
        self.is_closed = True


def test_the_body_is_the_applications_own(store: RedisRateLimitStore) -> None:
    body = Body()

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return body

    got = RateLimitMiddleware(app, store=store, identify=by_peer)(request(), Started())

    assert got is body and not body.is_closed


def test_an_answer_may_begin_late_and_be_written(store: RedisRateLimitStore) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [("X-Own", "1")])
        write(b"written")
        yield b"iterated"

    started = Started()
    got = RateLimitMiddleware(app, store=store, identify=by_peer)(request(), started)
    before = len(started.calls)

    assert [*got] == [b"iterated"]
    assert (before, started.written) == (0, [b"written"])
    assert list(started.headers) == ["X-Own", "RateLimit-Policy", "RateLimit"]


def test_an_answer_that_begins_anew_with_an_error_says_so(store: RedisRateLimitStore) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        try:
            raise RuntimeError("broken")  # noqa: TRY301  # as PEP 3333 has it
        except RuntimeError:
            start_response("500 Internal Server Error", [], sys.exc_info())
        return []

    started = Started()
    RateLimitMiddleware(app, store=store, identify=by_peer)(request(), started)

    assert [len(each) for each in started.calls] == [2, 3]
    assert started.calls[1][2][0] is RuntimeError
    assert read_list(started.headers["RateLimit"])["a"]["r"] == 0


def test_the_path_is_that_of_the_whole_application(store: RedisRateLimitStore) -> None:
    seen: list[tuple[str, str]] = []

    def applies(method: str, path: str) -> bool:
        seen.append((method, path))
        return True

    app = RateLimitMiddleware(Answer().wsgi, store=store, identify=by_peer, applies=applies)
    app(request(SCRIPT_NAME="/api", PATH_INFO="/ü/\N{SNOWMAN}".encode().decode("latin-1")), Started())
    app(request(PATH_INFO="/\xff"), Started())

    assert seen == [("GET", "/api/ü/\N{SNOWMAN}"), ("GET", "/\N{REPLACEMENT CHARACTER}")]


@pytest.mark.parametrize("found", [7, ("ip", 7), b"ann", ["ip"], True])
def test_an_identity_that_is_no_text_is_the_applications_mistake(
    store: RedisRateLimitStore, found: Any
) -> None:
    app = RateLimitMiddleware(Answer().wsgi, store=store, identify=lambda environ: found)

    with pytest.raises(ArgumentError, match="identify must return text, a tuple of texts, or None"):
        app(request(), Started())


def test_a_cost_that_is_none_is_the_applications_mistake(store: RedisRateLimitStore) -> None:
    app = RateLimitMiddleware(Answer().wsgi, store=store, identify=by_peer, cost=lambda environ: -1)

    with pytest.raises(ArgumentError, match="cost must be a whole number"):
        app(request(), Started())


def test_a_mistake_is_no_outage_and_shows_no_subject(limiters: Limiters, addr: str) -> None:
    store = limiters.open(addr, "", limit="a=1/hour", on_outage="open")
    limiters.shut(store)
    app = RateLimitMiddleware(Answer().wsgi, store=store, identify=lambda environ: SECRET)

    with pytest.raises(StoreUnavailableError) as raised:
        app(request(), Started())

    assert raised.value.reason == "closed"
    frames, traceback = [], raised.value.__traceback__
    while traceback:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    ours = [each for each in frames if "modkit_redis/" in each.f_code.co_filename]
    assert ours
    assert SECRET not in repr([each.f_locals for each in ours])


async def test_a_store_of_the_other_world_is_refused(addr: str) -> None:
    limiters = AsyncLimiters()
    store = limiters.open(addr, "", limit="a=1/hour")

    with pytest.raises(ArgumentError, match="store must be a rate limiter for threads"):
        RateLimitMiddleware(Answer().wsgi, store=store, identify=by_peer)  # type: ignore[arg-type]  # as it is

    await limiters.aclose()


@pytest.mark.parametrize(
    ("wrong", "argument"),
    [({"identify": None}, "identify"), ({"limit": "5/minute"}, "limit"), ({"body": "html"}, "body")],
)
def test_an_argument_that_cannot_be_used_is_refused_at_once(
    store: RedisRateLimitStore, wrong: dict[str, Any], argument: str
) -> None:
    options: dict[str, Any] = {"store": store, "identify": by_peer, **wrong}

    with pytest.raises(ArgumentError) as raised:
        RateLimitMiddleware(Answer().wsgi, **options)

    assert raised.value.argument == argument
