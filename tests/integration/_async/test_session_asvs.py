"""OWASP ASVS 5.0, V7: each requirement that needs no browser, by its number."""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import pytest
import redis

from modkit_redis.contract import SessionLostError, SessionPatch, SessionToken
from modkit_redis.session.records.scripts import SAVE
from tests.caching import async_lapse, async_until
from tests.faults.proxy import Proxy
from tests.session_stores import AsyncSessions, AsyncSessionStores, Traces, load_scripts

PATCH: Final = SessionPatch(sets={"a": 2})


@pytest.fixture
async def stores() -> AsyncIterator[AsyncSessionStores]:
    stores = AsyncSessionStores()
    yield stores
    await stores.aclose()


@pytest.fixture
def sessions(addr: str, prefix: str, stores: AsyncSessionStores) -> AsyncSessions:
    return stores.open(addr, prefix, per_user_max=3)


@pytest.fixture
def traces(admin: redis.Redis, prefix: str) -> Traces:
    return Traces(admin, prefix)


async def signed_in(sessions: AsyncSessions, user: str = "ann") -> SessionToken:
    """Return the token of a new session of *user*, which is younger than those before."""
    await async_lapse(0.002)
    return await sessions.store.bind(await sessions.store.create({"a": 1}), user)


async def is_live(sessions: AsyncSessions, token: str) -> bool:
    return await sessions.store.load(token) is not None


async def test_asvs_7_1_2_concurrent_sessions_are_limited_and_the_oldest_ends(
    sessions: AsyncSessions, traces: Traces
) -> None:
    other = await signed_in(sessions, "bob")
    tokens = [await signed_in(sessions) for _ in range(5)]

    assert [await is_live(sessions, token) for token in tokens] == [False, False, True, True, True]
    assert traces.listed("ann") == {token.handle for token in tokens[2:]}
    assert await is_live(sessions, other)


async def test_asvs_7_2_1_tokens_are_verified_by_the_server_and_none_that_is_unknown_is_adopted(
    sessions: AsyncSessions, traces: Traces
) -> None:
    made_up = f"{'h' * 22}.{'s' * 43}"

    async with sessions.store.open(made_up) as session:
        assert session.token is None
        session["a"] = 1

    assert session.token is not None
    assert session.token.handle != "h" * 22
    assert not await is_live(sessions, made_up)
    assert "h" * 22 not in traces.handles()
    with pytest.raises(SessionLostError):
        await sessions.store.save(made_up, PATCH)


