"""The peers with asyncio: starsessions and fastapi-redis-sdk; they need not be installed."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

import redis.asyncio

from benchmarks.installed import endpoint
from benchmarks.session.contender import ABSOLUTE_S, DATA, IDLE_S, AsyncWays, Callers, Row
from benchmarks.timing import Way


class Starsessions:
    """starsessions, without requests and responses around it."""

    distribution: ClassVar[str] = "starsessions"
    configured: ClassVar[str] = (
        "RedisStore(connection=redis.asyncio.Redis(…)), JsonSerializer, its default; and the SessionHandler "
        "that its middleware uses. It lists no sessions by user; a login leaves the old session alive"
    )

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.asyncio.Redis(host=host, port=port)
        package: Any = importlib.import_module("starsessions")
        self._session: Any = importlib.import_module("starsessions.session")
        self._connection: Any = importlib.import_module("starlette.requests").HTTPConnection
        self._store = importlib.import_module("starsessions.stores.redis").RedisStore(connection=self._client)
        self._serializer = package.JsonSerializer()
        self._callers = Callers()

    @property
    def ways(self) -> AsyncWays:
        """By its store alone, and by its handler, which keeps when a session began and was used."""
        return (
            (Row.LOAD, Way("store.read", self._read, DATA)),
            (Row.LOAD, Way("handler.load", self._load, DATA)),
            (Row.SAVE, Way("store.read + write", self._read_write, None)),
            (Row.SAVE, Way("handler.load + save", self._save, None)),
            (Row.LOGIN, Way("load, regenerate_id, save", self._login, DATA, self._sign_up)),
        )

    async def begin(self, caller: str) -> None:
        """Begin a session."""
        self._callers.began(caller, await self._new())

    async def _new(self) -> str:
        handler = self._handler(None)
        await handler.load()
        handler.connection.session.update(DATA)
        token: str = await handler.save(IDLE_S)
        return token

    def _handler(self, token: str | None) -> Any:
        connection = self._connection({"type": "http"})
        return self._session.SessionHandler(connection, token, self._store, self._serializer, IDLE_S)

    async def _read(self, caller: str) -> object:
        values = self._serializer.deserialize(await self._store.read(self._callers.token[caller], IDLE_S))
        del values["__metadata__"]
        return values

    async def _load(self, caller: str) -> object:
        handler = self._handler(self._callers.token[caller])
        await handler.load()
        return handler.connection.session

    async def _read_write(self, caller: str) -> None:
        token = self._callers.token[caller]
        values = self._serializer.deserialize(await self._store.read(token, IDLE_S))
        values["seen"] = self._callers.next_seen(caller, values["seen"])
        await self._store.write(token, self._serializer.serialize(values), IDLE_S, IDLE_S)

    async def _save(self, caller: str) -> None:
        handler = self._handler(self._callers.token[caller])
        await handler.load()
        session = handler.connection.session
        session["seen"] = self._callers.next_seen(caller, session["seen"])
        await handler.save(IDLE_S)

    async def _sign_up(self, caller: str, times: int) -> None:
        for _ in range(times):
            self._callers.wait(caller, await self._new())

    async def _login(self, caller: str) -> object:
        token, user = self._callers.sign_in(caller)
        handler = self._handler(token)
        await handler.load()
        session = handler.connection.session
        values = dict(session)
        session["user_id"] = user
        handler.regenerate_id()
        await handler.save(IDLE_S)
        return values

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()


class FastapiRedisSdk:
    """fastapi-redis-sdk, without FastAPI around it."""

    distribution: ClassVar[str] = "fastapi-redis-sdk"
    configured: ClassVar[str] = (
        "RedisSessionStore(redis.asyncio.Redis(…)); JSON, its default; a save without the second write, of "
        "the user's list, that its middleware adds. It needs a server with TTLs of fields"
    )

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.asyncio.Redis(host=host, port=port)
        self._backend: Any = importlib.import_module("redis_fastapi.session_backend")
        self._store = self._backend.RedisSessionStore(self._client, idle_ttl=IDLE_S, absolute_ttl=ABSOLUTE_S)
        self._callers = Callers()

    @property
    def ways(self) -> AsyncWays:
        """By its store."""
        return (
            (Row.LOAD, Way("store.load", self._load, DATA)),
            (Row.SAVE, Way("store.load + save", self._save, None)),
            (Row.LOGIN, Way("store.load, rotate", self._login, DATA, self._sign_up)),
            (
                Row.LISTED_LOGIN,
                Way("store.load, rotate(subject)", self._listed_login, DATA, self._sign_up),
            ),
        )

    async def begin(self, caller: str) -> None:
        """Begin a session."""
        self._callers.began(caller, await self._new())

    async def _new(self) -> str:
        token: str = self._store.new_id()
        await self._store.create(token, self._store.new_record(DATA))
        return token

    async def _load(self, caller: str) -> object:
        found = await self._store.load(self._callers.token[caller])
        return found.record.data

    async def _save(self, caller: str) -> None:
        token = self._callers.token[caller]
        record = (await self._store.load(token)).record
        record.data["seen"] = self._callers.next_seen(caller, record.data["seen"])
        await self._store.save(token, self._store.new_record(record.data, created=record.metadata.created))

    async def _sign_up(self, caller: str, times: int) -> None:
        for _ in range(times):
            self._callers.wait(caller, await self._new())

    async def _login(self, caller: str) -> object:
        token, user = self._callers.sign_in(caller)
        return await self._rotated(token, user, None)

    async def _listed_login(self, caller: str) -> object:
        token, user = self._callers.sign_in(caller)
        return await self._rotated(token, user, user)

    async def _rotated(self, token: str, user: str, subject: str | None) -> object:
        loaded = await self._store.load(token)
        values = loaded.record.data
        state = self._backend.SessionState(
            data={**values, "user_id": user},
            session_id=token,
            created=loaded.record.metadata.created,
            absolute_remaining=loaded.absolute_remaining,
        )
        await self._store.rotate(state, subject=subject)
        return values

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()
