# Generated from ../_async/naive_sessions.py by .ci/unasync.py; do not edit.
"""A session store as many write it: JSON under one key, ``SETEX`` of the whole at the end of the request.

It is a test of the tests: what is said of the real store must be found untrue of this one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, TypeVar

import redis

from modkit_redis.contract.session import (
    PresentedToken,
    SavedSession,
    Session,
    SessionInfo,
    SessionPatch,
    SessionToken,
    StoredSession,
)
from modkit_redis.contract.values import Duration
from modkit_redis.session._core import moment
from modkit_redis.session.tokens import new_token, presented

T = TypeVar("T")
_IDLE: Final = timedelta(minutes=30)


class NaiveSessions:
    """Has the members of ``SessionStore``, and keeps few of its promises."""

    def __init__(self, client: redis.Redis, key_prefix: str) -> None:
        self._client = client
        self._above = f"{key_prefix}:session"

    def open(self, token: str | None = None) -> NaiveSession:
        return NaiveSession(self, token)

    def read(self, token: str) -> dict[str, Any] | None:
        found: Any = self._client.get(f"{self._above}:{token}")
        return json.loads(found) if found else None

    def write(self, token: str, held: dict[str, Any]) -> None:
        self._client.set(f"{self._above}:{token}", json.dumps(held), ex=_IDLE)

    def create(self, data: Mapping[str, Any]) -> SessionToken:
        token = new_token()
        self.write(token, {"data": dict(data), "user": None})
        return token

    def load(self, token: str | None) -> StoredSession | None:
        known = presented(token).token
        held = self.read(known) if known else None
        return StoredSession(info_of(known, held), 1, held["data"]) if known and held else None

    def save(
        self,
        token: str,
        patch: SessionPatch,
        *,
        expect: int | None = None,
        rotate: bool = False,
        grace: Duration | None = None,
    ) -> SavedSession:
        held = self.read(token) or {"data": {}, "user": None}
        taken = {key: held["data"].pop(key) for key in patch.takes if key in held["data"]}
        held["data"].update(patch.sets)
        for key in patch.deletes:
            held["data"].pop(key, None)
        return SavedSession(self.replace(token, held, rotate=rotate), 1, taken)

    def replace(self, token: str, held: dict[str, Any], *, rotate: bool) -> SessionToken:
        new = new_token() if rotate else SessionToken(token)
        if rotate:
            self._client.delete(f"{self._above}:{token}")
        self.write(new, held)
        return new

    def destroy(self, token: str) -> None:
        self._client.delete(f"{self._above}:{token}")

    def peek(self, handle: str) -> SessionInfo | None:
        found = self._find(handle)
        return info_of(found, self.read(found) or {}) if found else None

    def revoke(self, handle: str) -> bool:
        found = self._find(handle)
        return bool(found and self._client.delete(f"{self._above}:{found}"))

    def bind(
        self, token: str, user: str, *, address: str | None = None, agent: str | None = None
    ) -> SessionToken:
        with self.open(token) as session:
            session.bind(user)
        return session.token or new_token()

    def sessions_of(self, user: str) -> Sequence[SessionInfo]:
        everyone = [(token, self.read(token)) for token in self._tokens()]
        return [info_of(token, held) for token, held in everyone if held and held["user"] == user]

    def drain(self, user: str, *, keep: str | None = None) -> Sequence[str]:
        return [info.handle for info in self.sessions_of(user) if info.handle != keep]

    def revoke_all(self, user: str, *, keep: str | None = None) -> int:
        return sum([self.revoke(handle) for handle in self.drain(user, keep=keep)])

    def _tokens(self) -> list[SessionToken]:
        keys: Any = self._client.keys(f"{self._above}:*")
        return [SessionToken(key.decode().rpartition(":")[2]) for key in keys]

    def _find(self, handle: str) -> SessionToken | None:
        return next((token for token in self._tokens() if token.handle == handle), None)


class NaiveSession(Session):
    """A dictionary that is loaded at the beginning of a request and stored at its end."""

    def __init__(self, store: NaiveSessions, token: str | None) -> None:
        self._store = store
        self._token = SessionToken(token) if token else None
        self._held: dict[str, Any] = {"data": {}, "user": None}
        self._rotates = self._ends = False

    def __enter__(self) -> NaiveSession:
        if self._token:
            self._held = self._store.read(self._token) or self._held
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.save()

    @property
    def token(self) -> SessionToken | None:
        return self._token

    @property
    def info(self) -> SessionInfo | None:
        return info_of(self._token, self._held) if self._token else None

    @property
    def user(self) -> str | None:
        user: str | None = self._held["user"]
        return user

    @property
    def degraded(self) -> bool:
        return False

    @property
    def presented(self) -> PresentedToken:
        return "current" if self._token else "none"

    @property
    def accessed(self) -> bool:
        return True

    @property
    def destroyed(self) -> bool:
        return self._ends

    @property
    def unsaved(self) -> int:
        return len(self._held["data"])

    def discard(self) -> None:
        self._held["data"] = {}

    def fix_token(self) -> None:
        self._rotates = False

    def rotate(self, *, grace: Duration | None = None) -> None:
        self._rotates = True

    def bind(self, user: str, *, address: str | None = None, agent: str | None = None) -> None:
        self._held["user"] = user
        self._rotates = True

    def destroy(self) -> None:
        self._ends = True

    def save(self) -> None:
        if self._ends and self._token:
            self._store.destroy(self._token)
            self._token, self._held = None, {"data": {}, "user": None}
        elif self._token or self._held["data"]:
            token = self._token or new_token()
            self._token = self._store.replace(token, self._held, rotate=self._rotates)
        self._rotates = self._ends = False

    def take(self, key: str, default: object = None) -> Any:
        taken = self._held["data"].pop(key, default)
        self.save()
        return taken

    def transact(self, change: Callable[[MutableMapping[str, Any]], T], *, attempts: int = 10) -> T:
        if self._token:
            self._held = self._store.read(self._token) or self._held
        result = change(self._held["data"])
        self.save()
        return result

    def __getitem__(self, key: str) -> Any:
        return self._held["data"][key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._held["data"][key] = value

    def __delitem__(self, key: str) -> None:
        del self._held["data"][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held["data"])

    def __len__(self) -> int:
        return len(self._held["data"])


def info_of(token: SessionToken, held: Mapping[str, Any]) -> SessionInfo:
    return SessionInfo(token.handle, moment(0), moment(0), moment(0), held.get("user"))