async def test_asvs_7_2_2_tokens_are_made_for_each_session_and_hold_no_data(sessions: AsyncSessions) -> None:
    same = [await sessions.store.create({"user": "margaret"}) for _ in range(2)]
    empty = await sessions.store.create({})

    assert len({*same}) == 2
    assert len(same[0]) == len(empty)
    for part in same[0].split("."):
        assert b"margaret" not in urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_asvs_7_2_3_tokens_have_at_least_128_random_bits(sessions: AsyncSessions) -> None:
    tokens = [await sessions.store.create({}) for _ in range(64)]

    secrets = [urlsafe_b64decode(token.split(".")[1] + "=") for token in tokens]
    handles = [urlsafe_b64decode(token.handle + "==") for token in tokens]

    assert {len(secret) * 8 for secret in secrets} == {256}
    assert {len(handle) * 8 for handle in handles} == {128}
    for values in (secrets, handles):
        assert len({*values}) == 64
        for bit in range(len(values[0]) * 8):  # each of 64 is the same with a chance of 2 ** -63
            assert len({value[bit // 8] >> bit % 8 & 1 for value in values}) == 2


@pytest.mark.parametrize("change", ["sign in", "role", "sign in again"])
async def test_asvs_7_2_4_a_token_is_replaced_when_somebody_signs_in_or_gains_rights(
    sessions: AsyncSessions, traces: Traces, change: str
) -> None:
    before = await sessions.store.create({"a": 1}) if change == "sign in" else await signed_in(sessions)
    async with sessions.store.open(before) as session:
        if change == "role":
            session["role"] = "admin"
            session.rotate()
        else:
            session.bind("ann")

    assert session.token is not None
    assert session.token != before
    assert not await is_live(sessions, before)
    assert await is_live(sessions, session.token)
    assert traces.live_tokens(before.handle) == 1
    with pytest.raises(SessionLostError):
        await sessions.store.save(before, PATCH)


async def test_asvs_7_3_1_a_session_that_is_not_used_ends_on_the_server(
    addr: str, prefix: str, stores: AsyncSessionStores, traces: Traces
) -> None:
    sessions = stores.open(addr, prefix, idle_ttl="150ms", absolute_ttl="1h", touch_interval="10ms")
    token = await sessions.store.create({"a": 1})
    over = time.monotonic() + 0.3
    while time.monotonic() < over:  # twice as long as it may be idle
        await async_lapse(0.02)
        assert await is_live(sessions, token)

    await async_until(lambda: not traces.handles(), "it has ended")

    assert not await is_live(sessions, token)
    with pytest.raises(SessionLostError):
        await sessions.store.save(token, PATCH)
    assert traces.handles() == set()


async def test_asvs_7_3_2_a_session_ends_after_a_time_however_much_it_is_used(
    addr: str, prefix: str, stores: AsyncSessionStores, traces: Traces
) -> None:
    sessions = stores.open(addr, prefix, idle_ttl="100ms", absolute_ttl="200ms", touch_interval="5ms")
    began = time.monotonic()
    token = await sessions.store.create({"a": 0})
    used = 0
    while traces.handles():
        assert time.monotonic() < began + 5
        opening = sessions.store.open(token)
        session = await opening.__aenter__()
        if session.token is not None:
            session["a"] = used
            session.rotate()
        with suppress(SessionLostError):  # it ended in between
            await opening.__aexit__(None, None, None)
        token = session.token or token
        used += 1
        await async_lapse(0.01)

    assert used > 5
    assert time.monotonic() - began >= 0.2
    assert not await is_live(sessions, token)


async def test_asvs_7_4_1_who_has_signed_out_is_out_also_with_a_slow_request_in_flight(
    sessions: AsyncSessions, traces: Traces
) -> None:
    token = await signed_in(sessions)
    slow = sessions.store.open(token)
    session = await slow.__aenter__()
    session["late"] = 1
    session.rotate()

    async with sessions.store.open(token) as other:
        other.destroy()
    with pytest.raises(SessionLostError):
        await slow.__aexit__(None, None, None)

    assert session.token == token  # no new one that could be set as a cookie
    assert traces.handles() == set()
    assert not await is_live(sessions, token)


async def test_asvs_7_4_1_a_save_on_its_way_does_not_bring_a_session_back(
    proxy: Proxy, prefix: str, stores: AsyncSessionStores, admin: redis.Redis
) -> None:
    load_scripts(admin)
    sessions, traces = stores.open(proxy.addr, prefix), Traces(admin, prefix)
    token = await sessions.store.create({"a": 1})
    opening = sessions.store.open(token)
    session = await opening.__aenter__()
    session["a"] = 2
    proxy.at(SAVE.sha.encode(), lambda: admin.unlink(traces.name(token.handle)))  # somebody signs out

    with pytest.raises(SessionLostError):
        await opening.__aexit__(None, None, None)

    assert proxy.has_struck()
    assert traces.handles() == set()


@pytest.mark.parametrize("number", ["7.4.2", "7.4.5"])
async def test_asvs_7_4_2_and_7_4_5_all_sessions_of_a_user_can_be_ended(
    sessions: AsyncSessions, traces: Traces, number: str
) -> None:
    """When an account is disabled (7.4.2), and by an administrator (7.4.5)."""
    tokens, other = [await signed_in(sessions) for _ in range(3)], await signed_in(sessions, "bob")

    assert await sessions.store.revoke_all("ann") == 3

    assert [await is_live(sessions, token) for token in tokens] == [False] * 3
    assert await is_live(sessions, other)
    assert traces.handles() == {other.handle}
    assert await sessions.store.sessions_of("ann") == []


async def test_asvs_7_4_3_all_other_sessions_can_be_ended_when_a_password_was_changed(
    sessions: AsyncSessions,
) -> None:
    tokens = [await signed_in(sessions) for _ in range(3)]

    async with sessions.store.open(tokens[1]) as session:
        assert session.info is not None
        assert await sessions.store.revoke_all("ann", keep=session.info.handle) == 2
        session.rotate()

    assert session.token is not None
    assert not await is_live(sessions, tokens[0])
    assert not await is_live(sessions, tokens[2])
    assert await is_live(sessions, session.token)
    assert [info.handle for info in await sessions.store.sessions_of("ann")] == [tokens[1].handle]


async def test_asvs_7_5_2_users_can_see_their_sessions_and_end_one(sessions: AsyncSessions) -> None:
    laptop = await sessions.store.bind(
        await sessions.store.create({}), "ann", address="192.0.2.1", agent="laptop"
    )
    await async_lapse(0.002)
    phone = await sessions.store.bind(
        await sessions.store.create({}), "ann", address="2001:db8::1", agent="phone"
    )

    shown = await sessions.store.sessions_of("ann")
    assert [(info.handle, info.address, info.agent) for info in shown] == [
        (phone.handle, "2001:db8::1", "phone"),
        (laptop.handle, "192.0.2.1", "laptop"),
    ]
    for info in shown:
        assert info.created <= info.last_seen < info.expires
    assert await sessions.store.revoke(shown[0].handle)

    assert not await is_live(sessions, phone)
    assert await is_live(sessions, laptop)
    assert [info.handle for info in await sessions.store.sessions_of("ann")] == [laptop.handle]


async def test_events_carry_the_handle_and_never_the_token(sessions: AsyncSessions) -> None:
    token = await signed_in(sessions)
    await sessions.store.destroy(token)
    await sessions.store.load(token)

    secret = token.split(".")[1]
    assert {event.handle for event in sessions.heard} == {token.handle}
    assert secret not in "".join(f"{event!r}{event.handle}{event.field}" for event in sessions.heard)
