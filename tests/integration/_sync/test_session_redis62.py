# Generated from ../_async/test_session_redis62.py by .ci/unasync.py; do not edit.
"""The whole life of a session on the oldest server that is supported: Redis 6.2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from modkit_redis.contract import (
    CommandRefusedError,
    SessionConflictError,
    SessionLostError,
    SessionPatch,
)
from modkit_redis.testing import EmbeddedServer
from tests.caching import lapse
from tests.redis62 import redis_62
from tests.session_stores import SessionStores, Traces
from tests.support import stock_client

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def old_server() -> Iterator[EmbeddedServer]:
    with redis_62() as server:
        yield server


@pytest.fixture
def addr(old_server: EmbeddedServer) -> str:
    return old_server.addr


@pytest.fixture
def admin(addr: str) -> Iterator[redis.Redis]:
    with stock_client(addr) as admin:
        yield admin
        admin.flushall()


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    return Traces(admin, prefix)


@pytest.fixture
def stores() -> Iterator[SessionStores]:
    stores = SessionStores()
    yield stores
    stores.close()


def test_it_is_redis_6_2(admin: redis.Redis) -> None:
    info: Any = admin.info("server")

    assert info["redis_version"].startswith("6.2.")


def test_a_session_lives_and_ends(addr: str, prefix: str, stores: SessionStores, traces: Traces) -> None:
    sessions = stores.open(addr, prefix, per_user_max=2, touch_interval="1ms")
    with sessions.store.open() as session:
        session["cart"] = ["tea"]
    first = session.token
    assert first is not None
    lapse(0.003)
    with sessions.store.open(first) as session:
        session["cart"].append("milk")
        session["count"] = 1
        session.bind("ann", address="::1")
    second = session.token
    assert second is not None
    assert sessions.store.load(first) is None
    with sessions.store.open(second) as session:
        assert session.take("cart") == ["tea", "milk"]
        session.transact(lambda values: values.update(count=2))
        session.rotate(grace=60)
    third = session.token
    assert third is not None
    retiring = sessions.store.load(second)
    assert retiring is not None
    assert (retiring.is_retiring, retiring.data) == (True, {"count": 2})
    assert traces.live_tokens(third.handle) == 2
    [info] = sessions.store.sessions_of("ann")
    assert (info.handle, info.address) == (third.handle, "::1")
    with sessions.store.open(third) as session:
        session.destroy()
    assert sessions.store.load(third) is None
    assert traces.handles() == set()


def test_what_users_have_is_limited_listed_and_revoked(
    addr: str, prefix: str, stores: SessionStores, traces: Traces
) -> None:
    sessions = stores.open(addr, prefix, per_user_max=2)
    store = sessions.store
    tokens = []
    for _ in range(3):
        tokens.append(store.bind(store.create({}), "ann"))
        lapse(0.002)  # or they are equally old

    assert {each.handle for each in store.sessions_of("ann")} == {tokens[1].handle, tokens[2].handle}
    assert store.drain("ann", keep=tokens[2].handle) == [tokens[1].handle]
    assert store.revoke(tokens[1].handle)
    assert store.revoke_all("ann") == 1
    assert traces.handles() == set()


def test_saves_are_strict_if_asked_and_never_bring_a_session_back(
    addr: str, prefix: str, stores: SessionStores, traces: Traces
) -> None:
    store = stores.open(addr, prefix).store
    token = store.create({"a": 1})
    patch = SessionPatch(sets={"a": 2}, deletes=["b"], takes=["c"])

    assert (store.save(token, patch, expect=1)).version == 2
    with pytest.raises(SessionConflictError):
        store.save(token, patch, expect=1)
    store.destroy(token)
    with pytest.raises(SessionLostError):
        store.save(token, patch)
    assert traces.handles() == set()


def test_a_session_expires(addr: str, prefix: str, stores: SessionStores, traces: Traces) -> None:
    store = stores.open(addr, prefix, idle_ttl="60ms", absolute_ttl="200ms").store
    token = store.create({"a": 1})

    assert 0 < traces.admin.pttl(traces.name(token.handle)) <= 60
    lapse(0.08)

    assert store.load(token) is None
    assert traces.handles() == set()


@pytest.mark.parametrize(
    ("reason", "begin", "end"),
    [
        ("oom", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("readonly", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("noperm", "ACL SETUSER default -hset", "ACL SETUSER default +@all"),
    ],
)
def test_a_script_that_is_refused_a_command_says_why(
    addr: str,
    prefix: str,
    stores: SessionStores,
    admin: redis.Redis,
    reason: str,
    begin: str,
    end: str,
) -> None:
    store = stores.open(addr, prefix).store
    token = store.create({"a": 1})
    admin.execute_command(*begin.split())
    try:
        with pytest.raises(CommandRefusedError) as created:
            store.create({})
        with pytest.raises(CommandRefusedError) as saved:
            store.save(token, SessionPatch(sets={"a": 2}), rotate=True)
    finally:
        admin.execute_command(*end.split())

    assert created.value.reason == saved.value.reason == reason
    stored = store.load(token)
    assert stored is not None
    assert stored.data == {"a": 1}
