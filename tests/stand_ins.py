"""Caches and sessions in a dict: what a test of an application may put in the place of a store."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar, overload

from modkit_redis.contract import (
    MISS,
    NO_EXPIRY,
    ArgumentError,
    AsyncSession,
    BaseSession,
    Decision,
    Duration,
    Lifetime,
    Limit,
    LimitExceededError,
    Limits,
    LimitState,
    Miss,
    NoExpiry,
    PresentedToken,
    SavedSession,
    Session,
    SessionConflictError,
    SessionInfo,
    SessionLostError,
    SessionPatch,
    SessionToken,
    Slots,
    StoredSession,
    Subject,
)
from modkit_redis.contract.ratelimit import parse_limits

T = TypeVar("T")
D = TypeVar("D")
S = TypeVar("S", bound="DictState")


class DictCache:
    """A ``CacheStore`` that forgets nothing by itself."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    @overload
    def get(self, key: str, default: D, *, type: type[T]) -> T | D: ...
    @overload
    def get(self, key: str, *, type: type[T]) -> T | Miss: ...
    @overload
    def get(self, key: str, default: object = MISS, *, type: object = None) -> object: ...
    def get(self, key: str, default: object = MISS, *, type: object = None) -> object:
        return self.values.get(key, default)

    def set(
        self,
        key: str,
        value: object,
        *,
        ttl: Lifetime | None = None,
        only_if: Literal["absent", "present"] | None = None,
        type: object = None,
    ) -> bool:
        if only_if and (key in self.values) != (only_if == "present"):
            return False
        self.values[key] = value
        return True

    def delete(self, *keys: str) -> int:
        return sum(self.values.pop(key, MISS) is not MISS for key in keys)

    @overload
    def get_many(self, keys: Sequence[str], *, type: type[T]) -> Sequence[T | Miss]: ...
    @overload
    def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]: ...
    def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]:
        return [self.values.get(key, MISS) for key in keys]

    def set_many(
        self, values: Mapping[str, object], *, ttl: Lifetime | None = None, type: object = None
    ) -> None:
        self.values.update(values)

    def get_or_set(
        self,
        key: str,
        loader: Callable[[], T],
        *,
        ttl: Lifetime | None = None,
        stale_for: Duration | None = None,
        stale_if_error: Duration | None = None,
        negative_ttl: Duration | None = None,
        early_refresh: bool | None = None,
        type: object = None,
    ) -> T:
        if key not in self.values:
            self.values[key] = loader()
        return self.values[key]  # type: ignore[return-value]  # it is what a loader of this key gave

    def ttl(self, key: str) -> NoExpiry | Miss:
        return NO_EXPIRY if key in self.values else MISS

    def touch(self, key: str, *, ttl: Lifetime | None = None) -> bool:
        return key in self.values

    def clear(self) -> None:
        self.values.clear()


