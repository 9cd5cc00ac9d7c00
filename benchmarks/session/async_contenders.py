"""The contenders with asyncio: redis-py, our sessions, and the peers."""

from __future__ import annotations

import json
import secrets
from typing import Any, ClassVar

import redis.asyncio

from benchmarks.installed import endpoint
from benchmarks.session.async_peers import FastapiRedisSdk, Starsessions
from benchmarks.session.contender import (
    ABSOLUTE_S,
    DATA,
    ENCODED,
    IDLE_S,
    PER_USER,
    AsyncContender,
    AsyncWays,
    Callers,
    Row,
)
from benchmarks.timing import Way
from modkit_redis import AsyncRedisBundle
from modkit_redis.contract import SessionPatch


class RedisPy:
    """Bare redis-py: the yardstick, without anything that makes a session safe."""

    distribution: ClassVar[str] = "redis"
    configured: ClassVar[str] = (
        "redis.asyncio.Redis(host, port); a login leaves the old session, as it was, alive"
    )

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.asyncio.Redis(host=host, port=port)
        self._callers = Callers()

    @property
    def ways(self) -> AsyncWays:
        """The bytes, and the values as JSON."""
        return (
            (Row.LOAD, Way("GET", lambda caller: self._client.get(self._callers.token[caller]), ENCODED)),
            (Row.LOAD, Way("GET + json.loads", self._load, DATA)),
            (Row.SAVE, Way("GET + SET EX", self._save, None)),
            (Row.LOGIN, Way("GET + SET EX", self._login, DATA, self._sign_up)),
            (Row.LISTED_LOGIN, Way("GET + SET EX + SADD", self._listed_login, DATA, self._sign_up)),
        )

    async def begin(self, caller: str) -> None:
        """Store compact JSON."""
        self._callers.began(caller, await self._new())

    async def _new(self) -> str:
        token = secrets.token_urlsafe(32)
        await self._client.set(token, ENCODED, ex=IDLE_S)
        return token

    async def _load(self, caller: str) -> object:
        return await self._read(self._callers.token[caller])

    async def _read(self, token: str) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(await self._client.get(token) or b"")
        return values

    async def _write(self, token: str, values: dict[str, Any]) -> None:
        await self._client.set(token, json.dumps(values, separators=(",", ":")), ex=IDLE_S)

    async def _save(self, caller: str) -> None:
        token = self._callers.token[caller]
        values = await self._read(token)
        values["seen"] = self._callers.next_seen(caller, values["seen"])
        await self._write(token, values)

    async def _sign_up(self, caller: str, times: int) -> None:
        for _ in range(times):
            self._callers.wait(caller, await self._new())

    async def _login(self, caller: str) -> object:
        old, user = self._callers.sign_in(caller)
        values, token = await self._read(old), secrets.token_urlsafe(32)
        await self._write(token, {**values, "user_id": user})
        return values

    async def _listed_login(self, caller: str) -> object:
        old, user = self._callers.sign_in(caller)
        values, token = await self._read(old), secrets.token_urlsafe(32)
        await self._write(token, {**values, "user_id": user})
        await self._client.sadd(f"of:{user}", token)
        return values

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()


class Ours:
    """modkit-redis."""

    distribution: ClassVar[str] = "modkit-redis"
    configured: ClassVar[str] = (
        "AsyncRedisBundle, REDIS_SESSION_PER_USER_MAX=5; the session object, and the store beneath it"
    )

    def __init__(self, addr: str) -> None:
        session = {"idle_ttl": f"{IDLE_S}s", "absolute_ttl": f"{ABSOLUTE_S}s", "per_user_max": PER_USER}
        self._bundle = AsyncRedisBundle(config={"addr": addr, "session": session})
        self._store = self._bundle.session.store()
        self._callers = Callers()

    @property
    def ways(self) -> AsyncWays:
        """By the session object and by the store."""
        return (
            (Row.LOAD, Way("open", self._open, DATA)),
            (Row.LOAD, Way("store.load", self._load, DATA)),
            (Row.SAVE, Way("open, assign", self._open_save, None)),
            (Row.SAVE, Way("store.load + save", self._load_save, None)),
            (Row.LOGIN, Way("open, rotate", self._rotate, DATA, self._sign_up)),
            (Row.LISTED_LOGIN, Way("open, bind", self._bind, DATA, self._sign_up)),
        )

    async def begin(self, caller: str) -> None:
        """Begin a session."""
        self._callers.began(caller, await self._store.create(DATA))

    async def _open(self, caller: str) -> object:
        async with self._store.open(self._callers.token[caller]) as session:
            return dict(session)

    async def _load(self, caller: str) -> object:
        found = await self._store.load(self._callers.token[caller])
        return found and found.data

    async def _open_save(self, caller: str) -> None:
        async with self._store.open(self._callers.token[caller]) as session:
            values = dict(session)
            session["seen"] = self._callers.next_seen(caller, values["seen"])

    async def _load_save(self, caller: str) -> None:
        token = self._callers.token[caller]
        found = await self._store.load(token)
        seen = self._callers.next_seen(caller, found and found.data["seen"])
        await self._store.save(token, SessionPatch(sets={"seen": seen}))

    async def _sign_up(self, caller: str, times: int) -> None:
        for _ in range(times):
            self._callers.wait(caller, await self._store.create(DATA))

    async def _rotate(self, caller: str) -> object:
        token, user = self._callers.sign_in(caller)
        async with self._store.open(token) as session:
            values = dict(session)
            session["user_id"] = user
            session.rotate()
        return values

    async def _bind(self, caller: str) -> object:
        token, user = self._callers.sign_in(caller)
        async with self._store.open(token) as session:
            values = dict(session)
            session["user_id"] = user
            session.bind(user)
        return values

    async def aclose(self) -> None:
        """Close its connections."""
        await self._bundle.shutdown_resources()


CONTENDERS: tuple[type[AsyncContender], ...] = (RedisPy, Ours, Starsessions, FastapiRedisSdk)
