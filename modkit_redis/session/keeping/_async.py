"""What is done with sessions: each step, what its outcome means, and the event that tells of it."""

from __future__ import annotations

from collections.abc import Sequence

import redis.asyncio

from modkit_redis.contract.errors import (
    CommandRefusedError,
    SessionConflictError,
    SessionLostError,
    StoreUnavailableError,
)
from modkit_redis.contract.events import SessionEvents
from modkit_redis.contract.outages import is_outage
from modkit_redis.contract.session import SessionToken
from modkit_redis.contract.values import milliseconds
from modkit_redis.session._core import Status, UnreadableError
from modkit_redis.session.coder import Coder
from modkit_redis.session.config import SessionSettings
from modkit_redis.session.index import AsyncIndex
from modkit_redis.session.keeping.clock import ServerClock
from modkit_redis.session.keeping.found import Found, Missing
from modkit_redis.session.records import AsyncRecords
from modkit_redis.session.records.write import Saved, Write
from modkit_redis.session.telling import Teller
from modkit_redis.session.tokens import Credential, Presented


class AsyncKeeper:
    """Does what sessions and their store are asked for.

    Attributes:
        settings: The settings.
        coder: Reads and writes values.
        tell: Tells of events.
        records: The sessions in Redis.
        index: Who is signed in with which.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        key_prefix: str,
        settings: SessionSettings,
        events: SessionEvents | None,
    ) -> None:
        """Connect nothing."""
        self.settings = settings
        self.tell = Teller(events)
        self.coder = Coder(settings, self.tell)
        self.records = AsyncRecords(client, key_prefix, settings.deadline)
        self.index = AsyncIndex(
            client, key_prefix, settings.deadline, records=self.records, most=settings.per_user_max
        )
        self._idle_ms = milliseconds(settings.idle_ttl, "idle_ttl")
        self._absolute_ms = milliseconds(settings.absolute_ttl, "absolute_ttl")
        self._touch_ms = milliseconds(settings.touch_after, "touch_interval")
        self._clock = ServerClock(self._touch_ms / 1000)

    def credential(self, given: Presented) -> Credential | None:
        """Return what *given* proves; ``None`` if it has not the shape of a token."""
        if given.credential is None and given.kind != "NoneType":
            self.tell("rejected", None)
        return given.credential

    async def find(self, credential: Credential) -> Found | None:
        """Return the session, and let it live on if that is due."""
        found = await self.look(credential)
        return found if isinstance(found, Found) else None

    async def must_find(self, credential: Credential) -> Found:
        """Return the session, and let it live on if that is due.

        Raises:
            SessionLostError: If it has ended, or the token was replaced.
        """
        found = await self.look(credential)
        if isinstance(found, Found):
            return found
        self.tell("lost", credential.handle)
        raise _lost(credential.handle, found.status)

    async def look(self, credential: Credential) -> Found | Missing:
        """Return the session, and let it live on if that is due; or why there is none."""
        now_ms, asked = self._clock.now_ms(), self._clock.monotonic()
        try:
            if now_ms is None:
                record, now_ms = await self.records.find_with_time(credential.handle)
                self._clock.learn(asked, now_ms)
            else:
                record = await self.records.find(credential.handle)
        except UnreadableError:
            self.tell("undecodable", credential.handle)
            return Missing(Status.GONE, is_replaced=False)
        if record is None:
            self.tell("rejected", credential.handle)
            return Missing(Status.GONE, is_replaced=False)
        is_opened, due_ms = record.is_opened_by(credential), record.due_ms(self._touch_ms)
        if is_opened and not record.is_due(due_ms, now_ms):
            return Found(record, is_retiring=False, now_ms=now_ms)
        asked = self._clock.monotonic()
        try:
            status, touched_ms = await self.records.touch(credential, due_ms)
        except (StoreUnavailableError, CommandRefusedError) as error:
            if not (is_opened and record.is_alive(now_ms) and is_outage(error)):
                raise
            # A server that is full, or has just become a replica, still says who is signed in.
            self.tell("degraded", credential.handle, error=error)
            return Found(record, is_retiring=False, now_ms=now_ms)
        if touched_ms:
            self._clock.learn(asked, touched_ms)
        if status in (Status.DONE, Status.RETIRING):
            return Found(record, status is Status.RETIRING, touched_ms)
        self.tell("reuse" if status is Status.RETIRED else "rejected", credential.handle)
        return Missing(status, is_replaced=status is Status.RETIRED or not is_opened)

    async def begin(self, token: SessionToken, write: Write) -> int:
        """Begin a session, and return its deadline.

        Raises:
            SessionConflictError: If there is another of the same handle.
        """
        deadline_ms = await self.records.create(token, write, self._idle_ms, self._absolute_ms)
        if not deadline_ms:
            self.tell("conflict", token.handle)
            raise SessionConflictError(token.handle)
        self.tell("created", token.handle)
        return deadline_ms

    async def change(self, credential: Credential, write: Write) -> Saved:
        """Change a session.

        Raises:
            SessionConflictError: If it has not the version that was expected.
            SessionLostError: If it has ended, or the token was replaced.
        """
        saved = await self.records.save(credential, write)
        handle = credential.handle
        if saved.status in (Status.DONE, Status.RETIRING):
            if write.token and saved.status is Status.DONE:
                self.tell("rotated", handle)
            return saved
        if saved.status is Status.CONFLICT:
            self.tell("conflict", handle)
            raise SessionConflictError(handle)
        if saved.status is Status.RETIRED:
            self.tell("reuse", handle)
        self.tell("lost", handle)
        raise _lost(handle, saved.status)

    async def end(self, credential: Credential, *, is_unsure: bool = False) -> None:
        """End the session that the token opens, or opened before it was replaced.

        Args:
            credential: What the token proves.
            is_unsure: Whether something got no answer that may have ended it, or replaced the token.
        """
        status = await self.records.destroy(credential)
        if status is Status.RETIRED and not is_unsure:
            self.tell("reuse", credential.handle)
        is_ended = is_unsure or status is not Status.GONE
        self.tell("destroyed" if is_ended else "rejected", credential.handle)

    async def list_in(self, user: str, handle: str, deadline_ms: int) -> None:
        """List a session among those of *user*; end the oldest if they are too many."""
        self.revoked(await self.index.add(user, handle, deadline_ms))

    def revoked(self, handles: Sequence[str]) -> None:
        """Tell that sessions were ended by their handles."""
        for handle in handles:
            self.tell("revoked", handle)


def _lost(handle: str, status: Status) -> SessionLostError:
    return SessionLostError(handle, "gone" if status is Status.GONE else "retired")
