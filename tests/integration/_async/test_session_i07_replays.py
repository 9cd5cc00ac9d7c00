"""I7: a write that is sent again, as its reply was lost, takes effect once."""

from __future__ import annotations

from typing import Any

import pytest

from modkit_redis.contract import SessionLostError, SessionPatch, StoreUnavailableError
from modkit_redis.session._core import Status
from modkit_redis.session.records.write import Write
from modkit_redis.session.tokens import new_token, next_token, proof
from tests.caching import async_at_once
from tests.sessions import Looker, NewSessions, Told, async_opened

A_MINUTE, AN_HOUR = 60_000, 3_600_000


class Losing:
    """Loses the replies to writes: they take effect, and nobody hears of it."""

    def __init__(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes: list[Write] = []
        self._records = store._keeper.records
        self._patch = monkeypatch

    def next(self, name: str, times: int = 1) -> None:
        """Lose so many replies to ``create``, ``save`` or ``destroy``."""
        method, left = getattr(self._records, name), [None] * times

        async def unheard(*arguments: Any) -> Any:
            self.writes += [each for each in arguments if isinstance(each, Write)]
            answer = await method(*arguments)
            if not left:
                return answer
            left.pop()
            raise StoreUnavailableError(name, "timeout")

        self._patch.setattr(self._records, name, unheard)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def store(new_sessions: NewSessions, told: Told) -> Any:
    return new_sessions(events=told)


@pytest.fixture
def losing(store: Any, monkeypatch: pytest.MonkeyPatch) -> Losing:
    return Losing(store, monkeypatch)


async def test_i07_beginning_twice_with_the_same_nonce_begins_once(store: Any, look: Looker) -> None:
    records, token, write = store._keeper.records, new_token(), Write(sets={"n": b"1"})

    deadline = await records.create(token, write, A_MINUTE, AN_HOUR)
    look.admin.pexpire(look.key(token), 30_000)
    before = look.fields(token)
    again = await records.create(token, write, A_MINUTE, AN_HOUR)

    assert again == deadline > 0
    assert look.fields(token) == before
    assert look.pttl(look.key(token)) <= 30_000


@pytest.mark.parametrize("other", ["nonce", "token"])
async def test_i07_another_session_is_never_replaced_by_one_that_begins(
    store: Any, look: Looker, other: str
) -> None:
    records, token, write = store._keeper.records, new_token(), Write(sets={"n": b"1"})
    await records.create(token, write, A_MINUTE, AN_HOUR)
    before = look.fields(token)

    if other == "nonce":
        deadline = await records.create(token, Write(sets={"n": b"2"}), A_MINUTE, AN_HOUR)
    else:
        deadline = await records.create(next_token(token.handle), write, A_MINUTE, AN_HOUR)

    assert deadline == 0
    assert look.fields(token) == before


async def test_i07_whatever_else_is_at_its_key_is_not_replaced_either(store: Any, look: Looker) -> None:
    token = new_token()
    look.admin.hset(look.key(token), "foreign", "1")

    assert not await store._keeper.records.create(token, Write(sets={"n": b"1"}), A_MINUTE, AN_HOUR)

    assert look.fields(token) == {"foreign": b"1"}


@pytest.mark.parametrize(
    "write",
    [
        Write(sets={"n": b"2"}, deletes=["x"]),
        Write(sets={"n": b"2"}, expect=1),
        Write(takes=["x"]),
        Write(about={"u": b"anna"}),
    ],
    ids=["save", "strict", "take", "bind"],
)
async def test_i07_saving_twice_with_the_same_nonce_saves_once(
    store: Any, look: Looker, write: Write
) -> None:
    token = await store.create({"n": 1, "x": 1, "y": 1})
    records, credential = store._keeper.records, proof(token)

    first = await records.save(credential, write)
    before = look.fields(token)
    again = await records.save(credential, write)

    assert (first.status, again.status) == (Status.DONE, Status.DONE)
    assert first.version == again.version == 2
    assert look.fields(token) == before


@pytest.mark.parametrize("grace_ms", [0, A_MINUTE])
@pytest.mark.parametrize("is_renewal", [False, True], ids=["rotation", "renewal"])
async def test_i07_replacing_the_token_twice_with_the_same_nonce_replaces_it_once(
    store: Any, look: Looker, grace_ms: int, is_renewal: bool
) -> None:
    old = await store.create({"n": 1})
    new = next_token(old.handle)
    write = Write(sets={"n": b"2"}, token=new, grace_ms=grace_ms, is_renewal=is_renewal)
    records = store._keeper.records

    first = await records.save(proof(old), write)
    before = look.fields(old)
    again = await records.save(proof(old), write)

    assert (first.status, again.status) == (Status.DONE, Status.DONE)
    assert first.version == again.version
    assert look.fields(old) == before
    assert look.number(old, "g") == 1
    assert (await store.load(new)).data == {"n": 2}


async def test_i07_replacing_the_token_again_after_another_wrote_replaces_it_once(
    store: Any, look: Looker
) -> None:
    old = await store.create({"n": 1})
    new = next_token(old.handle)
    write = Write(sets={"a": b"1"}, token=new, grace_ms=A_MINUTE)
    records = store._keeper.records
    await records.save(proof(old), write)
    until = look.number(old, "pu")

    await store.save(old, SessionPatch(sets={"b": 1}))  # in its grace
    again = await records.save(proof(old), write)

    assert again.status is Status.DONE
    assert (look.number(old, "g"), look.number(old, "pu")) == (1, until)
    assert (await store.load(new)).data == {"n": 1, "a": 1, "b": 1}


async def test_i07_the_same_write_sent_by_many_at_once_takes_effect_once(store: Any, look: Looker) -> None:
    token = await store.create({"n": 1})
    write = Write(sets={"n": b"2"}, expect=1)

    answers = await async_at_once([lambda: store._keeper.records.save(proof(token), write)] * 8)

    assert [(each.status, each.version) for each in answers] == [(Status.DONE, 2)] * 8  # type: ignore[union-attr]  # or it raised
    assert look.number(token, "v") == 2


async def test_i07_ending_twice_ends_once(store: Any, look: Looker, told: Told, losing: Losing) -> None:
    token = await store.create({"n": 1})
    losing.next("destroy")

    async with store.open(token) as session:
        session.destroy()
        with pytest.raises(StoreUnavailableError):
            await session.save()
        await session.save()

    assert look.keys() == []
    assert told.kinds() == ["created", "destroyed"] or told.kinds() == ["created", "rejected"]


@pytest.mark.parametrize("times", [1, 2])
async def test_i07_a_session_whose_beginning_was_unheard_begins_once(
    store: Any, look: Looker, told: Told, losing: Losing, times: int
) -> None:
    losing.next("create", times)

    async with store.open() as session:
        session["n"] = 1
        for _ in range(times):
            with pytest.raises(StoreUnavailableError):
                await session.save()
        session["m"] = 2
        assert session.token is None

    [key] = look.keys()
    assert key.endswith(session.info.handle)
    assert (await store.load(session.token)).data == {"n": 1, "m": 2}
    assert told.kinds() == ["created"]
    assert len({write.nonce for write in losing.writes}) == 1


async def test_i07_a_session_whose_beginning_was_unheard_can_be_ended(
    store: Any, look: Looker, losing: Losing
) -> None:
    losing.next("create")

    async with store.open() as session:
        session["n"] = 1
        with pytest.raises(StoreUnavailableError):
            await session.save()
        assert len(look.keys()) == 1
        session.destroy()

    assert look.keys() == []
    assert session.token is None


async def test_i07_a_save_that_was_unheard_is_sent_again_and_what_came_after_it_is_saved_too(
    store: Any, look: Looker, losing: Losing
) -> None:
    token = await store.create({"n": 0, "list": [], "gone": 1, "back": 1})
    losing.next("save")

    async with store.open(token) as session:
        session["n"] = 1
        session["list"].append(1)
        del session["gone"]
        del session["back"]
        with pytest.raises(StoreUnavailableError):
            await session.save()
        session["n"] = 2
        session["list"].append(2)
        session["back"] = 2

    nonces = [write.nonce for write in losing.writes]
    assert (await store.load(token)).data == {"n": 2, "list": [1, 2], "back": 2}
    assert nonces[0] == nonces[1] != nonces[2]
    assert look.number(token, "v") == 3  # the replay is none


async def test_i07_what_is_removed_after_an_unheard_save_of_it_is_removed(store: Any, losing: Losing) -> None:
    token = await store.create({"n": 0})
    losing.next("save")

    async with store.open(token) as session:
        session["new"] = 1
        with pytest.raises(StoreUnavailableError):
            await session.save()
        del session["new"]

    assert (await store.load(token)).data == {"n": 0}


@pytest.mark.parametrize("way", ["take", "transact"])
async def test_i07_a_save_that_was_unheard_is_sent_again_before_the_next_step(
    store: Any, look: Looker, losing: Losing, way: str
) -> None:
    token = await store.create({"n": 0, "state": 1})
    losing.next("save")

    async with store.open(token) as session:
        session["n"] = 1
        session.rotate()
        with pytest.raises(StoreUnavailableError):
            await session.save()
        if way == "take":
            assert await session.take("state") == 1
        else:
            assert await session.transact(lambda values: values.pop("state")) == 1

    assert (await store.load(session.token)).data == {"n": 1}
    assert (look.number(token, "g"), look.number(token, "v")) == (1, 3)


@pytest.mark.parametrize("grace", [None, 60])
async def test_i07_a_rotation_that_was_unheard_takes_effect_once(
    store: Any, look: Looker, told: Told, losing: Losing, grace: int | None
) -> None:
    old = await store.create({"n": 0})
    losing.next("save", 2)

    async with store.open(old) as session:
        session["n"] = 1
        session.rotate(grace=grace)
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await session.save()
        assert session.token == old

    assert session.token != old
    assert look.number(old, "g") == 1
    assert (await store.load(session.token)).data == {"n": 1}
    assert told.kinds().count("rotated") == 1


async def test_i07_a_sign_in_that_was_unheard_takes_effect_once(
    store: Any, look: Looker, losing: Losing
) -> None:
    old = await store.create({"n": 0})
    losing.next("save")

    async with store.open(old) as session:
        session.bind("anna")
        with pytest.raises(StoreUnavailableError):
            await session.save()

    assert await store.load(old) is None
    assert (await store.load(session.token)).info.user == "anna"
    assert look.index("anna") == [old.handle]
    assert look.number(old, "g") == 1


@pytest.mark.parametrize("ask", ["rotate", "bind"])
async def test_i07_what_leaves_the_old_token_no_grace_does_so_after_an_unheard_rotation_with_one(
    store: Any, look: Looker, losing: Losing, ask: str
) -> None:
    old = await store.create({"n": 0})
    losing.next("save")

    async with store.open(old) as session:
        session.rotate(grace=60)
        with pytest.raises(StoreUnavailableError):
            await session.save()
        if ask == "rotate":
            session.rotate()
        else:
            session.bind("anna")

    assert await store.load(old) is None
    assert (await store.load(session.token)).data == {"n": 0}
    assert look.number(old, "g") == 2


async def test_i07_a_session_whose_rotation_was_unheard_can_be_ended(
    store: Any, look: Looker, losing: Losing
) -> None:
    old = await store.create({"n": 0})
    losing.next("save")

    async with store.open(old) as session:
        session.rotate()
        with pytest.raises(StoreUnavailableError):
            await session.save()
        session.destroy()

    assert look.keys() == []


async def test_i07_a_replay_does_not_bring_back_what_was_ended_meanwhile(
    store: Any, new_sessions: NewSessions, look: Looker, losing: Losing
) -> None:
    token = await store.create({"n": 0})
    losing.next("save")

    session = await async_opened(store, token)
    session["n"] = 1
    with pytest.raises(StoreUnavailableError):
        await session.save()
    await new_sessions().destroy(token)

    with pytest.raises(SessionLostError):
        await session.save()

    assert look.keys() == []


async def test_i07_a_strict_save_that_is_repeated_after_another_wrote_is_known_and_not_counted_twice(
    store: Any, look: Looker
) -> None:
    token = await store.create({"n": 0})
    write = Write(sets={"n": b"1"}, expect=1)
    await store._keeper.records.save(proof(token), write)
    await store.save(token, SessionPatch(sets={"n": 7}), expect=2)

    await store._keeper.change(proof(token), write)

    assert (await store.load(token)).data == {"n": 7}
