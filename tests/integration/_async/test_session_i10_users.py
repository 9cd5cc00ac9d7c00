"""I10: a session bound before a revocation does not survive it; every live bound session is in the index."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from modkit_redis.contract import (
    ArgumentError,
    SessionLostError,
    SessionPatch,
    SessionToken,
    StoreUnavailableError,
)
from tests.caching import async_at_once, async_until
from tests.sessions import Looker, NewSessions, Told, async_opened, not_of_a_naive_store


async def sign_in(store: Any, user: str = "anna") -> SessionToken:
    token: SessionToken = await store.bind(await store.create({"n": 1}), user)
    return token


async def live(store: Any, tokens: list[SessionToken]) -> list[SessionToken]:
    return [token for token in tokens if await store.load(token) is not None]


@not_of_a_naive_store
async def test_i10_a_request_under_way_does_not_save_a_session_from_its_revocation(
    new_sessions: NewSessions, look: Looker
) -> None:
    store, other = new_sessions(), new_sessions()
    tokens = [await sign_in(store) for _ in range(3)]
    others = await sign_in(store, "bert")

    slow = await async_opened(store, tokens[0])
    slow["n"] = 2

    assert await other.revoke_all("anna") == 3

    with pytest.raises(SessionLostError):
        await slow.save()
    assert await live(store, tokens) == []
    assert look.keys() == [look.key(others)]
    assert await store.sessions_of("anna") == []


async def test_i10_a_sign_in_under_way_either_ends_or_is_listed(
    new_sessions: NewSessions, look: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.create({"n": 1})
    add = store._keeper.index.add

    async def slow_add(*arguments: Any) -> Any:
        ended = await add(*arguments)
        assert await other.revoke_all("anna") == 1  # it is listed, and not bound yet
        return ended

    monkeypatch.setattr(store._keeper.index, "add", slow_add)
    with pytest.raises(SessionLostError):
        await store.bind(token, "anna")

    assert look.keys() == []
    assert look.index("anna") == []


async def test_i10_a_session_is_listed_before_it_is_bound_and_says_whose_it_is_from_then_on(
    new_sessions: NewSessions, look: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_sessions()
    save, seen = store._keeper.records.save, []

    async def slow_save(*arguments: Any) -> Any:
        seen.append((look.index("anna"), await store.sessions_of("anna")))
        return await save(*arguments)

    monkeypatch.setattr(store._keeper.records, "save", slow_save)
    token = await sign_in(store)

    assert seen == [([token.handle], [])]
    assert look.index("anna") == [token.handle]
    [info] = await store.sessions_of("anna")
    assert (info.handle, info.user) == (token.handle, "anna")


async def test_i10_signing_in_and_revoking_at_the_same_time_leaves_no_live_session_unlisted(
    new_sessions: NewSessions, look: Looker
) -> None:
    stores = [new_sessions() for _ in range(2)]
    for seed in range(4):
        chance = random.Random(seed)
        tokens: list[SessionToken] = []

        async def bind(store: Any, tokens: list[SessionToken] = tokens) -> None:
            tokens.append(await sign_in(store))

        acts: list[Any] = [partial(bind, store) for store in stores * 4]
        acts += [partial(store.revoke_all, "anna") for store in stores]
        chance.shuffle(acts)
        outcomes = await async_at_once(acts)

        assert {type(each) for each in outcomes} <= {int, type(None), SessionLostError}
        assert {token.handle for token in await live(stores[0], tokens)} <= set(look.index("anna"))
        await stores[0].revoke_all("anna")
        assert await live(stores[0], tokens) == []


async def test_i10_the_session_that_is_kept_stays_and_stays_listed(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    tokens = [await sign_in(store) for _ in range(3)]

    ended = await store.revoke_all("anna", keep=tokens[1].handle)

    assert ended == 2
    assert await live(store, tokens) == [tokens[1]]
    assert look.index("anna") == [tokens[1].handle]
    assert await store.revoke_all("anna") == 1
    assert look.keys() == []


@pytest.mark.parametrize("removed", [0, 1, 3], ids=lambda count: f"after-{count}")
async def test_i10_a_revocation_that_was_interrupted_can_be_done_again(
    new_sessions: NewSessions, look: Looker, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    store, other = new_sessions(), new_sessions()
    tokens = [await sign_in(store) for _ in range(3)]

    async def interrupted(user: str, handles: list[str], then: Any) -> list[str]:
        for handle in handles[:removed]:
            await other.revoke(handle)
        raise StoreUnavailableError("pipeline", "timeout")

    with monkeypatch.context() as patch:
        patch.setattr(store._keeper.records, "remove_of", interrupted)
        with pytest.raises(StoreUnavailableError):
            await store.revoke_all("anna")
    assert len(await live(other, tokens)) == 3 - removed

    assert await store.revoke_all("anna") == 3 - removed
    assert look.keys() == []
    assert look.index("anna") == []


async def test_i10_draining_lists_what_was_bound_and_what_is_revoked_then_does_not_survive(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    tokens = [await sign_in(store) for _ in range(4)]

    drained = await store.drain("anna", keep=tokens[3].handle)

    assert sorted(drained) == sorted(token.handle for token in tokens[:3])
    assert await live(store, tokens) == tokens
    assert look.index("anna") == [tokens[3].handle]
    assert [await store.revoke(handle) for handle in drained] == [True] * 3
    assert await live(store, tokens) == [tokens[3]]
    assert await store.drain("anna") == [tokens[3].handle]
    assert await store.drain("anna") == []


async def test_i10_draining_at_the_same_time_gives_each_handle_to_one(new_sessions: NewSessions) -> None:
    stores = [new_sessions() for _ in range(2)]
    tokens = [await sign_in(stores[0]) for _ in range(6)]

    drained = await async_at_once([partial(store.drain, "anna") for store in stores * 3])

    handles = [handle for each in drained if isinstance(each, list) for handle in each]
    assert sorted(handles) == sorted(token.handle for token in tokens)


async def test_i10_one_sign_in_too_many_ends_the_oldest(new_sessions: NewSessions, look: Looker) -> None:
    told = Told()
    store = new_sessions(per_user_max=3, events=told)
    tokens = [await sign_in(store) for _ in range(3)]
    for number, token in enumerate(tokens):  # in the same millisecond none would be older
        look.admin.zincrby(look.index_key("anna"), number - 10, token.handle)

    tokens.append(await sign_in(store))

    assert await live(store, tokens) == tokens[1:]
    assert look.index("anna") == [token.handle for token in tokens[1:]]
    revoked = [event.handle for event in told if event.kind == "revoked"]
    assert revoked == [tokens[0].handle]


async def test_i10_sessions_that_have_ended_do_not_count(new_sessions: NewSessions, look: Looker) -> None:
    store = new_sessions(per_user_max=3)
    tokens = [await sign_in(store) for _ in range(3)]
    await store.destroy(tokens[1])
    look.admin.delete(look.key(tokens[2]))  # as when it has been idle

    more = [await sign_in(store) for _ in range(2)]

    assert await live(store, [*tokens, *more]) == [tokens[0], *more]
    assert sorted(look.index("anna")) == sorted(token.handle for token in [tokens[0], *more])


async def test_i10_signing_in_again_in_the_same_session_ends_none(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions(per_user_max=2)
    tokens = [await sign_in(store) for _ in range(2)]
    deadline = look.number(tokens[0], "x")

    for _ in range(3):
        tokens[0] = await store.bind(tokens[0], "anna")

    assert await live(store, tokens) == tokens
    assert len(look.index("anna")) == 2
    assert look.admin.zscore(look.index_key("anna"), tokens[0].handle) == deadline


async def test_i10_an_old_session_that_signs_in_is_not_the_one_that_is_ended(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions(per_user_max=2)
    early = await store.create({"n": 1})
    look.admin.hincrby(look.key(early), "x", -10_000)
    tokens = [await sign_in(store) for _ in range(2)]

    new = await store.bind(early, "anna")

    assert await store.load(new) is not None
    assert len(await live(store, tokens)) == 1


async def test_i10_of_sign_ins_at_the_same_time_no_more_remain_than_the_user_may_have(
    new_sessions: NewSessions, look: Looker
) -> None:
    stores = [new_sessions(per_user_max=3) for _ in range(2)]
    tokens: list[SessionToken] = []

    async def bind(store: Any) -> None:
        for _ in range(3):
            tokens.append(await sign_in(store))

    outcomes = await async_at_once([partial(bind, store) for store in stores * 4])

    alive = await live(stores[0], tokens)
    keys = look.keys()
    bound = [key for key in keys if look.admin.hexists(key, "u")]
    assert {type(each) for each in outcomes} <= {type(None), SessionLostError}
    assert 1 <= len(bound) == len(alive) <= 3
    assert {token.handle for token in alive} <= set(look.index("anna"))
    assert len(look.index("anna")) <= 3


async def test_i10_of_two_users_who_sign_in_to_the_same_session_one_does(
    new_sessions: NewSessions, look: Looker
) -> None:
    store, other = new_sessions(), new_sessions()
    token = await store.create({"n": 1})

    slow = await async_opened(store, token)
    slow.bind("anna")
    new = await other.bind(token, "bert")

    with pytest.raises(SessionLostError):
        await slow.save()

    assert (await store.load(new)).info.user == "bert"
    assert await store.sessions_of("anna") == []
    assert [info.handle for info in await store.sessions_of("bert")] == [token.handle]
    with pytest.raises(ArgumentError, match="not the one who is signed in"):
        await store.bind(new, "anna")


async def test_i10_a_session_stays_listed_whatever_is_done_with_it(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    token = await sign_in(store)

    await store.load(token)
    token = (await store.save(token, SessionPatch(sets={"n": 2}), rotate=True)).token
    token = (await store.save(token, SessionPatch(takes=["n"]), rotate=True, grace=60)).token
    async with store.open(token) as session:
        session["m"] = 1

    assert look.index("anna") == [token.handle]
    assert [info.handle for info in await store.sessions_of("anna")] == [token.handle]
    assert await store.revoke_all("anna") == 1
    assert look.keys() == []


async def test_i10_the_list_of_sessions_says_what_each_is_the_last_seen_first(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    tokens = [
        await store.bind(
            await store.create({}), "anna", address=f"192.0.2.{number}", agent=f"browser {number}"
        )
        for number in range(3)
    ]
    for token, seconds in zip(tokens, (20, 10, 30), strict=True):
        look.age(token, seconds * 1000)

    infos = await store.sessions_of("anna")

    assert [info.address for info in infos] == ["192.0.2.1", "192.0.2.0", "192.0.2.2"]
    assert [info.agent for info in infos] == ["browser 1", "browser 0", "browser 2"]
    assert [await store.peek(info.handle) for info in infos] == infos


@pytest.mark.parametrize("ends", ["revoke_all", "one too many"])
async def test_i10_a_session_that_became_another_users_is_not_ended_with_ones_own(
    new_sessions: NewSessions, look: Looker, ends: str
) -> None:
    store, other = new_sessions(per_user_max=1), new_sessions(per_user_max=1)
    token = await store.create({"n": 1})
    async with store.open(token) as late:
        late.bind("bob")
        annas = await other.bind(token, "anna")
        with pytest.raises(SessionLostError):
            await late.save()
    assert look.index("bob") == [token.handle]

    if ends == "revoke_all":
        assert await store.revoke_all("bob") == 0
    else:
        await store.bind(await store.create({"n": 2}), "bob")

    assert (await other.load(annas)).info.user == "anna"
    assert token.handle not in look.index("bob")


async def test_i10_a_session_that_became_another_users_takes_nobodys_place(
    new_sessions: NewSessions, look: Looker
) -> None:
    store, other = new_sessions(per_user_max=2), new_sessions(per_user_max=2)
    bobs = await sign_in(store, "bob")
    before = look.now_ms()
    await async_until(lambda: look.now_ms() > before, "the next session is younger")
    token = await store.create({"n": 1})
    async with store.open(token) as late:
        late.bind("bob")
        await other.bind(token, "anna")
        with pytest.raises(SessionLostError):
            await late.save()

    await sign_in(store, "bob")

    assert await store.load(bobs) is not None
