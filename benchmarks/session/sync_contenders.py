"""The contenders in sync code: redis-py, our sessions, Flask-Session."""

from __future__ import annotations

import importlib
import json
import secrets
from datetime import timedelta
from typing import Any, ClassVar

import redis

from benchmarks.installed import endpoint
from benchmarks.session.contender import (
    ABSOLUTE_S,
    DATA,
    ENCODED,
    IDLE_S,
    PER_USER,
    Callers,
    Contender,
    Row,
    Ways,
)
from benchmarks.timing import Way
from modkit_redis import RedisBundle
from modkit_redis.contract import SessionPatch


class RedisPy:
    """Bare redis-py: the yardstick, without anything that makes a session safe."""

    distribution: ClassVar[str] = "redis"
    configured: ClassVar[str] = "redis.Redis(host, port); a login leaves the old session, as it was, alive"

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.Redis(host=host, port=port)
        self._callers = Callers()

    @property
    def ways(self) -> Ways:
        """The bytes, and the values as JSON."""
        return (
            (Row.LOAD, Way("GET", lambda caller: self._client.get(self._callers.token[caller]), ENCODED)),
            (Row.LOAD, Way("GET + json.loads", self._load, DATA)),
            (Row.SAVE, Way("GET + SET EX", self._save, None)),
            (Row.LOGIN, Way("GET + SET EX", self._login, DATA, self._sign_up)),
            (Row.LISTED_LOGIN, Way("GET + SET EX + SADD", self._listed_login, DATA, self._sign_up)),
        )

    def begin(self, caller: str) -> None:
        """Store compact JSON."""
        self._callers.began(caller, self._new())

    def _new(self) -> str:
        token = secrets.token_urlsafe(32)
        self._client.set(token, ENCODED, ex=IDLE_S)
        return token

    def _load(self, caller: str) -> object:
        return self._read(self._callers.token[caller])

    def _read(self, token: str) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self._client.get(token) or b"")
        return values

    def _write(self, token: str, values: dict[str, Any]) -> None:
        self._client.set(token, json.dumps(values, separators=(",", ":")), ex=IDLE_S)

    def _save(self, caller: str) -> None:
        token = self._callers.token[caller]
        values = self._read(token)
        values["seen"] = self._callers.next_seen(caller, values["seen"])
        self._write(token, values)

    def _sign_up(self, caller: str, times: int) -> None:
        for _ in range(times):
            self._callers.wait(caller, self._new())

    def _login(self, caller: str) -> object:
        old, user = self._callers.sign_in(caller)
        values, token = self._read(old), secrets.token_urlsafe(32)
        self._write(token, {**values, "user_id": user})
        return values

    def _listed_login(self, caller: str) -> object:
        old, user = self._callers.sign_in(caller)
        values, token = self._read(old), secrets.token_urlsafe(32)
        self._write(token, {**values, "user_id": user})
        self._client.sadd(f"of:{user}", token)
        return values

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


