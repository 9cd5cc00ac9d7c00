"""What one process does to sessions at random, and how it judges what it meets.

The truth is in Redis, beside the sessions, and is written by stock clients. Whoever was told that something
is done says so there afterwards; whoever judges asks there before. So what is found may be newer than the
truth, and never older.
"""

from __future__ import annotations

import random
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

from modkit_redis.contract import SessionConflictError, SessionLostError, SessionPatch, SessionToken
from modkit_redis.session._core import Status
from modkit_redis.session.records.write import Write
from modkit_redis.session.tokens import next_token, proof
from tests.session_plans import SLOTS, USERS, Plan, Report

_GRACES: Final = (None, 0.005, 60)


class AsyncLoad:
    """The acts of one process."""

    def __init__(self, plan: Plan, store: Any, db: Any, report: Report) -> None:
        """Take what acts need.

        Args:
            plan: What is to be done.
            store: The sessions.
            db: A stock client, for the truth.
            report: What happened.
        """
        self._plan, self._store, self._db, self._report = plan, store, db, report
        self._name = plan.name
        self._numbers = 0
        acts: dict[str, list[tuple[int, Any]]] = {
            "sessions": [
                (5, self._read),
                (4, self._set),
                (2, self._patch),
                (2, self._increment),
                (2, self._rotate),
                (3, self._use_retired),
                (2, self._put),
                (3, self._take),
                (1, self._end),
                (1, self._use_ended),
                *([(2, self._replay_increment), (1, self._replay_rotation)] * (plan.kind == "modkit")),
            ],
            "users": [
                (4, self._sign_in),
                (4, self._work),
                (1, self._revoke_all),
                (4, self._use_ended),
            ],
        }
        self._acts = [act for weight, act in acts[plan.scenario] for _ in range(weight)]

    async def act(self, worker: str, chance: random.Random) -> None:
        """Do something."""
        act = chance.choice(self._acts)
        try:
            await act(worker, chance)
        except (SessionLostError, SessionConflictError):
            self._report.refused += 1
        else:
            self._report.count(act.__name__.strip("_"))

    def _wrong(self, what: str) -> None:
        self._report.wrong.append(what)

    def _number(self) -> int:
        self._numbers += 1  # of one worker; others' numbers may be between
        return self._numbers

    async def _now_ms(self) -> int:
        seconds, microseconds = await self._db.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def _some(self, chance: random.Random) -> SessionToken:
        """Return the token of one of the sessions, beginning another where one has ended."""
        slot = self._name("slot", str(chance.randrange(SLOTS)))
        handle = await self._db.get(slot)
        token = await self._db.get(self._name("token", handle.decode())) if handle else None
        if token and not await self._db.exists(self._name("dead", handle.decode())):
            return SessionToken(token.decode())
        new: SessionToken = await self._store.create({"n": 0})
        await self._db.set(self._name("token", new.handle), new)
        await self._db.sadd(self._name("all"), new.handle)
        await self._db.set(slot, new.handle)
        return new

    async def _request(self, token: SessionToken, act: Callable[[Any], Any]) -> bool:
        """Do something in a request, and return whether it had a session."""
        session = None
        try:
            async with self._store.open(token) as session:
                if not session.token or not len(session):
                    return False
                await act(session)
        finally:
            if session is not None and session.token and session.token != token:
                await self._replaced(token, session.token, 10)  # it was renewed
        return True

    async def _replaced(self, old: SessionToken, new: SessionToken, grace_ms: float) -> None:
        """Say that a token was replaced."""
        if await self._db.hincrby(self._name("winners", old.handle), old, 1) > 1:
            self._wrong("I2: two replaced the same token")
        await self._db.incr(self._name("rotations", old.handle))
        await self._retired(old, grace_ms)
        await self._db.set(self._name("token", old.handle), new)

    async def _retired(self, token: SessionToken, grace_ms: float) -> None:
        over = await self._now_ms() + grace_ms
        await self._db.zadd(self._name("retired"), {token: over})

    async def _read(self, worker: str, chance: random.Random) -> None:
        token = await self._some(chance)
        handle = token.handle
        acknowledged = await self._db.hgetall(self._name("acknowledged", handle))
        count = int(await self._db.get(self._name("count", handle)) or 0)
        is_dead = await self._db.exists(self._name("dead", handle))

        found = await self._store.load(token)

        if found is None:
            return
        if is_dead:
            self._wrong("I1: a session that was ended is there")
        for key, value in acknowledged.items():
            if found.data.get(key.decode(), -1) < int(value):
                self._wrong(f"I3: {key.decode()} is {found.data.get(key.decode())}, not {int(value)}")
        if found.data.get("n", -1) < count:
            self._wrong(f"I4: n is {found.data.get('n')}, not {count}")

    async def _set(self, worker: str, chance: random.Random) -> None:
        token, number = await self._some(chance), self._number()

        async def assign(session: Any) -> None:
            session[worker] = number

        if await self._request(token, assign):
            await self._db.hset(self._name("acknowledged", token.handle), worker, number)

    async def _patch(self, worker: str, chance: random.Random) -> None:
        token, number = await self._some(chance), self._number()
        await self._store.save(token, SessionPatch(sets={worker: number}))
        await self._db.hset(self._name("acknowledged", token.handle), worker, number)

    async def _increment(self, worker: str, chance: random.Random) -> None:
        token = await self._some(chance)

        def increment(values: MutableMapping[str, Any]) -> None:
            values["n"] = values.get("n", 0) + 1

        async def transact(session: Any) -> None:
            await session.transact(increment, attempts=3)
            await self._db.incr(self._name("count", token.handle))

        await self._request(token, transact)

    async def _replay_increment(self, worker: str, chance: random.Random) -> None:
        token = await self._some(chance)
        found = await self._store.load(token)
        if found is None:
            return
        write = Write(sets={"n": str(found.data["n"] + 1).encode()}, expect=found.version)
        answers = [await self._store._keeper.records.save(proof(token), write) for _ in range(2)]
        first, again = (answer.status for answer in answers)
        if first is Status.DONE:
            await self._db.incr(self._name("count", token.handle))
        elif again is Status.DONE:
            self._wrong(f"I7: {first!r}, and then it was done")

    async def _replay_rotation(self, worker: str, chance: random.Random) -> None:
        token = await self._some(chance)
        new, grace = next_token(token.handle), chance.choice(_GRACES)
        write = Write(token=new, grace_ms=int((grace or 0) * 1000))
        answers = [await self._store._keeper.records.save(proof(token), write) for _ in range(2)]
        first, again = (answer.status for answer in answers)
        if first is Status.DONE:
            await self._replaced(token, new, (grace or 0) * 1000)
            if again not in (Status.DONE, Status.GONE):
                self._wrong(f"I7: it was done, and then {again!r}")

    async def _rotate(self, worker: str, chance: random.Random) -> None:
        token, grace = await self._some(chance), chance.choice(_GRACES)
        saved = await self._store.save(token, SessionPatch(), rotate=True, grace=grace)
        await self._replaced(token, saved.token, (grace or 0) * 1000)

    async def _use_retired(self, worker: str, chance: random.Random) -> None:
        """Use a token that was replaced, or whose session has ended."""
        retired = self._name("retired")
        over = await self._db.zrangebyscore(retired, "-inf", await self._now_ms())
        if over:
            token = SessionToken(chance.choice(over[-10:]).decode())
            if await self._store.load(token) is not None:
                self._wrong("I2: a replaced token loads")
            if self._plan.kind == "modkit":
                with suppress(SessionLostError):
                    patch = SessionPatch(sets={"wrong": 1})
                    await self._store.save(token, patch, rotate=chance.random() < 0.5)
                    self._wrong("I2: a replaced token writes")
        any_at_all = await self._db.zrange(retired, 0, -1)
        if any_at_all:
            token = SessionToken(chance.choice(any_at_all[-10:]).decode())
            with suppress(SessionLostError):
                await self._store.save(token, SessionPatch(), rotate=True, grace=60)
                self._wrong("I8: a replaced token was replaced again")

    async def _put(self, worker: str, chance: random.Random) -> None:
        token = await self._some(chance)
        value = f"{worker}/{self._number()}/{token.handle}"
        await self._store.save(token, SessionPatch(sets={"once": value}))

    async def _take(self, worker: str, chance: random.Random) -> None:
        token = await self._some(chance)
        taken = []

        async def take(session: Any) -> None:
            taken.append(await session.take("once"))

        if chance.random() < 0.5:
            await self._request(token, take)
        else:
            saved = await self._store.save(token, SessionPatch(takes=["once"]))
            taken.append(saved.taken.get("once"))
        for value in taken:
            if value is not None and await self._db.hincrby(self._name("taken"), value, 1) > 1:
                self._wrong("I9: two took the same value")

    async def _end(self, worker: str, chance: random.Random) -> None:
        token = await self._some(chance)
        if chance.random() < 0.5:
            await self._store.revoke(token.handle)
            await self._db.set(self._name("dead", token.handle), 1)
            await self._db.sadd(self._name("ended"), token)
        else:
            await self._store.destroy(token)
            await self._db.sadd(self._name("ended"), token)
            current = await self._db.get(self._name("token", token.handle))
            if current.decode() == token:  # nobody has replaced the token, or said so yet
                await self._store.revoke(token.handle)
                await self._db.set(self._name("dead", token.handle), 1)

    async def _sign_in(self, worker: str, chance: random.Random) -> None:
        user = chance.choice(USERS)
        token = await self._store.bind(await self._store.create({"n": 0}), user)
        await self._db.sadd(self._name("bound", user), token)

    async def _work(self, worker: str, chance: random.Random) -> None:
        token = await self._db.srandmember(self._name("bound", chance.choice(USERS)))
        if not token:
            return

        async def write(session: Any) -> None:
            session[worker] = self._number()

        await self._request(SessionToken(token.decode()), write)

    async def _revoke_all(self, worker: str, chance: random.Random) -> None:
        user = chance.choice(USERS)
        before = await self._db.smembers(self._name("bound", user))
        await self._store.revoke_all(user)
        if before:
            await self._db.sadd(self._name("ended"), *before)
            await self._db.srem(self._name("bound", user), *before)

    async def _use_ended(self, worker: str, chance: random.Random) -> None:
        token = await self._db.srandmember(self._name("ended"))
        if not token:
            return
        number = "I10" if self._plan.scenario == "users" else "I1"
        if await self._store.load(token.decode()) is not None:
            self._wrong(f"{number}: a session that was ended is there")
        if self._plan.kind == "modkit":  # the other would bring it back each time
            with suppress(SessionLostError):
                await self._store.save(token.decode(), SessionPatch(sets={"wrong": 1}))
                self._wrong(f"{number}: a session that was ended can be written")
