# Generated from ../_async/test_session_asvs.py by .ci/unasync.py; do not edit.
"""OWASP ASVS 5.0, V7: each requirement that needs no browser, by its number."""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import pytest
import redis

from modkit_redis.contract import SessionLostError, SessionPatch, SessionToken
from modkit_redis.session.records.scripts import SAVE
from tests.caching import lapse, until
from tests.faults.proxy import Proxy
from tests.session_stores import Sessions, SessionStores, Traces, load_scripts

PATCH: Final = SessionPatch(sets={"a": 2})


@pytest.fixture
def stores() -> Iterator[SessionStores]:
    stores = SessionStores()
    yield stores
    stores.close()


@pytest.fixture
def sessions(addr: str, prefix: str, stores: SessionStores) -> Sessions:
    return stores.open(addr, prefix, per_user_max=3)


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    return Traces(admin, prefix)


def signed_in(sessions: Sessions, user: str = "ann") -> SessionToken:
    """Return the token of a new session of *user*, which is younger than those before."""
    lapse(0.002)
    return sessions.store.bind(sessions.store.create({"a": 1}), user)


def is_live(sessions: Sessions, token: str) -> bool:
    return sessions.store.load(token) is not None


def test_asvs_7_1_2_concurrent_sessions_are_limited_and_the_oldest_ends(
    sessions: Sessions, traces: Traces
) -> None:
    other = signed_in(sessions, "bob")
    tokens = [signed_in(sessions) for _ in range(5)]

    assert [is_live(sessions, token) for token in tokens] == [False, False, True, True, True]
    assert traces.listed("ann") == {token.handle for token in tokens[2:]}
    assert is_live(sessions, other)


def test_asvs_7_2_1_tokens_are_verified_by_the_server_and_none_that_is_unknown_is_adopted(
    sessions: Sessions, traces: Traces
) -> None:
    made_up = f"{'h' * 22}.{'s' * 43}"

    with sessions.store.open(made_up) as session:
        assert session.token is None
        session["a"] = 1

    assert session.token is not None
    assert session.token.handle != "h" * 22
    assert not is_live(sessions, made_up)
    assert "h" * 22 not in traces.handles()
    with pytest.raises(SessionLostError):
        sessions.store.save(made_up, PATCH)