class Ours:
    """modkit-redis."""

    distribution: ClassVar[str] = "modkit-redis"
    configured: ClassVar[str] = (
        "RedisBundle, REDIS_SESSION_PER_USER_MAX=5; the session object, and the store beneath it"
    )

    def __init__(self, addr: str) -> None:
        session = {"idle_ttl": f"{IDLE_S}s", "absolute_ttl": f"{ABSOLUTE_S}s", "per_user_max": PER_USER}
        self._bundle = RedisBundle(config={"addr": addr, "session": session})
        self._store = self._bundle.session.store()
        self._callers = Callers()

    @property
    def ways(self) -> Ways:
        """By the session object and by the store."""
        return (
            (Row.LOAD, Way("open", self._open, DATA)),
            (Row.LOAD, Way("store.load", self._load, DATA)),
            (Row.SAVE, Way("open, assign", self._open_save, None)),
            (Row.SAVE, Way("store.load + save", self._load_save, None)),
            (Row.LOGIN, Way("open, rotate", self._rotate, DATA, self._sign_up)),
            (Row.LISTED_LOGIN, Way("open, bind", self._bind, DATA, self._sign_up)),
        )

    def begin(self, caller: str) -> None:
        """Begin a session."""
        self._callers.began(caller, self._store.create(DATA))

    def _open(self, caller: str) -> object:
        with self._store.open(self._callers.token[caller]) as session:
            return dict(session)

    def _load(self, caller: str) -> object:
        found = self._store.load(self._callers.token[caller])
        return found and found.data

    def _open_save(self, caller: str) -> None:
        with self._store.open(self._callers.token[caller]) as session:
            values = dict(session)
            session["seen"] = self._callers.next_seen(caller, values["seen"])

    def _load_save(self, caller: str) -> None:
        token = self._callers.token[caller]
        found = self._store.load(token)
        seen = self._callers.next_seen(caller, found and found.data["seen"])
        self._store.save(token, SessionPatch(sets={"seen": seen}))

    def _sign_up(self, caller: str, times: int) -> None:
        for _ in range(times):
            self._callers.wait(caller, self._store.create(DATA))

    def _rotate(self, caller: str) -> object:
        token, user = self._callers.sign_in(caller)
        with self._store.open(token) as session:
            values = dict(session)
            session["user_id"] = user
            session.rotate()
        return values

    def _bind(self, caller: str) -> object:
        token, user = self._callers.sign_in(caller)
        with self._store.open(token) as session:
            values = dict(session)
            session["user_id"] = user
            session.bind(user)
        return values

    def close(self) -> None:
        """Close its connections."""
        self._bundle.shutdown_resources()


class FlaskSession:
    """Flask-Session, without requests and responses around it."""

    distribution: ClassVar[str] = "Flask-Session"
    configured: ClassVar[str] = (
        "RedisSessionInterface(app, redis.Redis(…)); msgpack, its default; what it does beside cookies. "
        "It lists no sessions by user"
    )

    def __init__(self, addr: str) -> None:
        host, port = endpoint(addr)
        self._client = redis.Redis(host=host, port=port)
        app = importlib.import_module("flask").Flask("bench")
        module: Any = importlib.import_module("flask_session.redis.redis")
        self._interface = module.RedisSessionInterface(app, self._client)
        self._lifetime = timedelta(seconds=IDLE_S)
        self._callers = Callers()

    @property
    def ways(self) -> Ways:
        """By its interface."""
        return (
            (Row.LOAD, Way("retrieve", self._load, DATA)),
            (Row.SAVE, Way("retrieve, upsert", self._save, None)),
            (Row.LOGIN, Way("retrieve, regenerate, upsert", self._login, DATA, self._sign_up)),
        )

    def begin(self, caller: str) -> None:
        """Begin a session."""
        self._callers.began(caller, self._new())

    def _new(self) -> str:
        sid: str = self._interface._generate_sid(self._interface.sid_length)
        self._upsert(self._interface.session_class(DATA, sid=sid))
        return sid

    def _retrieve(self, sid: str) -> Any:
        interface = self._interface
        return interface.session_class(
            interface._retrieve_session_data(interface._get_store_id(sid)), sid=sid
        )

    def _upsert(self, session: Any) -> None:
        interface = self._interface
        interface._upsert_session(self._lifetime, session, interface._get_store_id(session.sid))

    def _load(self, caller: str) -> object:
        return self._retrieve(self._callers.token[caller])

    def _save(self, caller: str) -> None:
        session = self._retrieve(self._callers.token[caller])
        session["seen"] = self._callers.next_seen(caller, session["seen"])
        self._upsert(session)

    def _sign_up(self, caller: str, times: int) -> None:
        for _ in range(times):
            self._callers.wait(caller, self._new())

    def _login(self, caller: str) -> object:
        sid, user = self._callers.sign_in(caller)
        session = self._retrieve(sid)
        values = dict(session)
        session["user_id"] = user
        self._interface.regenerate(session)
        self._upsert(session)
        return values

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


CONTENDERS: tuple[type[Contender], ...] = (RedisPy, Ours, FlaskSession)