class AsyncDictCache:
    """An ``AsyncCacheStore`` that forgets nothing by itself."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    @overload
    async def get(self, key: str, default: D, *, type: type[T]) -> T | D: ...
    @overload
    async def get(self, key: str, *, type: type[T]) -> T | Miss: ...
    @overload
    async def get(self, key: str, default: object = MISS, *, type: object = None) -> object: ...
    async def get(self, key: str, default: object = MISS, *, type: object = None) -> object:
        return self.values.get(key, default)

    async def set(
        self,
        key: str,
        value: object,
        *,
        ttl: Lifetime | None = None,
        only_if: Literal["absent", "present"] | None = None,
        type: object = None,
    ) -> bool:
        if only_if and (key in self.values) != (only_if == "present"):
            return False
        self.values[key] = value
        return True

    async def delete(self, *keys: str) -> int:
        return sum(self.values.pop(key, MISS) is not MISS for key in keys)

    @overload
    async def get_many(self, keys: Sequence[str], *, type: type[T]) -> Sequence[T | Miss]: ...
    @overload
    async def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]: ...
    async def get_many(self, keys: Sequence[str], *, type: object = None) -> Sequence[object]:
        return [self.values.get(key, MISS) for key in keys]

    async def set_many(
        self, values: Mapping[str, object], *, ttl: Lifetime | None = None, type: object = None
    ) -> None:
        self.values.update(values)

    async def get_or_set(
        self,
        key: str,
        loader: Callable[[], Awaitable[T]],
        *,
        ttl: Lifetime | None = None,
        stale_for: Duration | None = None,
        stale_if_error: Duration | None = None,
        negative_ttl: Duration | None = None,
        early_refresh: bool | None = None,
        type: object = None,
    ) -> T:
        if key not in self.values:
            self.values[key] = await loader()
        return self.values[key]  # type: ignore[return-value]  # it is what a loader of this key gave

    async def ttl(self, key: str) -> NoExpiry | Miss:
        return NO_EXPIRY if key in self.values else MISS

    async def touch(self, key: str, *, ttl: Lifetime | None = None) -> bool:
        return key in self.values

    async def clear(self) -> None:
        self.values.clear()


@dataclass
class Held:
    """A session of a ``DictSessions``."""

    token: SessionToken
    info: SessionInfo
    data: dict[str, Any]
    version: int = 1


class DictSessions:
    """A ``SessionStore`` whose sessions never end by themselves; it takes any value, and knows no grace."""

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}

    @contextmanager
    def open(self, token: str | None = None) -> Iterator[Session]:
        with saved_in_the_end(DictSession(self, token)) as session:
            yield session

    def create(self, data: Mapping[str, Any]) -> SessionToken:
        token, now = new_token(secrets.token_urlsafe(16)), datetime.now(UTC)
        info = SessionInfo(token.handle, now, now, datetime.max.replace(tzinfo=UTC))
        self.held[token.handle] = Held(token, info, deepcopy(dict(data)))
        return token

    def load(self, token: str | None) -> StoredSession | None:
        held = self.held_by(token)
        return StoredSession(held.info, held.version, deepcopy(held.data)) if held else None

    def save(
        self,
        token: str,
        patch: SessionPatch,
        *,
        expect: int | None = None,
        rotate: bool = False,
        grace: Duration | None = None,
    ) -> SavedSession:
        held = self._living(token)
        if expect not in (None, held.version):
            raise SessionConflictError(held.info.handle)
        taken = {key: held.data[key] for key in patch.takes if key in held.data}
        for key in (*patch.deletes, *patch.takes):
            held.data.pop(key, None)
        held.data.update(deepcopy(dict(patch.sets)))
        held.version += 1
        held.token = new_token(held.info.handle) if rotate else held.token
        return SavedSession(held.token, held.version, taken)

    def destroy(self, token: str) -> None:
        if held := self.held_by(token):
            del self.held[held.info.handle]

    def peek(self, handle: str) -> SessionInfo | None:
        return self.held[handle].info if handle in self.held else None

    def revoke(self, handle: str) -> bool:
        return self.held.pop(handle, None) is not None

    def bind(
        self, token: str, user: str, *, address: str | None = None, agent: str | None = None
    ) -> SessionToken:
        held = self._living(token)
        held.info = replace(held.info, user=user, address=address, agent=agent)
        return self.save(token, SessionPatch(), rotate=True).token

    def sessions_of(self, user: str) -> Sequence[SessionInfo]:
        return [held.info for held in self.held.values() if held.info.user == user]

    def drain(self, user: str, *, keep: str | None = None) -> Sequence[str]:
        return [info.handle for info in self.sessions_of(user) if info.handle != keep]

    def revoke_all(self, user: str, *, keep: str | None = None) -> int:
        return sum(map(self.revoke, self.drain(user, keep=keep)))

    def held_by(self, token: str | None) -> Held | None:
        held = self.held.get(SessionToken(token or "").handle)
        return held if held and held.token == token else None

    def _living(self, token: str) -> Held:
        held = self.held_by(token)
        if held is None:
            raise SessionLostError(SessionToken(token).handle, "gone")
        return held


def new_token(handle: str) -> SessionToken:
    return SessionToken(f"{handle}.{secrets.token_urlsafe(32)}")


@contextmanager
def saved_in_the_end(session: S) -> Iterator[S]:
    try:
        yield session
    except BaseException:
        session.discard()
        raise
    finally:
        session.save_now()


class DictState(BaseSession):
    """What sessions of a ``DictSessions`` have in common in both worlds."""

    def __init__(self, store: DictSessions, token: str | None) -> None:
        self._store = store
        self._load(token)
        self._presented: PresentedToken = "current" if self._token else "none" if token is None else "gone"
        self._destroyed = self._is_token_fixed = False

    def _load(self, token: str | None) -> None:
        held = self._store.held_by(token)
        self._token = held.token if held else None
        self._info = held.info if held else None
        self._before: dict[str, Any] = deepcopy(held.data) if held else {}
        self._data = deepcopy(self._before)
        self._asked: dict[str, Any] = {}  # whom to sign in
        self._rotates = False
        self._ended: SessionToken | None = None

    @property
    def token(self) -> SessionToken | None:
        return self._token

    @property
    def info(self) -> SessionInfo | None:
        return self._info

    @property
    def user(self) -> str | None:
        return self._asked.get("user", self._info.user if self._info else None)

    @property
    def degraded(self) -> bool:
        return False

    @property
    def presented(self) -> PresentedToken:
        return self._presented

    @property
    def accessed(self) -> bool:
        return True

    @property
    def destroyed(self) -> bool:
        return self._destroyed

    @property
    def unsaved(self) -> int:
        nothing = object()
        keys = {*self._data, *self._before}
        return sum(self._data.get(each, nothing) != self._before.get(each, nothing) for each in keys)

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value

    def __delitem__(self, key: str) -> None:
        del self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def rotate(self, *, grace: Duration | None = None) -> None:
        self._check_replaceable()
        self._rotates = True

    def bind(self, user: str, *, address: str | None = None, agent: str | None = None) -> None:
        self._check_replaceable()
        self._asked = {"user": user, "address": address, "agent": agent}

    def destroy(self) -> None:
        ended = self._token
        self._load(None)
        self._ended, self._destroyed = ended, True

    def fix_token(self) -> None:
        self._is_token_fixed = True

    def _check_replaceable(self) -> None:
        if self._is_token_fixed:
            raise ArgumentError("session", "can get no new token any more")

    def discard(self) -> None:
        self._data, self._asked = deepcopy(self._before), {}

    def save_now(self) -> None:
        if self._ended:
            self._store.destroy(self._ended)
        if self._token is None and (self._data or self._asked):
            self._token = self._store.create({})
        if self._token is None:
            return
        nothing = object()
        sets = {key: each for key, each in self._data.items() if self._before.get(key, nothing) != each}
        patch = SessionPatch(sets, [key for key in self._before if key not in self._data])
        if sets or patch.deletes or self._rotates:
            self._token = self._store.save(self._token, patch, rotate=self._rotates).token
        if self._asked:
            self._token = self._store.bind(self._token, **self._asked)
        self._load(self._token)

    def take_now(self, key: str, default: Any) -> Any:
        if self._token:
            taken = self._store.save(self._token, SessionPatch(takes=[key])).taken
            self._before.pop(key, None)
            self._data.setdefault(key, taken.get(key, default))
        return self._data.pop(key, default)

    def transact_now(self, change: Callable[[MutableMapping[str, Any]], T]) -> T:
        result = change(self)
        self.save_now()
        return result


class DictSession(DictState, Session):
    """A ``Session`` of a ``DictSessions``."""

    def save(self) -> None:
        self.save_now()

    def take(self, key: str, default: object = None) -> Any:
        return self.take_now(key, default)

    def transact(self, change: Callable[[MutableMapping[str, Any]], T], *, attempts: int = 10) -> T:
        return self.transact_now(change)


class AsyncDictSession(DictState, AsyncSession):
    """An ``AsyncSession`` of an ``AsyncDictSessions``."""

    async def save(self) -> None:
        self.save_now()

    async def take(self, key: str, default: object = None) -> Any:
        return self.take_now(key, default)

    async def transact(self, change: Callable[[MutableMapping[str, Any]], T], *, attempts: int = 10) -> T:
        return self.transact_now(change)


class AsyncDictSessions:
    """An ``AsyncSessionStore`` in the place of a ``DictSessions``."""

    def __init__(self) -> None:
        self.sessions = DictSessions()

    @asynccontextmanager
    async def open(self, token: str | None = None) -> AsyncIterator[AsyncSession]:
        with saved_in_the_end(AsyncDictSession(self.sessions, token)) as session:
            yield session

    async def create(self, data: Mapping[str, Any]) -> SessionToken:
        return self.sessions.create(data)

    async def load(self, token: str | None) -> StoredSession | None:
        return self.sessions.load(token)

    async def save(
        self,
        token: str,
        patch: SessionPatch,
        *,
        expect: int | None = None,
        rotate: bool = False,
        grace: Duration | None = None,
    ) -> SavedSession:
        return self.sessions.save(token, patch, expect=expect, rotate=rotate, grace=grace)

    async def destroy(self, token: str) -> None:
        self.sessions.destroy(token)

    async def peek(self, handle: str) -> SessionInfo | None:
        return self.sessions.peek(handle)

    async def revoke(self, handle: str) -> bool:
        return self.sessions.revoke(handle)

    async def bind(
        self, token: str, user: str, *, address: str | None = None, agent: str | None = None
    ) -> SessionToken:
        return self.sessions.bind(token, user, address=address, agent=agent)

    async def sessions_of(self, user: str) -> Sequence[SessionInfo]:
        return self.sessions.sessions_of(user)

    async def drain(self, user: str, *, keep: str | None = None) -> Sequence[str]:
        return self.sessions.drain(user, keep=keep)

    async def revoke_all(self, user: str, *, keep: str | None = None) -> int:
        return self.sessions.revoke_all(user, keep=keep)


@dataclass
class DictReservation:
    """What was charged in advance by a ``DictLimiter``."""

    limiter: DictLimiter
    decision: Decision

    def settle(self, cost: int) -> None:
        self.limiter.settle(self.decision, cost)


class DictLimiter:
    """A ``RateLimitStore`` in which no time passes: what was used stays used."""

    def __init__(self, limit: str = "100/minute") -> None:
        self.used: Counter[tuple[Subject, str]] = Counter()
        self._limits = parse_limits(limit)

    def hit(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        return self._decide(subject, self._chosen(limit), cost)

    def peek(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        return self._decide(subject, self._chosen(limit), cost, charges=False)

    def acquire(
        self, subject: Subject, *, timeout: Duration, cost: int = 1, limit: Limits | None = None
    ) -> Decision:
        return self.hit(subject, cost=cost, limit=limit)

    @contextmanager
    def reserve(
        self,
        subject: Subject,
        *,
        cost: int = 1,
        limit: Limits | None = None,
        timeout: Duration | None = None,
    ) -> Iterator[DictReservation]:
        yield DictReservation(self, allowed(self.hit(subject, cost=cost, limit=limit)))

    @contextmanager
    def hold(self, subject: Subject, slots: Slots) -> Iterator[Decision]:
        decision = allowed(self._decide(subject, [slots], 1))
        try:
            yield decision
        finally:
            self.refund(decision)

    def refund(self, decision: Decision) -> None:
        if decision.charged:
            self._charge(decision, -decision.cost)

    def settle(self, decision: Decision, cost: int) -> Decision:
        if not decision.charged:
            return decision
        self._charge(decision, cost - decision.cost)
        return replace(decision, cost=cost)

    def reset(self, subject: Subject, *, limit: Limits | None = None) -> None:
        for each in self._chosen(limit):
            del self.used[subject, each.name]

    def _chosen(self, limit: Limits | None) -> Sequence[Limit]:
        if limit is None:
            return self._limits
        return (
            [limit] if isinstance(limit, Limit) else parse_limits(limit) if isinstance(limit, str) else limit
        )

    def _decide(
        self, subject: Subject, limits: Sequence[Limit | Slots], cost: int, *, charges: bool = True
    ) -> Decision:
        fits = [self.used[subject, each.name] + cost <= each.capacity for each in limits]
        states = tuple(
            LimitState(each, fit, 0, timedelta(0) if fit else None, timedelta(0))
            for each, fit in zip(limits, fits, strict=True)
        )
        decision = Decision(all(fits), states, cost, subject=subject)
        charged = charges and decision.allowed
        if charged:
            self._charge(decision, cost)
        left = [replace(each, remaining=self._left(subject, each.limit)) for each in states]
        return replace(decision, states=tuple(left), charged=charged)

    def _charge(self, decision: Decision, cost: int) -> None:
        for each in decision.states:
            self.used[decision.subject, each.limit.name] += cost

    def _left(self, subject: Subject, limit: Limit | Slots) -> int:
        return max(0, limit.capacity - self.used[subject, limit.name])


def allowed(decision: Decision) -> Decision:
    if not decision:
        raise LimitExceededError(decision)
    return decision


@dataclass
class AsyncDictReservation:
    """What was charged in advance by an ``AsyncDictLimiter``."""

    limiter: DictLimiter
    decision: Decision

    async def settle(self, cost: int) -> None:
        self.limiter.settle(self.decision, cost)


class AsyncDictLimiter:
    """An ``AsyncRateLimitStore`` in the place of a ``DictLimiter``."""

    def __init__(self, limit: str = "100/minute") -> None:
        self.limiter = DictLimiter(limit)

    async def hit(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        return self.limiter.hit(subject, cost=cost, limit=limit)

    async def peek(self, subject: Subject, *, cost: int = 1, limit: Limits | None = None) -> Decision:
        return self.limiter.peek(subject, cost=cost, limit=limit)

    async def acquire(
        self, subject: Subject, *, timeout: Duration, cost: int = 1, limit: Limits | None = None
    ) -> Decision:
        return self.limiter.hit(subject, cost=cost, limit=limit)

    @asynccontextmanager
    async def reserve(
        self,
        subject: Subject,
        *,
        cost: int = 1,
        limit: Limits | None = None,
        timeout: Duration | None = None,
    ) -> AsyncIterator[AsyncDictReservation]:
        with self.limiter.reserve(subject, cost=cost, limit=limit) as reservation:
            yield AsyncDictReservation(self.limiter, reservation.decision)

    @asynccontextmanager
    async def hold(self, subject: Subject, slots: Slots) -> AsyncIterator[Decision]:
        with self.limiter.hold(subject, slots) as decision:
            yield decision

    async def refund(self, decision: Decision) -> None:
        self.limiter.refund(decision)

    async def settle(self, decision: Decision, cost: int) -> Decision:
        return self.limiter.settle(decision, cost)

    async def reset(self, subject: Subject, *, limit: Limits | None = None) -> None:
        self.limiter.reset(subject, limit=limit)
