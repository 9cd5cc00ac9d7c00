"""I1: after a session was ended, no interleaving makes a load find it, or its key exist."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from modkit_redis.contract import SessionLostError, SessionPatch
from modkit_redis.session.tokens import Credential
from tests.caching import async_at_once
from tests.sessions import Looker, NewSessions, Told, async_opened, not_of_a_naive_store

BEFORE = {"n": 1, "cart": []}


async def _set(session: Any) -> None:
    session["n"] = 2


async def _set_inside(session: Any) -> None:
    session["cart"].append("book")


async def _delete(session: Any) -> None:
    del session["n"]


async def _rotate(session: Any) -> None:
    session.rotate()


async def _rotate_with_grace(session: Any) -> None:
    session.rotate(grace=60)


async def _bind(session: Any) -> None:
    session.bind("anna")


async def _take(session: Any) -> None:
    await session.take("n")


async def _transact(session: Any) -> None:
    await session.transact(lambda values: values.update(n=2))


async def save_after(change: Any, session: Any) -> None:
    await change(session)
    await session.save()


CHANGES = [_set, _set_inside, _delete, _rotate, _rotate_with_grace, _bind, _take, _transact]
every_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))


@not_of_a_naive_store
@every_change
async def test_i01_a_request_under_way_does_not_bring_a_destroyed_session_back(
    new_sessions: NewSessions, look: Looker, change: Any
) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.create(BEFORE)

    slow = await async_opened(store, token)
    await other.destroy(token)

    with pytest.raises(SessionLostError, match="it has ended"):
        await save_after(change, slow)

    assert await other.load(token) is None
    assert look.keys() == []


@not_of_a_naive_store
@every_change
async def test_i01_nor_does_one_that_had_changed_it_before(
    new_sessions: NewSessions, look: Looker, change: Any
) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.create(BEFORE)

    slow = await async_opened(store, token)
    await save_after(change, slow)
    async with other.open(slow.token) as quick:
        quick.destroy()
    slow["late"] = True

    with pytest.raises(SessionLostError):
        await slow.save()

    assert look.keys() == []


@pytest.mark.parametrize("end", ["destroy", "revoke", "revoke_all"])
async def test_i01_every_way_to_end_a_session_is_final(
    new_sessions: NewSessions, look: Looker, end: str
) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.bind(await store.create(BEFORE), "anna")

    slow = await async_opened(store, token)
    slow["n"] = 2
    named = {"destroy": token, "revoke": token.handle, "revoke_all": "anna"}[end]

    await getattr(other, end)(named)

    with pytest.raises(SessionLostError, match="it has ended"):
        await slow.save()

    assert await other.load(token) is None
    assert look.keys() == []


@not_of_a_naive_store
async def test_i01_the_store_does_not_change_a_session_that_has_ended(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    token = await store.create(BEFORE)
    await store.destroy(token)

    for patch in (
        SessionPatch(),
        SessionPatch(sets={"n": 2}),
        SessionPatch(deletes=["n"]),
        SessionPatch(takes=["n"]),
    ):
        for rotate in (False, True):
            with pytest.raises(SessionLostError):
                await store.save(token, patch, rotate=rotate)

    assert look.keys() == []


async def test_i01_a_touch_under_way_does_not_bring_it_back(
    new_sessions: NewSessions, look: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    store, other = new_sessions(events=told, touch_interval="1ms", idle_ttl="10m"), new_sessions()
    token = await store.create(BEFORE)
    touch = store._keeper.records.touch

    async def slow_touch(credential: Credential, due_ms: int) -> Any:
        await other.destroy(token)
        return await touch(credential, 0)

    monkeypatch.setattr(store._keeper.records, "touch", slow_touch)
    look.age(token, 60_000)

    assert await store.load(token) is None
    assert look.keys() == []
    assert told.kinds() == ["created", "rejected"]


async def test_i01_a_session_that_lost_its_ttl_ends_with_its_deadline(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    tokens = [await store.create(BEFORE) for _ in range(2)]
    for token in tokens:
        look.admin.persist(look.key(token))
        look.admin.hset(look.key(token), "x", look.now_ms())

    with pytest.raises(SessionLostError):
        await store.save(tokens[0], SessionPatch(sets={"n": 2}))
    assert await store.load(tokens[1]) is None

    assert look.keys() == []


async def test_i01_whoever_holds_only_a_replaced_token_can_end_the_session_and_that_is_reported(
    new_sessions: NewSessions, look: Looker
) -> None:
    told = Told()
    store = new_sessions(events=told)
    old = await store.create(BEFORE)
    new = (await store.save(old, SessionPatch(), rotate=True)).token

    await store.destroy(old)

    assert look.keys() == []
    assert await store.load(new) is None
    assert told.kinds() == ["created", "rotated", "reuse", "destroyed", "rejected"]


async def test_i01_a_token_that_was_replaced_twice_ends_nothing(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    old = await store.create(BEFORE)
    newer = (await store.save(old, SessionPatch(), rotate=True)).token
    newest = (await store.save(newer, SessionPatch(), rotate=True)).token

    await store.destroy(old)

    assert look.keys() == [look.key(newest)]


@pytest.mark.parametrize("seed", range(5))
async def test_i01_destroying_among_many_writers_is_final(
    new_sessions: NewSessions, look: Looker, seed: int
) -> None:
    chance = random.Random(seed)
    stores = [new_sessions() for _ in range(2)]
    token = await stores[0].create(BEFORE)
    changes = [_set, _set_inside, _delete, _rotate_with_grace, _take, _transact]  # the token still works then

    async def write(number: int) -> None:
        async with stores[number % 2].open(token) as session:
            if session.token:
                await changes[number % len(changes)](session)

    async def end() -> None:
        await stores[0].destroy(token)

    acts: list[Any] = [*[partial(write, number) for number in range(11)], end]
    chance.shuffle(acts)
    outcomes = await async_at_once(acts)

    assert await stores[0].load(token) is None
    assert look.keys() == []
    assert all(each is None or isinstance(each, SessionLostError | KeyError) for each in outcomes)
