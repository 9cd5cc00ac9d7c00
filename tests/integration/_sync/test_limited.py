# Generated from ../_async/test_limited.py by .ci/unasync.py; do not edit.
"""Functions under ``@inject`` and ``@limited``, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dependency_injector import containers

from modkit_redis import RedisBundle, limited, mount, wire_strict
from modkit_redis.contract import (
    ArgumentError,
    CommandRefusedError,
    LimitExceededError,
    RateLimitStore,
)
from tests.caching import within
from tests.leaks import leaks
from tests.support import feature

SOURCE = """
calls = []

@inject
@limited(subject=lambda user_id: f"user:{user_id}", limit="mail=2/hour")
def send(user_id, text="hello", limiter=Provide["redis.ratelimit.store"]):
    calls.append((user_id, text))
    return text

@inject
@limited(subject=lambda user_id: ("user", user_id), cost=3, store="gate")
def export(user_id, *, gate=Provide["redis.ratelimit.store"]):
    calls.append(user_id)

@inject
@limited(subject=lambda: "all", limit="slow=1/50ms", timeout=5)
def slow(limiter=Provide["redis.ratelimit.store"]):
    calls.append("slow")

@inject
@limited(subject=lambda user_id: user_id)
def nobody(user_id, limiter=Provide["redis.ratelimit.store"]):
    calls.append(user_id)
"""


@pytest.fixture
def bundle(addr: str, prefix: str) -> Iterator[Any]:
    class App(containers.DeclarativeContainer):
        redis = mount(
            RedisBundle, config={"addr": addr, "key_prefix": prefix, "ratelimit": {"limit": "5/hour"}}
        )

    app = App()
    yield app
    app.unwire()
    app.redis.shutdown_resources()


def test_a_call_that_is_refused_does_not_run(bundle: Any) -> None:
    module = feature(SOURCE, limited=limited)
    wire_strict(bundle, modules=[module])

    results = [module.send("ann"), module.send("ann", text="bye"), module.send("bob")]
    with pytest.raises(LimitExceededError) as caught:
        module.send("ann")

    assert results == ["hello", "bye", "hello"]
    assert module.calls == [("ann", "hello"), ("ann", "bye"), ("bob", "hello")]
    assert caught.value.decision.refused_by == ("mail",)


def test_the_limit_of_the_settings_and_a_cost_of_its_own(bundle: Any) -> None:
    module = feature(SOURCE, limited=limited)
    wire_strict(bundle, modules=[module])

    module.export("ann")
    with pytest.raises(LimitExceededError):
        module.export("ann")

    store: RateLimitStore = bundle.redis.ratelimit.store()
    assert (store.peek(("user", "ann"))).remaining == 2
    assert module.calls == ["ann"]


def test_a_call_may_wait(bundle: Any) -> None:
    module = feature(SOURCE, limited=limited)
    wire_strict(bundle, modules=[module])

    with within(0.4):
        for _ in range(4):
            module.slow()

    assert module.calls == ["slow"] * 4


def test_who_is_limited_shows_in_no_frame_of_ours(bundle: Any, admin: Any, prefix: str) -> None:
    class User:
        name = "s3cret"

    @limited(subject=lambda user: user.name, limit="mail=2/hour")
    def send(user: User, limiter: Any) -> None:
        raise AssertionError

    admin.rpush(f"{prefix}:ratelimit:g:mail:{{s3cret}}", 1)

    with pytest.raises(CommandRefusedError) as caught:
        send(User(), bundle.redis.ratelimit.store())

    assert leaks("s3cret", caught.value) == []


def test_a_subject_that_is_none_and_a_store_that_is_missing_are_refused(bundle: Any) -> None:
    module = feature(SOURCE, limited=limited)
    with pytest.raises(ArgumentError, match="put @inject above"):
        module.send("ann")
    wire_strict(bundle, modules=[module])

    with pytest.raises(ArgumentError, match="subject must not be empty"):
        module.nobody("")
    assert module.calls == []
