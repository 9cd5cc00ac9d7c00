# Generated from _async.py by .ci/unasync.py; do not edit.
"""A session as an application uses it: a dictionary that is loaded, saved and ended in Redis."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from types import TracebackType
from typing import Any, TypeVar

from modkit_redis.contract.errors import (
    ArgumentError,
    CommandRefusedError,
    SessionConflictError,
    SessionLostError,
    StoreUnavailableError,
)
from modkit_redis.contract.session import Session, SessionToken
from modkit_redis.session.keeping import Keeper
from modkit_redis.session.keeping.found import Found
from modkit_redis.session.opened.state import Attempt, SessionState, changed, check_attempts, checked_changes
from modkit_redis.session.pausing import pause
from modkit_redis.session.records.write import Write
from modkit_redis.session.tokens import Credential, Presented
from modkit_redis.session.values import Changes, Values

T = TypeVar("T")


class Opening:
    """Loads a session when it is entered, and saves it when it is left."""

    def __init__(self, keeper: Keeper, given: Presented) -> None:
        """Prepare; nothing is sent.

        Args:
            keeper: Does what the session asks for.
            given: What its token proves.
        """
        self._keeper, self._given = keeper, given

    def __enter__(self) -> RedisSession:
        self._session = RedisSession(self._keeper)
        self._session.load(self._given)
        return self._session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.leave(error)


class RedisSession(SessionState, Session):
    """A session of one request; see ``Session``."""

    def __init__(self, keeper: Keeper) -> None:
        """Begin with nothing."""
        super().__init__(keeper.coder, keeper.settings)
        self._keeper = keeper

    def load(self, given: Presented) -> None:
        """Be the session that *given* opens, or an empty one."""
        credential = self._keeper.credential(given)
        if credential is None or given.token is None:
            return
        try:
            found = self._keeper.look(credential)
        except (StoreUnavailableError, CommandRefusedError) as error:
            self._degrade(error)
            self._keeper.tell("degraded", credential.handle, error=error)
            return
        if isinstance(found, Found):
            self.be(credential, given.token, found)
        else:
            self._not_opened(credential, is_replaced=found.is_replaced)

    def be(self, credential: Credential, token: SessionToken, found: Found) -> None:
        """Be the session that was found."""
        self._opened(credential, token, found.record, found.now_ms, found.is_retiring)

    def leave(self, error: BaseException | None) -> None:
        """Save; after an error only what must not be left undone: a new token, and an end."""
        if self.degraded:
            return
        try:
            if error is None:
                self.save()
        except ArgumentError as refused:
            self._save_the_rest(refused)
            raise
        if error is not None:
            self._save_the_rest(error)

    def _save_the_rest(self, error: BaseException) -> None:
        self.discard()
        if not (self._has_failed and isinstance(error, StoreUnavailableError)):  # it would fail again
            self.save()

    def save(self) -> None:
        """Save what was changed."""
        self._check_usable()
        changes = self._changes()  # what cannot be stored is refused before anything is sent
        self._check_beginning(changes)
        self._has_failed = True
        if self._repeat():
            changes = self._changes()
        while self._endings:
            is_unsure, self._is_unsure = self._is_unsure, True
            self._keeper.end(self._endings[0], is_unsure=is_unsure)
            self._endings, self._is_unsure = self._endings[1:], False
        if self._credential is None and (changes or self._binding is not None):
            self._try(self._to_begin(changes))
            changes = self._changes()
        if self._credential is not None:
            self._save(self._credential, changes)
        self._has_failed = self._is_secret = False

    def _save(self, credential: Credential, changes: Changes) -> None:
        if self._binding is not None:
            self._keeper.list_in(self._binding.user, credential.handle, self._deadline_ms)
        attempt = self._to_save(credential, changes)
        if attempt is None:
            return
        try:
            self._try(attempt)
        except (SessionLostError, StoreUnavailableError, CommandRefusedError) as error:
            if not attempt.is_housekeeping:
                raise
            # Nothing was asked for: whoever only reads is not to be troubled.
            self._keeper.tell("degraded", credential.handle, error=error)

    def _repeat(self) -> bool:
        """Send again what got no answer, and return whether there was such a thing."""
        attempt = self._attempt
        if attempt is not None:
            self._try(attempt)
        return attempt is not None

    def _try(self, attempt: Attempt) -> None:
        """Send *attempt*, and remember it if its outcome stays unknown."""
        earlier, self._attempt = self._attempt, attempt
        self._values.send(attempt.changes)
        try:
            if attempt.begins is not None:
                self._begun(attempt, self._keeper.begin(attempt.begins, attempt.write))
            else:
                self._saved(attempt, self._keeper.change(attempt.credential, attempt.write))
                if attempt.binding is not None:
                    self._keeper.tell("bound", attempt.credential.handle)
        except SessionLostError:
            self._be_lost()
            raise
        except SessionConflictError:
            self._attempt = None
            raise
        except CommandRefusedError:
            self._attempt = earlier  # only this try had no effect
            raise
        self._attempt = None

    def take(self, key: str, default: object = None) -> Any:
        """Return a value and remove it, in one step."""
        self._accessed = True
        self._check_usable()
        self._coder.check_key(key)
        self._repeat()
        if self._credential is None:
            return self._values.pop(key, default)
        try:
            saved = self._keeper.change(self._credential, Write(takes=[key]))
        except SessionLostError:
            self._be_lost()
            raise
        return self._taken(key, saved, default)

    def transact(self, change: Callable[[MutableMapping[str, Any]], T], *, attempts: int = 10) -> T:
        """Load the session, *change* it, and save it if nobody else has written meanwhile, or try again."""
        self._accessed = True
        self._check_usable()
        check_attempts(attempts)
        self._repeat()
        if self._credential is None:
            raise ArgumentError("session", "has not begun: set something and save() first")
        for failures in range(1, attempts):
            try:
                return self._transact(self._credential, change)
            except SessionConflictError:
                pause(failures)
        return self._transact(self._credential, change)

    def _transact(self, credential: Credential, change: Callable[[MutableMapping[str, Any]], T]) -> T:
        try:
            return self._changed(credential, change)
        except SessionLostError:
            self._be_lost()
            raise

    def _changed(self, credential: Credential, change: Callable[[MutableMapping[str, Any]], T]) -> T:
        found = self._keeper.must_find(credential)
        values = Values(self._coder, credential.handle, found.record.payloads())
        result = changed(values, change)
        changes = checked_changes(values)
        if changes:
            write = Write(
                sets=self._coder.sealed(credential.handle, changes.sets),
                deletes=changes.deletes,
                expect=found.record.version,
            )
            self._keeper.change(credential, write)
            values.settle(credential.handle, changes, write.sets)
        self._values.follow(values.stored)
        return result.value
