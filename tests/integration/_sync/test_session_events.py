# Generated from ../_async/test_session_events.py by .ci/unasync.py; do not edit.
"""Each event is told in the right situation, once, and never with a token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from modkit_redis.contract import (
    ArgumentError,
    SessionConflictError,
    SessionEvent,
    SessionLostError,
    SessionPatch,
    StoreUnavailableError,
)
from modkit_redis.session import RedisSessionStore, SessionSettings
from modkit_redis.session.records.scripts import DESTROY, SAVE
from tests.caching import lapse
from tests.faults.proxy import Proxy
from tests.session_faults import QUICK
from tests.session_stores import (
    HOOK_OF_TASKS,
    LONG,
    Sessions,
    SessionStores,
    Traces,
    load_scripts,
)

PATCH = SessionPatch(sets={"a": 2})


@pytest.fixture
def stores() -> Iterator[SessionStores]:
    stores = SessionStores()
    yield stores
    stores.close()


@pytest.fixture
def sessions(addr: str, prefix: str, stores: SessionStores) -> Sessions:
    return stores.open(addr, prefix, per_user_max=2)


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    return Traces(admin, prefix)


def told(sessions: Sessions) -> list[tuple[str, str | None]]:
    """Return the kind and the handle of each event, and forget them."""
    found: list[tuple[str, str | None]] = [(event.kind, event.handle) for event in sessions.heard]
    sessions.heard.clear()
    return found


def test_the_life_of_a_session_is_told_step_by_step(sessions: Sessions) -> None:
    with sessions.store.open() as session:
        session["a"] = 1
    assert session.token is not None
    handle = session.token.handle
    assert told(sessions) == [("created", handle)]

    with sessions.store.open(session.token) as session:
        session["a"] = 2
    assert told(sessions) == []

    with sessions.store.open(session.token) as session:
        session.rotate()
    assert told(sessions) == [("rotated", handle)]

    with sessions.store.open(session.token) as session:
        session.bind("ann")
    assert told(sessions) == [("rotated", handle), ("bound", handle)]

    with sessions.store.open(session.token) as session:
        session.destroy()
    assert told(sessions) == [("destroyed", handle)]


def test_a_session_that_begins_with_a_user_is_created_and_bound(sessions: Sessions) -> None:
    with sessions.store.open() as session:
        session.bind("ann")
    assert session.token is not None

    assert told(sessions) == [("created", session.token.handle), ("bound", session.token.handle)]


def test_the_store_tells_the_same(sessions: Sessions) -> None:
    store = sessions.store
    token = store.create({"a": 1})
    assert told(sessions) == [("created", token.handle)]
    store.save(token, PATCH)
    store.load(token)
    store.peek(token.handle)
    assert told(sessions) == []
    token = (store.save(token, PATCH, rotate=True)).token
    assert told(sessions) == [("rotated", token.handle)]
    token = store.bind(token, "ann")
    assert told(sessions) == [("rotated", token.handle), ("bound", token.handle)]
    store.sessions_of("ann")
    assert told(sessions) == []
    store.destroy(token)
    assert told(sessions) == [("destroyed", token.handle)]


def test_what_is_ended_by_its_handle_is_revoked(sessions: Sessions) -> None:
    store = sessions.store
    tokens = [store.bind(store.create({}), "ann") for _ in range(2)]
    told(sessions)

    assert store.revoke(tokens[0].handle)
    assert not store.revoke(tokens[0].handle)
    assert told(sessions) == [("revoked", tokens[0].handle)]

    assert store.revoke_all("ann") == 1
    assert store.revoke_all("ann") == 0
    assert told(sessions) == [("revoked", tokens[1].handle)]


def test_a_session_too_many_is_revoked(sessions: Sessions) -> None:
    store = sessions.store
    tokens = []
    for _ in range(3):
        tokens.append(store.bind(store.create({}), "ann"))
        lapse(0.002)  # or they are equally old

    assert [event.handle for event in sessions.heard.of("revoked")] == [tokens[0].handle]


def test_what_is_drained_is_not_revoked(sessions: Sessions) -> None:
    token = sessions.store.bind(sessions.store.create({}), "ann")
    told(sessions)

    assert sessions.store.drain("ann") == [token.handle]

    assert told(sessions) == []


def test_a_token_that_opens_nothing_is_rejected(sessions: Sessions, traces: Traces) -> None:
    store = sessions.store
    token = store.create({})
    made_up = f"{token.handle}.{'x' * 43}"
    told(sessions)

    store.load(made_up)
    assert told(sessions) == [("rejected", token.handle)]
    with store.open(made_up):
        pass
    assert told(sessions) == [("rejected", token.handle)]
    with store.open("malformed"):
        pass
    assert told(sessions) == [("rejected", None)]
    store.destroy(made_up)
    assert told(sessions) == [("rejected", token.handle)]
    traces.admin.delete(traces.name(token.handle))
    store.load(token)
    assert told(sessions) == [("rejected", token.handle)]
    with store.open():
        pass
    store.load(None)
    assert told(sessions) == []


def test_a_token_that_was_replaced_is_told_as_such(sessions: Sessions) -> None:
    store = sessions.store
    token = store.create({})
    store.save(token, PATCH, rotate=True)
    told(sessions)

    store.load(token)
    assert told(sessions) == [("reuse", token.handle)]
    with store.open(token):
        pass
    assert told(sessions) == [("reuse", token.handle)]
    with pytest.raises(SessionLostError) as caught:
        store.save(token, PATCH)
    assert told(sessions) == [("reuse", token.handle), ("lost", token.handle)]
    assert caught.value.reason == "retired"
    store.destroy(token)
    assert told(sessions) == [("reuse", token.handle), ("destroyed", token.handle)]


def test_a_token_in_its_grace_is_no_reuse_until_that_is_over(sessions: Sessions) -> None:
    store = sessions.store
    token = store.create({})
    store.save(token, PATCH, rotate=True, grace=0.1)
    told(sessions)

    store.load(token)
    assert told(sessions) == []
    lapse(0.11)
    store.load(token)
    assert told(sessions) == [("reuse", token.handle)]


def test_changes_of_a_session_that_ended_are_lost(sessions: Sessions) -> None:
    token = sessions.store.create({})
    opening = sessions.store.open(token)
    session = opening.__enter__()
    session["a"] = 1
    sessions.store.destroy(token)
    told(sessions)

    with pytest.raises(SessionLostError):
        opening.__exit__(None, None, None)

    assert told(sessions) == [("lost", token.handle)]


def test_changes_that_were_lost_once_are_not_lost_again_when_the_block_ends(
    sessions: Sessions,
) -> None:
    token = sessions.store.create({})
    with sessions.store.open(token) as session:
        session["a"] = 1
        session.rotate()
        sessions.store.destroy(token)
        told(sessions)
        with pytest.raises(SessionLostError):
            session.save()

    assert told(sessions) == [("lost", token.handle)]


def test_a_loss_that_leaves_the_block_is_told_once(sessions: Sessions) -> None:
    token = sessions.store.create({})
    opening = sessions.store.open(token)
    session = opening.__enter__()
    session.rotate()
    sessions.store.destroy(token)
    told(sessions)
    with pytest.raises(SessionLostError) as caught:
        session.save()

    opening.__exit__(SessionLostError, caught.value, None)

    assert told(sessions) == [("lost", token.handle)]


def test_a_strict_save_that_came_too_late_is_a_conflict(sessions: Sessions) -> None:
    token = sessions.store.create({})
    told(sessions)

    with pytest.raises(SessionConflictError):
        sessions.store.save(token, PATCH, expect=7)

    assert told(sessions) == [("conflict", token.handle)]


def test_each_try_of_a_transaction_that_came_too_late_is_a_conflict(
    sessions: Sessions, traces: Traces
) -> None:
    token = sessions.store.create({"a": 0})
    told(sessions)

    def change(values: Any) -> None:
        traces.admin.hincrby(traces.name(token.handle), "v", 1)
        values["a"] += 1

    session = sessions.store.open(token).__enter__()
    with pytest.raises(SessionConflictError):
        session.transact(change, attempts=3)

    assert told(sessions) == [("conflict", token.handle)] * 3
    assert traces.values(token.handle) == {"a": b"0"}


def test_a_transaction_of_a_session_that_ended_is_told_with_its_reason(sessions: Sessions) -> None:
    token = sessions.store.create({"a": 0})
    with sessions.store.open(token) as session:
        sessions.store.save(token, PATCH, rotate=True)
        told(sessions)
        with pytest.raises(SessionLostError) as caught:
            session.transact(lambda values: values.update(a=1))

    assert told(sessions)[0] == ("reuse", token.handle)
    assert caught.value.reason == "retired"


def test_an_end_after_a_rotation_without_an_answer_is_no_reuse(
    proxy: Proxy, prefix: str, stores: SessionStores, admin: redis.Redis
) -> None:
    load_scripts(admin)
    sessions = stores.open(proxy.addr, prefix, QUICK)
    token = sessions.store.create({"a": 1})
    told(sessions)
    with sessions.store.open(token) as session:
        session.rotate()
        proxy.reset_reply(SAVE.sha.encode())
        with pytest.raises(StoreUnavailableError):
            session.save()
        session.destroy()

    assert told(sessions) == [("destroyed", token.handle)]
    assert not admin.exists(f"{prefix}:session:{token.handle}")


def test_an_end_that_is_repeated_is_told_as_one(
    proxy: Proxy, prefix: str, stores: SessionStores, admin: redis.Redis
) -> None:
    load_scripts(admin)
    sessions = stores.open(proxy.addr, prefix, QUICK)
    token = sessions.store.create({"a": 1})
    told(sessions)
    with sessions.store.open(token) as session:
        session.destroy()
        proxy.reset_reply(DESTROY.sha.encode())
        with pytest.raises(StoreUnavailableError):
            session.save()

    assert told(sessions) == [("destroyed", token.handle)]


@pytest.mark.parametrize("error", [StoreUnavailableError("GET", "refused"), LookupError()], ids=repr)
def test_an_error_of_something_elses_keeps_no_session_from_ending(
    sessions: Sessions, traces: Traces, error: Exception
) -> None:
    token = sessions.store.create({"a": 1})
    opening = sessions.store.open(token)
    session = opening.__enter__()
    session["a"] = 2
    session.destroy()

    opening.__exit__(type(error), error, None)  # a cache did not answer, for example

    assert traces.handles() == set()


def test_a_hook_that_raises_breaks_nothing(
    addr: str, prefix: str, traces: Traces, caplog: pytest.LogCaptureFixture, stores: SessionStores
) -> None:
    sessions = stores.open(addr, prefix, per_user_max=2)
    heard: list[SessionEvent] = []

    def hook(event: SessionEvent) -> None:
        heard.append(event)
        raise LookupError("s3cret")

    sessions.store._keeper.tell._hook = hook
    with sessions.store.open("malformed") as session:
        session["a"] = 1
        session.bind("ann")
    with sessions.store.open(session.token) as session:
        assert dict(session) == {"a": 1}
        session.rotate()
    with sessions.store.open(session.token) as session:
        session.destroy()

    assert [event.kind for event in heard] == ["rejected", "created", "bound", "rotated", "destroyed"]
    assert [record.getMessage() for record in caplog.records] == ["an events hook raised LookupError"] * 5
    assert traces.handles() == set()


def test_a_hook_that_would_have_to_be_waited_for_is_refused(
    addr: str, prefix: str, stores: SessionStores
) -> None:
    client = stores.open(addr, prefix).module.client()
    refused: list[Any] = [HOOK_OF_TASKS, 5, "print"]
    for each in refused:
        with pytest.raises(ArgumentError, match="events"):
            RedisSessionStore(
                client=client, key_prefix=prefix, settings=SessionSettings.from_mapping(LONG), events=each
            )


def test_no_event_holds_a_token(sessions: Sessions) -> None:
    store = sessions.store
    token = store.create({})
    new = (store.save(token, PATCH, rotate=True)).token
    calls: list[Callable[[], Any]] = [
        lambda: store.load(token),
        lambda: store.load(new),
        lambda: store.load(f"{token.handle}.{'x' * 43}"),
        lambda: store.destroy(new),
        lambda: store.load(new),
    ]
    for call in calls:
        call()

    assert len(sessions.heard) >= 5
    for event in sessions.heard:
        assert (event.handle, event.field, event.error) == (token.handle, None, None)
