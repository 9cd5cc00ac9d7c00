# Generated from _async.py by .ci/unasync.py; do not edit.
"""What is done with sessions: each step, what its outcome means, and the event that tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import redis

from modkit_redis.contract.errors import SessionConflictError, SessionLostError
from modkit_redis.contract.events import SessionEventKind, SessionEvents
from modkit_redis.contract.session import SessionToken
from modkit_redis.contract.values import milliseconds
from modkit_redis.session._core import Credential, Record, Status, UnreadableError
from modkit_redis.session.config import SessionSettings
from modkit_redis.session.index import Index
from modkit_redis.session.records import Records
from modkit_redis.session.records.write import Saved, Write
from modkit_redis.session.telling import Teller
from modkit_redis.session.values import Coder


class Found(NamedTuple):
    """A session whose token was verified.

    Attributes:
        record: The session.
        is_retiring: Whether the token was replaced, and works only for a while.
        now_ms: The server's time.
    """

    record: Record
    is_retiring: bool
    now_ms: int


class Keeper:
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
        client: redis.Redis,
        key_prefix: str,
        settings: SessionSettings,
        events: SessionEvents | None,
    ) -> None:
        """Connect nothing."""
        self.settings = settings
        self.tell = Teller(events)
        self.coder = Coder(settings, self.tell)
        self.records = Records(client, key_prefix, settings.deadline)
        self.index = Index(
            client, key_prefix, settings.deadline, records=self.records, most=settings.per_user_max
        )
        self._idle_ms = milliseconds(settings.idle_ttl, "idle_ttl")
        self._absolute_ms = milliseconds(settings.absolute_ttl, "absolute_ttl")
        self._touch_ms = milliseconds(settings.touch_after, "touch_interval")

    def find(self, credential: Credential) -> Found | None:
        """Return the session, and let it live on if that is due."""
        try:
            record = self.records.find(credential.handle)
        except UnreadableError:
            self.tell("undecodable", credential.handle)
            return None
        if record is None:
            self.tell("rejected", credential.handle)
            return None
        idle_for_ms = record.idle_for_ms
        if record.is_opened_by(credential) and idle_for_ms is not None and idle_for_ms < self._touch_ms:
            return Found(record, is_retiring=False, now_ms=record.seen_ms + idle_for_ms)
        status, now_ms = self.records.touch(credential, self._touch_ms)
        if status in (Status.DONE, Status.RETIRING):
            return Found(record, status is Status.RETIRING, now_ms)
        self.tell("reuse" if status is Status.RETIRED else "rejected", credential.handle)
        return None

    def begin(self, token: SessionToken, write: Write) -> int:
        """Begin a session, and return its deadline.

        Raises:
            SessionConflictError: If there is another of the same handle.
        """
        deadline_ms = self.records.create(token, write, self._idle_ms, self._absolute_ms)
        if not deadline_ms:
            self.tell("conflict", token.handle)
            raise SessionConflictError(token.handle)
        self.tell("created", token.handle)
        return deadline_ms

    def change(self, credential: Credential, write: Write) -> Saved:
        """Change a session.

        Raises:
            SessionConflictError: If it has not the version that was expected.
            SessionLostError: If it has ended, or the token was replaced.
        """
        saved = self.records.save(credential, write)
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
        raise SessionLostError(handle, "gone" if saved.status is Status.GONE else "retired")

    def end(self, *credentials: Credential, is_repeated: bool = False) -> None:
        """End the session that one of the tokens opens, if one does.

        Args:
            credentials: What may open it, the newest first: the older one does not if the newer one does.
            is_repeated: Whether an earlier try got no answer, and may be the one that ended it.
        """
        found = {self.records.destroy(each) for each in credentials}
        if Status.DONE in found or (is_repeated and Status.RETIRED not in found):
            kind: SessionEventKind = "destroyed"
        else:
            kind = "reuse" if Status.RETIRED in found else "rejected"
        self.tell(kind, credentials[0].handle)

    def list_in(self, user: str, handle: str, deadline_ms: int) -> None:
        """List a session among those of *user*; end the oldest if they are too many."""
        self.revoked(self.index.add(user, handle, deadline_ms))

    def revoked(self, handles: Sequence[str]) -> None:
        """Tell that sessions were ended by their handles."""
        for handle in handles:
            self.tell("revoked", handle)
