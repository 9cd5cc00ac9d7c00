# Generated from _async.py by .ci/unasync.py; do not edit.
"""The session store: each method checks its arguments, asks Redis, and interprets the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import redis

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
from modkit_redis.session.keeping import Keeper
from modkit_redis.session.opened import Opening, RedisSession
from modkit_redis.session.records.write import Write
from modkit_redis.session.tokens import handle_in, new_token, next_token, presented


class RedisSessionStore:
    """Sessions in Redis; see ``SessionStore`` for what each method does."""

    def __init__(
        self,
        *,
        client: redis.Redis,
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
        self._keeper = Keeper(client, key_prefix, settings, events)

    def open(self, token: str | None = None) -> Opening:
        """Return the session that *token* opens, to be entered by ``with``."""
        given = presented(token)
        del token
        return Opening(self._keeper, given.checked())

    def create(self, data: Mapping[str, Any]) -> SessionToken:
        """Begin a session and return its token."""
        patch, token, coder = SessionPatch(sets=data), new_token(), self._keeper.coder
        del data  # a traceback with local variables would show it
        self._keeper.begin(token, Write(sets=coder.sealed(token.handle, coder.payloads(patch))))
        return token

    def load(self, token: str | None) -> StoredSession | None:
        """Return the session that *token* opens, or ``None``."""
        given = presented(token)
        del token
        credential = self._keeper.credential(given.checked())
        if credential is None:
            return None
        found = self._keeper.find(credential)
        if found is None:
            return None
        record = found.record
        data = self._keeper.coder.data(record.handle, record.payloads())
        return StoredSession(record.info(), record.version, data, found.is_retiring)

    def save(
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
        saved = self._keeper.change(credential, write)
        taken = {key: each for key, each in zip(write.takes, saved.taken, strict=True) if each is not None}
        return SavedSession(write.token or present, saved.version, coder.data(handle, taken))

    def destroy(self, token: str) -> None:
        """End the session that *token* opens; none is no error."""
        given = presented(token)
        del token
        credential = self._keeper.credential(given.checked())
        if credential is not None:
            self._keeper.end(credential)

    def peek(self, handle: str) -> SessionInfo | None:
        """Return what there is to know of a session by its public handle, without touching it."""
        given = handle_in(handle)
        del handle
        [record] = self._keeper.records.summaries([given.required("handle")])
        return record.info() if record is not None else None

    def revoke(self, handle: str) -> bool:
        """End a session by its public handle, and return whether there was one."""
        given = handle_in(handle)
        del handle
        known = given.required("handle")
        removed = self._keeper.records.remove(known)
        self._keeper.revoked([known] if removed else [])
        return removed

    def bind(
        self, token: str, user: str, *, address: str | None = None, agent: str | None = None
    ) -> SessionToken:
        """Sign *user* in, and return the new token."""
        given = presented(token)
        del token
        credential, present = given.required()
        session = RedisSession(self._keeper)
        self._settings.check_index()
        session.be(credential, present, self._keeper.must_find(credential))
        session.bind(user, address=address, agent=agent)
        session.save()
        return session.token or present

    def sessions_of(self, user: str) -> Sequence[SessionInfo]:
        """Return the sessions that *user* is signed in with, the last seen first."""
        self._settings.check_index()
        found = self._keeper.index.of(checked_user(user))
        return [each.info() for each in sorted(found, key=lambda record: record.seen_ms, reverse=True)]

    def drain(self, user: str, *, keep: str | None = None) -> Sequence[str]:
        """Empty the index of *user*, and return the handles that were in it; their sessions go on."""
        self._settings.check_index()
        kept = handle_in(keep)
        del keep
        return self._keeper.index.drain(checked_user(user), kept.optional("keep"))

    def revoke_all(self, user: str, *, keep: str | None = None) -> int:
        """End every session of *user*, and return how many there were."""
        self._settings.check_index()
        kept = handle_in(keep)
        del keep
        ended = self._keeper.index.end_all(checked_user(user), kept.optional("keep"))
        self._keeper.revoked(ended)
        return len(ended)
