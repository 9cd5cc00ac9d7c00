# Generated from ../_async/test_session_outage.py by .ci/unasync.py; do not edit.
"""Redis is gone for a while: nobody waits for long, no token changes, nobody has to sign in again (I16)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import CommandRefusedError, SessionPatch, SessionToken, StoreUnavailableError
from modkit_redis.session.records.scripts import SAVE
from modkit_redis.testing import EmbeddedServer
from tests.caching import within
from tests.certificates import Certificates
from tests.faults.mute import mute_peer
from tests.faults.proxy import Proxy
from tests.faults.reasons import FAULTS as REASONS
from tests.session_faults import QUICK, TIMEOUT, called, killed
from tests.session_stores import Sessions, SessionStores, Snapshot, Traces, load_scripts
from tests.support import stock_client, wait_until

PATCH: Final = SessionPatch(sets={"a": 1})
PASSING: Final = ("oom", "readonly", "busy", "misconf", "noreplicas", "masterdown")
NOBODYS: Final = SessionToken(f"{'h' * 22}.{'s' * 43}")


@pytest.fixture
def stores() -> Iterator[SessionStores]:
    stores = SessionStores()
    yield stores
    stores.close()


@pytest.fixture
def private_admin(private_server: EmbeddedServer) -> Iterator[redis.Redis]:
    with stock_client(private_server.addr) as admin:
        load_scripts(admin)
        yield admin


def use(sessions: Sessions, token: SessionToken) -> None:
    """Open a session and change it."""
    with sessions.store.open(token) as session:
        session["a"] = 2


CALLS: Final[dict[str, Callable[[Any, SessionToken], Any]]] = {
    "create": lambda store, _: store.create({"a": 1}),
    "load": lambda store, token: store.load(token),
    "save": lambda store, token: store.save(token, PATCH),
    "rotate": lambda store, token: store.save(token, PATCH, rotate=True),
    "destroy": lambda store, token: store.destroy(token),
    "peek": lambda store, token: store.peek(token.handle),
    "revoke": lambda store, token: store.revoke(token.handle),
    "bind": lambda store, token: store.bind(token, "ann"),
    "sessions_of": lambda store, _: store.sessions_of("ann"),
    "drain": lambda store, _: store.drain("ann"),
    "revoke_all": lambda store, _: store.revoke_all("ann"),
}


@pytest.mark.parametrize("outage", ["fail", "anonymous"])
@pytest.mark.parametrize("name", CALLS)
def test_each_call_of_the_store_raises_whatever_opening_does(
    closed_port: str, stores: SessionStores, name: str, outage: str
) -> None:
    sessions = stores.open(closed_port, "shop", on_outage=outage, per_user_max=5)

    with within(1), pytest.raises(StoreUnavailableError) as caught:
        CALLS[name](sessions.store, NOBODYS)

    assert caught.value.reason == "refused"
    assert sessions.heard == []


def test_opening_raises_in_an_outage(closed_port: str, stores: SessionStores) -> None:
    sessions = stores.open(closed_port, "shop")

    with within(1), pytest.raises(StoreUnavailableError):
        sessions.store.open(NOBODYS).__enter__()

    assert sessions.heard == []


def test_who_has_no_token_does_not_notice_an_outage(closed_port: str, stores: SessionStores) -> None:
    sessions = stores.open(closed_port, "shop")

    with sessions.store.open() as session:
        assert dict(session) == {}

    assert not session.degraded
    assert sessions.heard == []


def test_opening_gives_an_empty_session_if_the_settings_say_so(
    closed_port: str, stores: SessionStores
) -> None:
    sessions = stores.open(closed_port, "shop", on_outage="anonymous")

    with sessions.store.open(NOBODYS) as session:
        assert session.degraded
        assert dict(session) == {}
        assert (session.token, session.info, session.user) == (None, None, None)

    [event] = sessions.heard
    assert (event.kind, event.handle, event.field) == ("degraded", NOBODYS.handle, None)
    assert isinstance(event.error, StoreUnavailableError)
    assert event.error.reason == "refused"


ALTERATIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "assign": lambda session: session.__setitem__("a", 1),
    "setdefault": lambda session: session.setdefault("a", 1),
    "update": lambda session: session.update(a=1),
    "rotate": lambda session: session.rotate(),
    "bind": lambda session: session.bind("ann"),
    "destroy": lambda session: session.destroy(),
}
EXCHANGES: Final[dict[str, Callable[[Any], Any]]] = {
    "take": lambda session: session.take("a", "none"),
    "transact": lambda session: session.transact(dict),
    "save": lambda session: session.save(),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_a_degraded_session_cannot_be_changed(closed_port: str, stores: SessionStores, name: str) -> None:
    sessions = stores.open(closed_port, "shop", on_outage="anonymous", per_user_max=5)

    with sessions.store.open(NOBODYS) as session:
        with pytest.raises(StoreUnavailableError) as caught:
            ALTERATIONS[name](session)

        assert (caught.value.operation, caught.value.reason) == ("session", "refused")
        assert dict(session) == {}
    assert sessions.heard.kinds() == ["degraded"]


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_degraded_session_asks_for_nothing(closed_port: str, stores: SessionStores, name: str) -> None:
    sessions = stores.open(closed_port, "shop", on_outage="anonymous")

    with sessions.store.open(NOBODYS) as session:
        with pytest.raises(StoreUnavailableError) as caught:
            EXCHANGES[name](session)

        assert (caught.value.operation, caught.value.reason) == ("session", "refused")


def test_reading_a_degraded_session_finds_nothing(closed_port: str, stores: SessionStores) -> None:
    sessions = stores.open(closed_port, "shop", on_outage="anonymous")

    with sessions.store.open(NOBODYS) as session:
        assert session.get("a", "none") == "none"
        assert "a" not in session
        assert len(session) == 0
        assert session.pop("a", "none") == "none"
        with pytest.raises(KeyError):
            del session["a"]


def test_leaving_a_degraded_session_sends_nothing(
    proxy: Proxy, prefix: str, stores: SessionStores, admin: redis.Redis
) -> None:
    sessions = stores.open(proxy.addr, prefix, QUICK, on_outage="anonymous")
    token = sessions.store.create({"a": 1})
    before = Traces(admin, prefix).fields(token.handle)
    proxy.reset_request(called("HGETALL"))

    with sessions.store.open(token) as session:
        assert session.degraded
        sent = len(proxy.commands)  # Redis is back by now

    assert len(proxy.commands) == sent
    assert Traces(admin, prefix).fields(token.handle) == before
    with sessions.store.open(token) as session:
        assert dict(session) == {"a": 1}


@pytest.mark.parametrize("outage", ["fail", "anonymous"])
def test_a_request_during_which_redis_is_killed_keeps_its_token_and_the_next_needs_no_new_login(
    private_server: EmbeddedServer, private_admin: redis.Redis, stores: SessionStores, outage: str
) -> None:
    sessions = stores.open(private_server.addr, "shop", QUICK, on_outage=outage, per_user_max=5)
    token = sessions.store.bind(sessions.store.create({"a": 1}), "ann")
    opening = sessions.store.open(token)
    session = opening.__enter__()
    session["a"] = 2
    session.rotate()
    disk = Snapshot(private_admin)

    private_server.kill()

    with within(TIMEOUT), pytest.raises(StoreUnavailableError):
        opening.__exit__(None, None, None)
    assert session.token == token
    private_server.restart()
    disk.restore(private_admin)
    with sessions.store.open(token) as session:
        assert (session.token, session.user, dict(session)) == (token, "ann", {"a": 1})
        assert not session.degraded


def test_a_request_that_meets_a_frozen_server_keeps_its_token_and_the_next_needs_no_new_login(
    private_server: EmbeddedServer, private_admin: redis.Redis, stores: SessionStores
) -> None:
    sessions = stores.open(private_server.addr, "shop", {"read_timeout": "1m"}, deadline="200ms")
    calm = stores.open(private_server.addr, "shop")
    token = calm.store.create({"a": 1})
    opening = sessions.store.open(token)
    session = opening.__enter__()
    session["a"] = 2

    with private_server.frozen(), within(TIMEOUT), pytest.raises(StoreUnavailableError) as caught:
        opening.__exit__(None, None, None)

    assert caught.value.reason == "deadline"
    assert session.token == token
    with calm.store.open(token) as session:
        assert session["a"] in (1, 2)  # what was sent may have arrived
        assert session.token == token
    assert Traces(private_admin, "shop").live_tokens(token.handle) == 1


def test_a_session_that_redis_has_lost_is_not_brought_back(
    private_server: EmbeddedServer, private_admin: redis.Redis, stores: SessionStores
) -> None:
    sessions = stores.open(private_server.addr, "shop", QUICK)
    token = sessions.store.create({"a": 1})

    private_server.restart()

    assert sessions.store.load(token) is None
    with sessions.store.open(token) as session:
        assert (dict(session), session.token) == ({}, None)
        session["b"] = 1
    assert session.token is not None
    assert session.token.handle != token.handle
    assert Traces(private_admin, "shop").handles() == {session.token.handle}


@pytest.mark.parametrize("outage", ["fail", "anonymous"])
def test_the_deadline_bounds_each_exchange_with_a_silent_server(stores: SessionStores, outage: str) -> None:
    with mute_peer() as addr:
        sessions = stores.open(
            addr, "shop", {"read_timeout": "1m"}, deadline="50ms", on_outage=outage, per_user_max=5
        )
        for call in CALLS.values():
            with within(0.05), pytest.raises(StoreUnavailableError) as caught:
                call(sessions.store, NOBODYS)
            assert caught.value.reason == "deadline"
        with within(0.05):
            if outage == "fail":
                with pytest.raises(StoreUnavailableError):
                    sessions.store.open(NOBODYS).__enter__()
            else:
                with sessions.store.open(NOBODYS) as session:
                    assert session.degraded


@pytest.mark.parametrize("command", [called("TIME"), called("HGETALL"), SAVE.sha.encode()])
def test_the_deadline_bounds_a_reply_that_never_comes(
    proxy: Proxy, prefix: str, stores: SessionStores, admin: redis.Redis, command: bytes
) -> None:
    load_scripts(admin)
    sessions = stores.open(proxy.addr, prefix, {"read_timeout": "1m"}, deadline="200ms")
    calm = stores.open(proxy.addr, prefix)
    token = calm.store.create({"a": 1})
    proxy.swallow(command)

    with within(2 * TIMEOUT), pytest.raises(StoreUnavailableError) as caught:
        use(sessions, token)

    assert caught.value.reason == "deadline"
    with calm.store.open(token) as session:
        assert session.token == token


@pytest.mark.parametrize("outage", ["fail", "anonymous"])
def test_a_client_that_was_closed_is_no_outage(
    addr: str, prefix: str, stores: SessionStores, outage: str
) -> None:
    sessions = stores.open(addr, prefix, on_outage=outage)
    token = sessions.store.create({"a": 1})
    sessions.module.shutdown_resources()
    sessions.heard.clear()

    with pytest.raises(StoreUnavailableError) as caught:
        use(sessions, token)

    assert caught.value.reason == "closed"
    assert sessions.heard == []


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            fault,
            id=str(fault),
            marks=() if fault.name in ("full memory", "a forbidden key") else pytest.mark.slow,
        )
        for fault in REASONS
        if fault.reason in (*PASSING, "noperm", "refused", "reset", "auth", "max-clients")
    ],
)
def test_what_passes_by_itself_is_an_outage_and_what_does_not_is_none(
    fault: Any, certificates: Certificates, stores: SessionStores
) -> None:
    with fault.happening(certificates) as settings:
        sessions = stores.open(
            str(settings.pop("addr")), "shop", {**QUICK, **settings}, on_outage="anonymous"
        )
        try:
            with sessions.store.open(NOBODYS) as session:
                seen = "degraded" if session.degraded else "empty"
        except (StoreUnavailableError, CommandRefusedError) as error:
            seen = f"raised {error.reason}"

    if fault.reason == "noperm" and "key" not in fault.name:
        assert seen == "empty"  # reading is allowed
    elif fault.reason == "noperm":
        assert seen == "raised noperm"
    elif fault.reason in ("oom", "readonly", "misconf", "noreplicas"):
        assert seen == "empty"  # reading is possible
    else:
        assert seen == "degraded"
        assert sessions.heard.kinds() == ["degraded"]


def test_a_touch_that_a_replica_refuses_keeps_nobody_from_reading_and_is_told(
    private_server: EmbeddedServer, private_admin: redis.Redis, stores: SessionStores
) -> None:
    sessions = stores.open(
        private_server.addr, "shop", QUICK, on_outage="anonymous", touch_interval="1ms", idle_ttl="1m"
    )
    token = sessions.store.create({"a": 1})
    wait_until(lambda: private_admin.pttl(Traces(private_admin, "shop").name(token.handle)) < 59_990, "due")
    private_admin.replicaof("127.0.0.1", 1)

    with sessions.store.open(token) as session:
        assert not session.degraded
        assert dict(session) == {"a": 1}

    assert [event.kind for event in sessions.heard] == ["created", "degraded"]
    private_admin.replicaof("NO", "ONE")
    with sessions.store.open(token) as session:
        assert dict(session) == {"a": 1}


def test_a_server_that_is_killed_and_comes_back_while_a_session_is_saved_is_met_again(
    private_server: EmbeddedServer, private_admin: redis.Redis, stores: SessionStores
) -> None:
    with Proxy(private_server.addr) as proxy, ExitStack() as undo:
        sessions = stores.open(proxy.addr, "shop", QUICK)
        token = sessions.store.create({"a": 1})
        with sessions.store.open(token) as session:
            session["a"] = 2
            session.rotate()
            killed(proxy, private_server, SAVE.sha.encode(), undo)
            with within(TIMEOUT), pytest.raises(StoreUnavailableError):
                session.save()
            assert session.token == token
            undo.close()

        assert session.token is not None
        assert sessions.store.load(token) is None
        stored = sessions.store.load(session.token)

    assert stored is not None
    assert stored.data == {"a": 2}
    assert Traces(private_admin, "shop").counted(token.handle) == (2, 1)
