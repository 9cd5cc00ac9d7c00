"""What a session object knows and is asked for, until it is saved. Nothing here talks to Redis."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, NamedTuple, TypeVar

from modkit_redis.contract.errors import ArgumentError, CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.outages import is_outage
from modkit_redis.contract.session import PresentedToken, SessionInfo, SessionToken
from modkit_redis.contract.values import Duration, milliseconds
from modkit_redis.session._core import Record, Status, moment
from modkit_redis.session.binding import Binding, binding, check_same_user
from modkit_redis.session.codec import UndecodableError
from modkit_redis.session.coder import Coder
from modkit_redis.session.config import SessionSettings
from modkit_redis.session.records.write import Saved, Write
from modkit_redis.session.tokens import Credential, new_token, next_token, proof
from modkit_redis.session.values import Changes, Values

T = TypeVar("T")


class Attempt(NamedTuple):
    """A write that is under way, and what it will have done; it may be sent again if no answer comes.

    Attributes:
        write: What is sent.
        changes: The values in it.
        credential: Of the session.
        begins: The token of the session, if this begins it.
        binding: Who it signs in.
    """

    write: Write
    changes: Changes
    credential: Credential
    begins: SessionToken | None = None
    binding: Binding | None = None

    @property
    def is_housekeeping(self) -> bool:
        """Whether nobody asked for it: it renews the token, and nothing else."""
        return self.write.is_renewal and not self.changes and self.binding is None


class SessionState(MutableMapping[str, Any]):
    """What a session object knows and is asked for, until it is saved."""

    # Of the class, as most requests change none of them.
    _presented: PresentedToken = "none"
    _replaced: Credential | None = None  # what opened nothing, as the token was replaced
    _accessed = _destroyed = _is_token_fixed = False

    def __init__(self, coder: Coder, settings: SessionSettings) -> None:
        """Begin with nothing.

        Args:
            coder: Reads and writes values.
            settings: The settings.
        """
        self._coder, self._settings = coder, settings
        self._endings: Sequence[Credential] = ()
        self._is_unsure = (
            False  # whether the first of them may have ended, or its token been replaced, unheard
        )
        self._outage: str | None = None
        self._has_failed = False  # whether the last save did, and whoever asked for it knows
        self._reset()

    def _reset(self) -> None:
        self._values = Values(self._coder)
        self._credential: Credential | None = None
        self._token: SessionToken | None = None
        self._record: Record | None = None
        self._info: SessionInfo | None = None  # made of the record when it is asked for
        self._deadline_ms = 0
        self._rotation_ms: int | None = None  # how long the old token is to work, if it is to be replaced
        self._wants_renewal = False
        self._binding: Binding | None = None
        self._is_secret = False  # whether nobody can have the token yet
        self._attempt: Attempt | None = None

    @property
    def token(self) -> SessionToken | None:
        """What opens the session from now on; ``None`` while there is none."""
        return self._token

    @property
    def info(self) -> SessionInfo | None:
        """What there is to know of the session; ``None`` while there is none."""
        self._accessed = True
        return self._known()

    def _known(self) -> SessionInfo | None:
        if self._info is None and self._record is not None:
            self._info = self._record.info()
        return self._info

    @property
    def user(self) -> str | None:
        """Who is signed in, also if that is not saved yet."""
        self._accessed = True
        if self._binding is not None:
            return self._binding.user
        info = self._known()
        return info.user if info is not None else None

    @property
    def degraded(self) -> bool:
        """Whether Redis did not answer, and the session is an empty one that cannot be changed."""
        return self._outage is not None

    @property
    def presented(self) -> PresentedToken:
        """What the token that was to open the session turned out to be."""
        return self._presented

    @property
    def accessed(self) -> bool:
        """Whether its values, or who is signed in, were looked at or changed."""
        return self._accessed

    @property
    def destroyed(self) -> bool:
        """Whether ``destroy()`` was called, whatever came of it."""
        return self._destroyed

    @property
    def unsaved(self) -> int:
        """How many keys were set, changed inside or removed, and are not saved yet."""
        return self._values.count_unsaved()

    def __getitem__(self, key: str) -> Any:
        self._accessed = True
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._accessed = True
        try:
            self._check_usable()
            self._values[key] = value
        except (ArgumentError, StoreUnavailableError):
            del value  # a traceback with local variables would show it
            raise

    def __delitem__(self, key: str) -> None:
        self._accessed = True
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        self._accessed = True
        return iter(self._values)

    def __len__(self) -> int:
        self._accessed = True
        return len(self._values)

    def clear(self) -> None:
        """Remove all values, also those that cannot be read; the session goes on, and may be an empty one."""
        self._accessed = True
        self._values.clear()

    def rotate(self, *, grace: Duration | None = None) -> None:
        """Have the next ``save()`` replace the token."""
        grace_ms = 0 if grace is None else milliseconds(grace, "grace")
        self._accessed = True
        self._check_replaceable()
        self._rotation_ms = grace_ms if self._rotation_ms is None else min(grace_ms, self._rotation_ms)

    def bind(self, user: str, *, address: str | None = None, agent: str | None = None) -> None:
        """Have the next ``save()`` sign *user* in."""
        asked = binding(user, address, agent)
        self._accessed = True
        self._check_replaceable()
        self._settings.check_index()
        info = self._known()
        check_same_user(info.user if info is not None else None, user)
        if self._attempt is not None and self._attempt.binding is not None:  # it may have taken effect
            check_same_user(self._attempt.binding.user, user)
        self._binding = asked

    def destroy(self) -> None:
        """Have the next ``save()`` end the session; what is set after this call begins a new one."""
        self._check_usable()
        self._accessed = self._destroyed = True
        # An attempt may have begun the session or replaced the token, unheard: the old one ends it as well.
        credential = self._credential if self._attempt is None else self._attempt.credential
        if credential is not None:
            self._is_unsure = self._is_unsure or self._attempt is not None
            self._endings = (*self._endings, credential)
        if self._replaced is not None:  # whoever signs out with it must be signed out
            self._endings, self._replaced = (*self._endings, self._replaced), None
        self._reset()

    def discard(self) -> None:
        """Forget what was changed, and a sign-in; a new token that was asked for, and an end, stay."""
        self._values.forget_changes()
        self._binding = None
        self._wants_renewal = False  # whoever handles an error may send no cookie

    def fix_token(self) -> None:
        """Keep the token as it is from now on, because nobody can be told of a new one."""
        self._is_token_fixed = True
        self._wants_renewal = False
        if self._attempt is not None and self._attempt.is_housekeeping:
            self._attempt = None  # sent again, it would replace the token

    def __repr__(self) -> str:
        handle = self._credential.handle if self._credential is not None else None
        return f"{type(self).__name__}(handle={handle!r})"

    def _opened(
        self, credential: Credential, token: SessionToken, record: Record, now_ms: int, is_retiring: bool
    ) -> None:
        """Be the session that was found."""
        self._presented = "retiring" if is_retiring else "current"
        self._credential, self._token = credential, token
        self._record, self._info, self._deadline_ms = record, None, record.deadline_ms
        self._values = Values(self._coder, record.handle, record.payloads())
        interval = self._settings.renewal_interval
        self._wants_renewal = (
            interval is not None
            and not is_retiring
            and now_ms - record.replaced_ms >= milliseconds(interval, "renewal_interval")
        )

    def _not_opened(self, credential: Credential, *, is_replaced: bool) -> None:
        """Be an empty session: the token opens none."""
        self._presented = "retired" if is_replaced else "gone"
        self._replaced = credential if is_replaced else None

    def _degrade(self, error: StoreUnavailableError | CommandRefusedError) -> None:
        """Be an empty session that cannot be changed, if that is what the settings want of an outage."""
        if self._settings.on_outage != "anonymous" or not is_outage(error):
            raise error
        self._outage, self._presented = error.reason, "unknown"

    def _to_begin(self, changes: Changes) -> Attempt:
        """Return the write that begins a session."""
        token = new_token()
        write = Write(sets=self._coder.sealed(token.handle, changes.sets))
        return Attempt(write, changes, proof(token), begins=token)

    def _to_save(self, credential: Credential, changes: Changes) -> Attempt | None:
        """Return the write that saves *changes* and what else is asked for; ``None`` if nothing is."""
        rotation_ms = self._rotation_ms
        if self._binding is not None and not self._is_secret:
            rotation_ms = 0  # whoever has the token from before the sign-in must not be signed in
        is_renewal = self._wants_renewal and rotation_ms is None
        replaces = is_renewal or rotation_ms is not None
        if not (changes or replaces or self._binding):
            return None
        write = Write(
            sets=self._coder.sealed(credential.handle, changes.sets),
            deletes=changes.deletes,
            about=self._binding.fields() if self._binding else {},
            token=next_token(credential.handle) if replaces else None,
            grace_ms=milliseconds(self._settings.renewal_grace, "renewal_grace")
            if is_renewal
            else rotation_ms or 0,
            is_renewal=is_renewal,
        )
        return Attempt(write, changes, credential, binding=self._binding)

    def _begun(self, attempt: Attempt, deadline_ms: int) -> None:
        """Take *attempt* as done: there is a session now."""
        token = attempt.begins
        created = moment(deadline_ms) - self._settings.absolute_ttl
        self._credential, self._token = attempt.credential, token
        self._info = SessionInfo(attempt.credential.handle, created, created, moment(deadline_ms))
        self._deadline_ms = deadline_ms
        self._rotation_ms, self._is_secret = None, True
        self._values.settle(attempt.credential.handle, attempt.changes, attempt.write.sets)

    def _saved(self, attempt: Attempt, saved: Saved) -> None:
        """Take *attempt* as done."""
        token = attempt.write.token
        if token is not None and saved.status is Status.DONE:
            self._credential, self._token = proof(token), token
        if token is not None:
            self._wants_renewal = False
            asked = self._rotation_ms  # for a shorter grace than was sent, if that got no answer at first
            is_due = asked is not None and (attempt.write.is_renewal or asked < attempt.write.grace_ms)
            self._rotation_ms = asked if is_due else None
        done = attempt.binding
        if done is not None and (info := self._known()) is not None:
            self._info = replace(info, user=done.user, address=done.address, agent=done.agent)
            self._binding = None if self._binding is done else self._binding
        self._values.settle(attempt.credential.handle, attempt.changes, attempt.write.sets)

    def _taken(self, key: str, saved: Saved, default: object) -> Any:
        """Return the value of *key*, which is in Redis no more."""
        [stored] = saved.taken
        was_removed = self._values.is_removed(key)
        own = self._values.unsaved(key, _NOTHING, also_inside=stored is not None)  # else another took it
        self._values.drop(key)
        if own is not _NOTHING or was_removed:
            return default if was_removed else own
        if stored is not None and self._credential is not None:
            with suppress(UndecodableError):
                return self._coder.read(self._credential.handle, key, stored)[1]
        return default

    def _changes(self) -> Changes:
        return checked_changes(self._values)

    def _be_lost(self) -> None:
        """Forget all that was asked for: the session has ended, or the token was replaced."""
        self.discard()
        self._attempt = self._rotation_ms = None

    def _check_usable(self) -> None:
        if self._outage is not None:
            raise StoreUnavailableError("session", self._outage)

    def _check_replaceable(self) -> None:
        self._check_usable()
        if self._is_token_fixed:
            raise ArgumentError("session", f"can get no new token any more: {_ON_ITS_WAY}")

    def _check_beginning(self, changes: Changes) -> None:
        if self._is_token_fixed and self._credential is None and self._attempt is None and changes:
            raise ArgumentError("session", f"cannot begin any more: {_ON_ITS_WAY}")


def checked_changes(values: Values) -> Changes:
    """Return what was changed.

    Raises:
        ArgumentError: If something of it cannot be stored; its traceback shows no value.
    """
    try:
        return values.changes()
    except ArgumentError as error:
        raise error.with_traceback(None)  # noqa: B904  # it is the same error


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """What a change returned; a traceback with local variables does not show it."""

    value: T = field(repr=False)


def changed(values: Values, change: Callable[[MutableMapping[str, Any]], T]) -> Result[T]:
    """Return what *change* returns when it is given *values*.

    Raises:
        ArgumentError: If that would have to be awaited.
    """
    result = change(values)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise ArgumentError(
            "change", "must be a plain function, no `async def`: it may be called several times"
        )
    return Result(result)


def check_attempts(attempts: int) -> None:
    """Check how often something is to be tried.

    Raises:
        ArgumentError: If it is no number, or below 1.
    """
    if not isinstance(attempts, int) or isinstance(attempts, bool) or attempts < 1:
        raise ArgumentError("attempts", "must be a whole number of at least 1")


_NOTHING: Final = object()
_ON_ITS_WAY: Final = "the answer is on its way, without its cookie. Do it before the answer begins"
