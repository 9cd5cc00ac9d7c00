"""The session store: each method checks its arguments, asks Redis, and interprets the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import redis.asyncio

from modkit_redis.contract.events import SessionEvents
from modkit_redis.contract.session import (
    SavedSession,
    SessionInfo,
    SessionPatch,
    SessionToken,
    StoredSession,
)
from modkit_redis.contract.values import Duration, milliseconds
from modkit_redis.session._core import check_save
from modkit_redis.session.binding import checked_user
from modkit_redis.session.config import SessionSettings
from modkit_redis.session.keeping import AsyncKeeper
from modkit_redis.session.opened import AsyncOpening, AsyncRedisSession
from modkit_redis.session.records.write import Write
from modkit_redis.session.tokens import handle_in, new_token, next_token, presented


class AsyncRedisSessionStore:
    """Sessions in Redis; see ``AsyncSessionStore`` for what each method does."""

    def __init__(
        self,
        *,
        client: redis.asyncio.Redis,
        key_prefix: str,
        settings: SessionSettings,
        events: SessionEvents | None = None,
    ) -> None:
        """Make a store; nothing is sent.

        Args:
            client: The client whose pool is used.
            key_prefix: What all keys begin with.
            settings: Its settings.
            events: Called with each event.
        """
        self._settings = settings
        self._keeper = AsyncKeeper(client, key_prefix, settings, events)

    def open(self, token: str | None = None) -> AsyncOpening:
        """Return the session that *token* opens, to be entered by ``async with``."""
        given = presented(token)
        del token
        return AsyncOpening(self._keeper, given.checked())

    async def create(self, data: Mapping[str, Any]) -> SessionToken:
        """Begin a session and return its token."""
        patch, token, coder = SessionPatch(sets=data), new_token(), self._keeper.coder
        del data  # a traceback with local variables would show it
        await self._keeper.begin(token, Write(sets=coder.sealed(token.handle, coder.payloads(patch))))
        return token

    async def load(self, token: str | None) -> StoredSession | None:
        """Return the session that *token* opens, or ``None``."""
        given = presented(token)
        del token
        credential = self._keeper.credential(given.checked())
        if credential is None:
            return None
        found = await self._keeper.find(credential)
        if found is None:
            return None
        record = found.record
        data = self._keeper.coder.data(record.handle, record.payloads())
        return StoredSession(record.info(), record.version, data, found.is_retiring)

    async def save(
        self,
        token: str,
        patch: SessionPatch,
        *,
        expect: int | None = None,
        rotate: bool = False,
        grace: Duration | None = None,
    ) -> SavedSession:
        """Change a session; a session that ended is never brought back."""
        given = presented(token)
        del token
        credential, present = given.required()
        check_save(patch, expect, rotate=rotate, grace=grace)
        coder, handle = self._keeper.coder, credential.handle
        write = Write(
            sets=coder.sealed(handle, coder.payloads(patch)),
            deletes=coder.keys(patch.deletes),
            takes=coder.keys(patch.takes),
            token=next_token(handle) if rotate else None,
            grace_ms=0 if grace is None else milliseconds(grace, "grace"),
            expect=expect,
        )
        saved = await self._keeper.change(credential, write)
        taken = {key: each for key, each in zip(write.takes, saved.taken, strict=True) if each is not None}
        return SavedSession(write.token or present, saved.version, coder.data(handle, taken))

    async def destroy(self, token: str) -> None:
        """End the session that *token* opens; none is no error."""
        given = presented(token)
        del token
        credential = self._keeper.credential(given.checked())
        if credential is not None:
            await self._keeper.end(credential)

    async def peek(self, handle: str) -> SessionInfo | None:
        """Return what there is to know of a session by its public handle, without touching it."""
        given = handle_in(handle)
        del handle
        [record] = await self._keeper.records.summaries([given.required("handle")])
        return record.info() if record is not None else None

    async def revoke(self, handle: str) -> bool:
        """End a session by its public handle, and return whether there was one."""
        given = handle_in(handle)
        del handle
        known = given.required("handle")
        removed = await self._keeper.records.remove(known)
        self._keeper.revoked([known] if removed else [])
        return removed

    async def bind(
        self, token: str, user: str, *, address: str | None = None, agent: str | None = None
    ) -> SessionToken:
        """Sign *user* in, and return the new token."""
        given = presented(token)
        del token
        credential, present = given.required()
        session = AsyncRedisSession(self._keeper)
        self._settings.check_index()
        session.be(credential, present, await self._keeper.must_find(credential))
        session.bind(user, address=address, agent=agent)
        await session.save()
        return session.token or present

    async def sessions_of(self, user: str) -> Sequence[SessionInfo]:
        """Return the sessions that *user* is signed in with, the last seen first."""
        self._settings.check_index()
        found = await self._keeper.index.of(checked_user(user))
        return [each.info() for each in sorted(found, key=lambda record: record.seen_ms, reverse=True)]

    async def drain(self, user: str, *, keep: str | None = None) -> Sequence[str]:
        """Empty the index of *user*, and return the handles that were in it; their sessions go on."""
        self._settings.check_index()
        kept = handle_in(keep)
        del keep
        return await self._keeper.index.drain(checked_user(user), kept.optional("keep"))

    async def revoke_all(self, user: str, *, keep: str | None = None) -> int:
        """End every session of *user*, and return how many there were."""
        self._settings.check_index()
        kept = handle_in(keep)
        del keep
        ended = await self._keeper.index.end_all(checked_user(user), kept.optional("keep"))
        self._keeper.revoked(ended)
        return len(ended)