def test_asvs_7_2_2_tokens_are_made_for_each_session_and_hold_no_data(sessions: Sessions) -> None:
    same = [sessions.store.create({"user": "margaret"}) for _ in range(2)]
    empty = sessions.store.create({})

    assert len({*same}) == 2
    assert len(same[0]) == len(empty)
    for part in same[0].split("."):
        assert b"margaret" not in urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_asvs_7_2_3_tokens_have_at_least_128_random_bits(sessions: Sessions) -> None:
    tokens = [sessions.store.create({}) for _ in range(64)]

    secrets = [urlsafe_b64decode(token.split(".")[1] + "=") for token in tokens]
    handles = [urlsafe_b64decode(token.handle + "==") for token in tokens]

    assert {len(secret) * 8 for secret in secrets} == {256}
    assert {len(handle) * 8 for handle in handles} == {128}
    for values in (secrets, handles):
        assert len({*values}) == 64
        for bit in range(len(values[0]) * 8):  # each of 64 is the same with a chance of 2 ** -63
            assert len({value[bit // 8] >> bit % 8 & 1 for value in values}) == 2


@pytest.mark.parametrize("change", ["sign in", "role", "sign in again"])
def test_asvs_7_2_4_a_token_is_replaced_when_somebody_signs_in_or_gains_rights(
    sessions: Sessions, traces: Traces, change: str
) -> None:
    before = sessions.store.create({"a": 1}) if change == "sign in" else signed_in(sessions)
    with sessions.store.open(before) as session:
        if change == "role":
            session["role"] = "admin"
            session.rotate()
        else:
            session.bind("ann")

    assert session.token is not None
    assert session.token != before
    assert not is_live(sessions, before)
    assert is_live(sessions, session.token)
    assert traces.live_tokens(before.handle) == 1
    with pytest.raises(SessionLostError):
        sessions.store.save(before, PATCH)


def test_asvs_7_3_1_a_session_that_is_not_used_ends_on_the_server(
    addr: str, prefix: str, stores: SessionStores, traces: Traces
) -> None:
    sessions = stores.open(addr, prefix, idle_ttl="150ms", absolute_ttl="1h", touch_interval="10ms")
    token = sessions.store.create({"a": 1})
    over = time.monotonic() + 0.3
    while time.monotonic() < over:  # twice as long as it may be idle
        lapse(0.02)
        assert is_live(sessions, token)

    until(lambda: not traces.handles(), "it has ended")

    assert not is_live(sessions, token)
    with pytest.raises(SessionLostError):
        sessions.store.save(token, PATCH)
    assert traces.handles() == set()


def test_asvs_7_3_2_a_session_ends_after_a_time_however_much_it_is_used(
    addr: str, prefix: str, stores: SessionStores, traces: Traces
) -> None:
    sessions = stores.open(addr, prefix, idle_ttl="100ms", absolute_ttl="200ms", touch_interval="5ms")
    began = time.monotonic()
    token = sessions.store.create({"a": 0})
    used = 0
    while traces.handles():
        assert time.monotonic() < began + 5
        opening = sessions.store.open(token)
        session = opening.__enter__()
        if session.token is not None:
            session["a"] = used
            session.rotate()
        with suppress(SessionLostError):  # it ended in between
            opening.__exit__(None, None, None)
        token = session.token or token
        used += 1
        lapse(0.01)

    assert used > 5
    assert time.monotonic() - began >= 0.2
    assert not is_live(sessions, token)


def test_asvs_7_4_1_who_has_signed_out_is_out_also_with_a_slow_request_in_flight(
    sessions: Sessions, traces: Traces
) -> None:
    token = signed_in(sessions)
    slow = sessions.store.open(token)
    session = slow.__enter__()
    session["late"] = 1
    session.rotate()

    with sessions.store.open(token) as other:
        other.destroy()
    with pytest.raises(SessionLostError):
        slow.__exit__(None, None, None)

    assert session.token == token  # no new one that could be set as a cookie
    assert traces.handles() == set()
    assert not is_live(sessions, token)


def test_asvs_7_4_1_a_save_on_its_way_does_not_bring_a_session_back(
    proxy: Proxy, prefix: str, stores: SessionStores, admin: redis.Redis
) -> None:
    load_scripts(admin)
    sessions, traces = stores.open(proxy.addr, prefix), Traces(admin, prefix)
    token = sessions.store.create({"a": 1})
    opening = sessions.store.open(token)
    session = opening.__enter__()
    session["a"] = 2
    proxy.at(SAVE.sha.encode(), lambda: admin.unlink(traces.name(token.handle)))  # somebody signs out

    with pytest.raises(SessionLostError):
        opening.__exit__(None, None, None)

    assert proxy.has_struck()
    assert traces.handles() == set()


@pytest.mark.parametrize("number", ["7.4.2", "7.4.5"])
def test_asvs_7_4_2_and_7_4_5_all_sessions_of_a_user_can_be_ended(
    sessions: Sessions, traces: Traces, number: str
) -> None:
    """When an account is disabled (7.4.2), and by an administrator (7.4.5)."""
    tokens, other = [signed_in(sessions) for _ in range(3)], signed_in(sessions, "bob")

    assert sessions.store.revoke_all("ann") == 3

    assert [is_live(sessions, token) for token in tokens] == [False] * 3
    assert is_live(sessions, other)
    assert traces.handles() == {other.handle}
    assert sessions.store.sessions_of("ann") == []


def test_asvs_7_4_3_all_other_sessions_can_be_ended_when_a_password_was_changed(
    sessions: Sessions,
) -> None:
    tokens = [signed_in(sessions) for _ in range(3)]

    with sessions.store.open(tokens[1]) as session:
        assert session.info is not None
        assert sessions.store.revoke_all("ann", keep=session.info.handle) == 2
        session.rotate()

    assert session.token is not None
    assert not is_live(sessions, tokens[0])
    assert not is_live(sessions, tokens[2])
    assert is_live(sessions, session.token)
    assert [info.handle for info in sessions.store.sessions_of("ann")] == [tokens[1].handle]


def test_asvs_7_5_2_users_can_see_their_sessions_and_end_one(sessions: Sessions) -> None:
    laptop = sessions.store.bind(sessions.store.create({}), "ann", address="192.0.2.1", agent="laptop")
    lapse(0.002)
    phone = sessions.store.bind(sessions.store.create({}), "ann", address="2001:db8::1", agent="phone")

    shown = sessions.store.sessions_of("ann")
    assert [(info.handle, info.address, info.agent) for info in shown] == [
        (phone.handle, "2001:db8::1", "phone"),
        (laptop.handle, "192.0.2.1", "laptop"),
    ]
    for info in shown:
        assert info.created <= info.last_seen < info.expires
    assert sessions.store.revoke(shown[0].handle)

    assert not is_live(sessions, phone)
    assert is_live(sessions, laptop)
    assert [info.handle for info in sessions.store.sessions_of("ann")] == [laptop.handle]


def test_events_carry_the_handle_and_never_the_token(sessions: Sessions) -> None:
    token = signed_in(sessions)
    sessions.store.destroy(token)
    sessions.store.load(token)

    secret = token.split(".")[1]
    assert {event.handle for event in sessions.heard} == {token.handle}
    assert secret not in "".join(f"{event!r}{event.handle}{event.field}" for event in sessions.heard)
