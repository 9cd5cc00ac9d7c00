"""What type checkers see of sessions: a mounted store, what it opens, protocols, a forgotten ``await``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, assert_type

import pytest
from dependency_injector import containers

from modkit_redis import AsyncRedisBundle, BundleSettings, RedisBundle, RedisSettings, SessionSettings, mount
from modkit_redis.contract import (
    ArgumentError,
    AsyncSession,
    AsyncSessionStore,
    BaseSession,
    SavedSession,
    Session,
    SessionEvent,
    SessionEventKind,
    SessionInfo,
    SessionPatch,
    SessionStore,
    SessionToken,
    StoredSession,
)
from modkit_redis.session import AsyncRedisSessionStore, RedisSessionStore
from modkit_redis.session.opened import AsyncRedisSession, RedisSession
from tests.stand_ins import AsyncDictSessions, DictSessions


class App(containers.DeclarativeContainer):
    redis = mount(RedisBundle)
    aredis = mount(AsyncRedisBundle)


@pytest.fixture
def app(addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> App:
    for name, value in {
        "ADDR": addr,
        "KEY_PREFIX": prefix,
        "SESSION_IDLE_TTL": "30m",
        "SESSION_ABSOLUTE_TTL": "12h",
        "SESSION_PER_USER_MAX": "5",
    }.items():
        monkeypatch.setenv(f"REDIS_{name}", value)
    return App()


@pytest.fixture
def store(app: App) -> Iterator[SessionStore]:
    yield app.redis.session.store()
    app.redis.shutdown_resources()


def as_protocol(store: SessionStore) -> SessionStore:
    return store


def as_async_protocol(store: AsyncSessionStore) -> AsyncSessionStore:
    return store


def sign_in(session: Session, user: str) -> SessionToken | None:
    session.bind(user)
    session.save()
    return session.token


async def sign_in_async(session: AsyncSession, user: str) -> SessionToken | None:
    session.bind(user)
    await session.save()
    return session.token


def seen_by(session: BaseSession) -> int:
    session["seen"] = int(session.get("seen", 0)) + 1
    return len(session)


async def test_a_mounted_store_has_its_own_type_and_is_what_the_protocol_wants(app: App) -> None:
    store, async_store = app.redis.session.store(), app.aredis.session.store()

    assert_type(store, RedisSessionStore)
    assert_type(async_store, AsyncRedisSessionStore)
    assert as_protocol(store) is store
    assert as_async_protocol(async_store) is async_store


async def test_what_a_store_opens_is_a_session_of_its_own_type(app: App) -> None:
    with app.redis.session.store().open() as session:
        assert_type(session, RedisSession)
        assert sign_in(session, "ada")
        assert seen_by(session) == 1
    async with app.aredis.session.store().open() as async_session:
        assert_type(async_session, AsyncRedisSession)
        assert await sign_in_async(async_session, "ada")
        assert seen_by(async_session) == 1

    app.redis.shutdown_resources()
    await app.aredis.shutdown_resources()


def test_what_the_protocol_opens_is_a_session(store: SessionStore) -> None:
    opening = store.open(None)

    assert_type(opening, AbstractContextManager[Session])
    with opening as session:
        assert_type(session, Session)
        assert_type(session.token, SessionToken | None)
        assert_type(session.info, SessionInfo | None)
        assert_type(session.user, str | None)
        assert_type(session.degraded, bool)
        assert_type(session.get("missing"), Any | None)


def test_a_stand_in_is_what_the_protocol_wants() -> None:
    store, async_store = as_protocol(DictSessions()), as_async_protocol(AsyncDictSessions())

    assert_type(store.open(), AbstractContextManager[Session])
    assert_type(async_store.open(), AbstractAsyncContextManager[AsyncSession])


def test_a_store_of_the_other_world_is_an_error_for_type_checkers(app: App) -> None:
    as_protocol(app.aredis.session.store())  # type: ignore[arg-type]  # the mistake
    as_async_protocol(app.redis.session.store())  # type: ignore[arg-type]  # the mistake
    opening: Any = app.aredis.session.store().open()
    with pytest.raises(TypeError), opening:
        raise AssertionError


async def test_a_session_of_the_other_world_is_an_error_for_type_checkers() -> None:
    async with AsyncDictSessions().open() as session:
        with pytest.warns(RuntimeWarning, match="never awaited"):
            sign_in(session, "ada")  # type: ignore[arg-type]  # the mistake


async def test_a_forgotten_await_is_an_error_for_type_checkers(app: App) -> None:
    store: AsyncSessionStore = app.aredis.session.store()
    async with store.open() as session:
        with pytest.warns(RuntimeWarning, match="never awaited"):
            session.save()  # type: ignore[unused-coroutine]  # the mistake
        with pytest.warns(RuntimeWarning, match="never awaited"):
            store.destroy("token")  # type: ignore[unused-coroutine]  # the mistake

    await app.aredis.shutdown_resources()


def test_what_the_methods_of_a_store_return(store: SessionStore) -> None:
    token = store.create({"cart": [1], "since": datetime(2026, 1, 1)})  # noqa: DTZ001  # any will do
    assert_type(token, SessionToken)

    found = store.load(token)

    assert_type(found, StoredSession | None)
    assert found
    assert_type(found.data, Mapping[str, Any])
    assert_type(found.info.expires, datetime)
    saved = store.save(token, SessionPatch(sets={"a": 1}, takes=["cart"]), expect=found.version, rotate=True)
    assert_type(saved, SavedSession)
    assert saved.taken["cart"] == [1]
    assert_type(store.bind(saved.token, "ada"), SessionToken)
    assert_type(store.peek(token.handle), SessionInfo | None)
    assert_type(store.sessions_of("ada"), Sequence[SessionInfo])
    assert_type(store.drain("bob"), Sequence[str])
    assert_type(store.revoke_all("ada", keep=token.handle), int)
    assert_type(store.revoke(token.handle), bool)
    assert_type(store.destroy(token), None)


def test_a_transaction_returns_what_its_function_returns(store: SessionStore) -> None:
    def count(values: MutableMapping[str, Any]) -> int:
        values["n"] = values.get("n", 0) + 1
        return len(values)

    with store.open() as session:
        session["m"] = 1
        session.save()
        assert assert_type(session.transact(count), int) == 2


async def test_a_function_of_a_transaction_is_a_plain_one(app: App) -> None:
    async def count(values: MutableMapping[str, Any]) -> int:
        raise AssertionError("nobody awaits it")

    async with app.aredis.session.store().open() as session:
        session["m"] = 1
        await session.save()
        with pytest.raises(ArgumentError, match="must be a plain function"):
            await session.transact(count)  # type: ignore[unused-coroutine]  # the mistake
        assert assert_type(await session.transact(lambda values: "x"), str) == "x"

    await app.aredis.shutdown_resources()


def test_a_token_is_text_that_knows_its_handle() -> None:
    def cookie(value: str) -> str:
        return f"session={value}"

    token = SessionToken("h" * 22 + "." + "s" * 43)

    assert cookie(token) == f"session={token}"
    assert_type(token.handle, str)


def test_what_is_refused_by_type_checkers_is_refused_when_it_runs(store: SessionStore) -> None:
    with pytest.raises(ArgumentError):
        store.load(5)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ArgumentError):
        store.create([("a", 1)])  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ArgumentError):
        store.revoke_all(5)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(TypeError):
        store.save("token")  # type: ignore[call-arg]  # the mistake  # pyright: ignore[reportCallIssue]
    with store.open() as session, pytest.raises(ArgumentError):
        session[5] = 1  # type: ignore[index]  # the mistake


def test_settings_are_objects_with_types() -> None:
    settings = SessionSettings(idle_ttl=timedelta(minutes=30), absolute_ttl=timedelta(hours=12))
    bundle = BundleSettings(RedisSettings(addr="localhost:6379"), session=settings)

    assert_type(settings.idle_ttl, timedelta)
    assert_type(settings.deadline, timedelta | None)
    assert_type(settings.per_user_max, int | None)
    assert_type(settings.max_bytes, int)
    assert_type(bundle.session, SessionSettings | None)
    assert bundle.session is settings


def test_a_hook_takes_an_event() -> None:
    def count(event: SessionEvent) -> None:
        assert_type(event.kind, SessionEventKind)
        assert_type(event.handle, str | None)
        assert_type(event.error, BaseException | None)

    count(SessionEvent("created", "handle"))
    with pytest.raises(TypeError):
        SessionEvent()  # type: ignore[call-arg]  # the mistake  # pyright: ignore[reportCallIssue]
    SessionEvent("make")  # type: ignore[arg-type]  # the mistake
