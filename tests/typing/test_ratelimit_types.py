"""What type checkers see of rate limits: a mounted store, its decisions, protocols, a forgotten ``await``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta
from typing import assert_type

import pytest
from dependency_injector import containers

from modkit_redis import (
    AsyncRedisBundle,
    BundleSettings,
    RateLimitSettings,
    RedisBundle,
    RedisSettings,
    limited,
    mount,
)
from modkit_redis.contract import (
    ArgumentError,
    AsyncRateLimitStore,
    AsyncReservation,
    Decision,
    Limit,
    LimitExceededError,
    LimitState,
    RateLimitStore,
    Reservation,
    Slots,
)
from modkit_redis.ratelimit import AsyncRedisRateLimitStore, RedisRateLimitStore
from tests.stand_ins import AsyncDictLimiter, DictLimiter

LOGIN = Limit(5, timedelta(minutes=1), name="login")


class App(containers.DeclarativeContainer):
    redis = mount(RedisBundle)
    aredis = mount(AsyncRedisBundle)


@pytest.fixture
def app(addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> App:
    for name, value in {"ADDR": addr, "KEY_PREFIX": prefix, "RATELIMIT_LIMIT": "9/hour"}.items():
        monkeypatch.setenv(f"REDIS_{name}", value)
    return App()


@pytest.fixture
def store(app: App) -> Iterator[RateLimitStore]:
    yield app.redis.ratelimit.store()
    app.redis.shutdown_resources()


def as_protocol(store: RateLimitStore) -> RateLimitStore:
    return store


def as_async_protocol(store: AsyncRateLimitStore) -> AsyncRateLimitStore:
    return store


async def test_a_mounted_store_has_its_own_type_and_is_what_the_protocol_wants(app: App) -> None:
    store, async_store = app.redis.ratelimit.store(), app.aredis.ratelimit.store()

    assert_type(store, RedisRateLimitStore)
    assert_type(async_store, AsyncRedisRateLimitStore)
    assert as_protocol(store) is store
    assert as_async_protocol(async_store) is async_store


def test_a_stand_in_is_what_the_protocol_wants() -> None:
    assert as_protocol(DictLimiter())
    assert as_async_protocol(AsyncDictLimiter())


def test_a_store_of_the_other_world_is_an_error_for_type_checkers(app: App) -> None:
    as_protocol(app.aredis.ratelimit.store())  # type: ignore[arg-type]  # the mistake
    as_async_protocol(app.redis.ratelimit.store())  # type: ignore[arg-type]  # the mistake


def test_a_decision_has_what_a_client_may_want_to_know(store: RateLimitStore) -> None:
    decision = store.hit("ada")

    assert_type(decision, Decision)
    assert_type(decision.allowed, bool)
    assert_type(decision.remaining, int)
    assert_type(decision.retry_after, timedelta | None)
    assert_type(decision.reset_after, timedelta)
    assert_type(decision.states, tuple[LimitState, ...])
    assert_type(decision.states[0].limit, Limit | Slots)
    assert decision.remaining == 8


async def test_a_forgotten_await_is_an_error_for_type_checkers(app: App) -> None:
    store = as_async_protocol(app.aredis.ratelimit.store())

    decision = store.hit("ada")

    assert not hasattr(decision, "allowed")
    with pytest.raises(AttributeError):
        decision.allowed  # type: ignore[attr-defined]  # the mistake  # noqa: B018
    assert_type(await decision, Decision)
    await app.aredis.shutdown_resources()


def test_a_subject_is_text_or_several_parts(store: RateLimitStore) -> None:
    store.hit(("ip", "192.0.2.1"))
    with pytest.raises(ArgumentError):
        store.hit(5)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ArgumentError):
        store.hit(("user", 5))  # type: ignore[arg-type]  # the mistake


def test_limits_are_text_a_limit_or_several(store: RateLimitStore) -> None:
    store.hit("ada", limit="login=5/minute")
    store.hit("ada", limit=LOGIN)
    store.hit("ada", limit=[LOGIN])
    store.hit("ada", limit=(LOGIN,))
    with pytest.raises(ArgumentError):
        store.hit("ada", limit=5)  # type: ignore[arg-type]  # the mistake


def test_what_cost_and_limit_are_is_said_by_name(store: RateLimitStore) -> None:
    with pytest.raises(TypeError):
        store.hit("ada", 5)  # type: ignore[call-arg]  # the mistake


def test_waiting_needs_a_timeout(store: RateLimitStore) -> None:
    assert_type(store.acquire("ada", timeout=1), Decision)
    with pytest.raises(TypeError):
        store.acquire("ada")  # type: ignore[call-arg]  # the mistake


def test_a_block_is_given_a_reservation_or_a_decision(store: RateLimitStore) -> None:
    assert_type(store.reserve("ada"), AbstractContextManager[Reservation])
    with store.reserve("ada", cost=2) as reservation:
        assert_type(reservation.decision, Decision)
        assert_type(reservation.settle(1), None)
    with store.hold("ada", Slots(1, "jobs")) as decision:
        assert_type(decision, Decision)


async def test_an_async_block_likewise(app: App) -> None:
    store = as_async_protocol(app.aredis.ratelimit.store())

    assert_type(store.reserve("ada"), AbstractAsyncContextManager[AsyncReservation])
    async with store.reserve("ada") as reservation:
        await reservation.settle(1)
    async with store.hold("ada", Slots(1, "jobs")) as decision:
        assert_type(decision, Decision)
    await app.aredis.shutdown_resources()


def test_a_decorated_function_keeps_its_type(store: RateLimitStore) -> None:
    @limited(subject=lambda user: f"user:{user}", limit="mail=1/hour", store="store")
    def send(user: int, store: RateLimitStore) -> str:
        return f"sent to {user}"

    assert assert_type(send(3, store), str) == "sent to 3"
    with pytest.raises(LimitExceededError) as caught:
        send(3, store)
    assert_type(caught.value.decision, Decision)
    with pytest.raises(TypeError):
        send("3")  # type: ignore[call-arg, arg-type]  # the mistake


def test_settings_are_objects_with_types() -> None:
    settings = RateLimitSettings(limit=(LOGIN,), deadline=timedelta(milliseconds=100))
    bundle = BundleSettings(RedisSettings(addr="localhost:6379"), ratelimit=settings)

    assert_type(settings.limit, tuple[Limit, ...] | None)
    assert_type(settings.breaker, timedelta)
    assert_type(settings.replicas, int | None)
    assert bundle.ratelimit is settings
