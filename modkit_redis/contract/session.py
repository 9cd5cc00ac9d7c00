"""What a session store and a session can do.

The classes for asyncio have the same members, with awaited methods.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar

from modkit_redis.contract.values import Duration

T = TypeVar("T")

PresentedToken: TypeAlias = Literal["none", "current", "retiring", "retired", "gone", "unknown"]
"""What a token that was presented turned out to be, when its session was opened.

``none``: there was none, or it had not the shape of one. ``current``: it opened its session. ``retiring``: so
it did, and was replaced a moment ago. ``retired``: it opened nothing; its session goes on under another one.
``gone``: the session has ended, or there never was one. ``unknown``: Redis did not answer.
"""

HANDLE_LENGTH: Final = 22
"""Characters of a session's public handle, which its token begins with."""


class SessionToken(str):
    """What opens a session: text for a cookie, which does not show its secret in a representation.

    The part before the dot is the public handle; only a hash of the rest is in Redis.
    """

    __slots__ = ()

    @property
    def handle(self) -> str:
        """The public handle of the session."""
        return self[:HANDLE_LENGTH]

    def __repr__(self) -> str:
        return f"SessionToken('{self.handle}.***')"


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What there is to know of a session without its token; times are the server's, in UTC.

    Attributes:
        handle: Its public handle, for logs, lists of devices and ``revoke``.
        created: When it began.
        last_seen: When it was last written or touched: up to a touch interval before its last use.
        expires: When it ends at the latest; that never moves.
        user: Who is signed in; not part of the representation, nor are the others.
        address: From where, as ``bind`` was told.
        agent: With what program, likewise.
    """

    handle: str
    created: datetime
    last_seen: datetime
    expires: datetime
    user: str | None = field(default=None, repr=False)
    address: str | None = field(default=None, repr=False)
    agent: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it was found.

    Attributes:
        info: What there is to know of it.
        version: The number of its last change, for a strict ``save``.
        data: What it holds; a copy of the caller's own, and not part of the representation.
        is_retiring: Whether the token was replaced a moment ago, and works only for a while.
    """

    info: SessionInfo
    version: int
    data: Mapping[str, Any] = field(repr=False)
    is_retiring: bool = False


@dataclass(frozen=True, slots=True)
class SessionPatch:
    """A change of a session: what it does not name stays as it is, whoever else writes meanwhile.

    Attributes:
        sets: Values to store by their keys.
        deletes: Keys to remove; those that are not there are no error.
        takes: Keys whose values are to be returned and removed, in one step.
    """

    sets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    deletes: Collection[str] = ()
    takes: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class SavedSession:
    """What came of a ``save``.

    Attributes:
        token: The token from now on.
        version: The number of this change.
        taken: The values that were taken; keys that were not there are missing.
    """

    token: SessionToken
    version: int
    taken: Mapping[str, Any] = field(default_factory=dict, repr=False)


class BaseSession(MutableMapping[str, Any]):
    """The part of a session that needs no server: a dictionary that knows what was changed.

    Changes inside a value count as well: ``session["cart"].append(1)``. Nothing is sent before ``save()``,
    or the end of the ``with`` block. A value that cannot be read is absent, also to ``del`` and ``pop``; it
    stays in Redis until something is assigned to its key, or ``take`` or ``clear`` removes it. One request
    has one session object; it is not for several threads or tasks.
    """

    @property
    @abstractmethod
    def token(self) -> SessionToken | None:
        """What opens the session from now on; ``None`` while there is none."""

    @property
    @abstractmethod
    def info(self) -> SessionInfo | None:
        """What there is to know of the session; ``None`` while there is none."""

    @property
    @abstractmethod
    def user(self) -> str | None:
        """Who is signed in, also if that is not saved yet."""

    @property
    @abstractmethod
    def degraded(self) -> bool:
        """Whether Redis did not answer, and the session is an empty one that cannot be changed."""

    @property
    @abstractmethod
    def presented(self) -> PresentedToken:
        """What the token that was to open the session turned out to be; that never changes."""

    @property
    @abstractmethod
    def accessed(self) -> bool:
        """Whether its values, or who is signed in, were looked at or changed: the answer may depend on it."""

    @property
    @abstractmethod
    def destroyed(self) -> bool:
        """Whether ``destroy()`` was called, whatever came of it."""

    @property
    @abstractmethod
    def unsaved(self) -> int:
        """How many keys were set, changed inside or removed, and are not saved yet."""

    @abstractmethod
    def rotate(self, *, grace: Duration | None = None) -> None:
        """Have the next ``save()`` replace the token.

        For each change of what the session may do: a role, a second factor. ``bind`` does so by itself.

        Args:
            grace: For how long requests with the old token still read and write, where nothing but the token
                changes; it ends at once when omitted.

        Raises:
            ArgumentError: If *grace* is no positive duration, or the token is fixed.
        """

    @abstractmethod
    def bind(self, user: str, *, address: str | None = None, agent: str | None = None) -> None:
        """Have the next ``save()`` sign *user* in: list the session among theirs, replace the token.

        Args:
            user: Name or number of the user in the application, as text of at most 256 bytes.
            address: From where, for the list of devices; the first 64 bytes are kept.
            agent: With what program; the first 256 bytes are kept.

        Raises:
            ArgumentError: If an argument cannot be used, another user is signed in (``destroy()`` comes
                first), or the token is fixed.
            ConfigError: If the settings ask for no index of users' sessions.
        """

    @abstractmethod
    def destroy(self) -> None:
        """Have the next ``save()`` end the session; what is set after this call begins a new one.

        It ends also if another request has replaced the token, once.
        """

    @abstractmethod
    def discard(self) -> None:
        """Forget what was changed, and a sign-in; a new token that was asked for, and an end, stay."""

    @abstractmethod
    def fix_token(self) -> None:
        """Keep the token as it is from now on, because nobody can be told of a new one.

        For what answers requests, when the answer is on its way. Values can still be changed and saved, and
        the session be ended. ``rotate`` and ``bind`` are refused then, and so is a ``save`` that would begin
        a session; no token is renewed by itself.
        """


class Session(BaseSession):
    """A session of one request, opened by ``SessionStore.open``: a dictionary, saved when its block ends.

    If the block raises, its changes are dropped and nobody is signed in; ``rotate()`` and ``destroy()`` still
    take effect, unless what leaves the block is that the session's own save got no answer.
    """

    @abstractmethod
    def save(self) -> None:
        """Save what was changed; one round trip, and none if nothing was.

        A session begins with the first save of something. Signing in is one round trip more. If Redis does
        not answer, the same save can be tried again: it takes effect once, if no more than two others have
        written in between.

        Raises:
            ArgumentError: If a value cannot be stored, there is too much, or a session would begin after its
                token was fixed; nothing was sent, nothing is lost.
            CommandRefusedError: If Redis refuses; it can be tried again.
            SessionLostError: If the session has ended, or the token was replaced; all that was asked for is
                forgotten.
            StoreUnavailableError: If Redis does not answer; the changes may or may not have been saved.
        """

    @abstractmethod
    def take(self, key: str, default: object = None) -> Any:
        """Return a value and remove it, in one step: of all requests that try, one gets it. One round trip.

        What was done to it here and not saved counts: changes inside it are in what is returned, if it is
        won; what was assigned is returned in any case, and not saved any more; for what was deleted,
        *default* is returned. So it is for a value that cannot be read, which is removed.

        Raises:
            ArgumentError: If *key* cannot be one; nothing was sent.
            SessionLostError: If the session has ended, or the token was replaced.
            StoreUnavailableError: If Redis does not answer; the value may be lost.
        """

    @abstractmethod
    def transact(self, change: Callable[[MutableMapping[str, Any]], T], *, attempts: int = 10) -> T:
        """Load the session, *change* it, and save it if nobody else has written meanwhile, or try again.

        Args:
            change: A plain function that changes what it is given, and returns what this method returns. It
                is given what is in Redis, without what is not saved yet. It may be called several times, so
                it should do nothing else.
            attempts: How often it is tried at most.

        Raises:
            ArgumentError: If a value cannot be stored, there is no session yet, or *change* would have to be
                awaited; nothing was saved.
            SessionConflictError: If others were first each time; nothing was saved.
            SessionLostError: If the session has ended, or the token was replaced.
            StoreUnavailableError: If Redis does not answer; the change may or may not have been saved.
        """


class AsyncSession(BaseSession):
    """A session of one request for asyncio; see ``Session``."""

    @abstractmethod
    async def save(self) -> None:
        """Save what was changed."""

    @abstractmethod
    async def take(self, key: str, default: object = None) -> Any:
        """Return a value and remove it, in one step."""

    @abstractmethod
    async def transact(self, change: Callable[[MutableMapping[str, Any]], T], *, attempts: int = 10) -> T:
        """Load the session, *change* it, and save it if nobody else has written meanwhile, or try again."""


class SessionStore(Protocol):
    """Sessions in Redis (``redis.session.store``).

    Applications use ``open``; the methods below it are for who builds something else on sessions. A token
    that is missing or malformed opens nothing and costs nothing: no command is sent. Keys of a session's
    values are text; values are what JSON can hold, and ``bytes``, ``tuple``, ``datetime``, ``UUID`` and
    ``Decimal``.

    Besides what each method names, all raise ``StoreUnavailableError`` if Redis does not answer, and
    ``CommandRefusedError`` where it answers and refuses. If it is only a touch that fails so, a session is
    read all the same.
    """

    def open(self, token: str | None = None) -> AbstractContextManager[Session]:
        """Return what opens a session in a ``with`` block and saves it at the end.

        Where *token* opens none, the session is an empty one. If Redis does not answer, the settings say
        whether entering raises, or gives an empty session that cannot be changed.

        Entering costs one round trip; a further one about once per touch interval.

        Raises:
            ArgumentError: If *token* is no text.
        """
        ...

    def create(self, data: Mapping[str, Any]) -> SessionToken:
        """Begin a session and return its token.

        Raises:
            ArgumentError: If a value cannot be stored, or there are too many; nothing was sent.
        """
        ...

    def load(self, token: str | None) -> StoredSession | None:
        """Return the session that *token* opens, or ``None``.

        Raises:
            ArgumentError: If *token* is no text.
        """
        ...

    def save(
        self,
        token: str,
        patch: SessionPatch,
        *,
        expect: int | None = None,
        rotate: bool = False,
        grace: Duration | None = None,
    ) -> SavedSession:
        """Change a session; a session that ended is never brought back.

        Args:
            token: Its token.
            patch: What to change. Only it is checked against the limits, not the whole session; it may remove
                as many keys as a session may have.
            expect: The version that it must still have; any when omitted.
            rotate: Whether to replace the token.
            grace: For how long the replaced token still reads and writes; it ends at once when omitted.

        Raises:
            ArgumentError: If an argument cannot be used; nothing was sent.
            SessionConflictError: If it has another version than was expected; nothing was saved.
            SessionLostError: If the session has ended, or the token was replaced; nothing was saved.
            StoreUnavailableError: If Redis does not answer; it may or may not have been saved.
        """
        ...

    def destroy(self, token: str) -> None:
        """End the session that *token* opens, or opened before it was replaced last; none is no error.

        When this returns, no request can use it any more.

        Raises:
            ArgumentError: If *token* is no text.
            StoreUnavailableError: If Redis does not answer; the session may still be there.
        """

    def peek(self, handle: str) -> SessionInfo | None:
        """Return what there is to know of a session by its public handle, without touching it.

        ``None`` if there is none, or its deadline has passed.

        Raises:
            ArgumentError: If *handle* cannot be one; nothing was sent.
        """
        ...

    def revoke(self, handle: str) -> bool:
        """End a session by its public handle, and return whether there was one.

        Raises:
            ArgumentError: If *handle* cannot be one; nothing was sent.
            StoreUnavailableError: If Redis does not answer; the session may still be there.
        """
        ...

    def bind(
        self, token: str, user: str, *, address: str | None = None, agent: str | None = None
    ) -> SessionToken:
        """Sign *user* in, and return the new token; see ``Session.bind``.

        If the user has more sessions then than the settings allow, the oldest are ended, before the sign-in
        is certain.

        Raises:
            ArgumentError: If an argument cannot be used, or another user is signed in.
            ConfigError: If the settings ask for no index of users' sessions.
            SessionLostError: If the session has ended, or the token was replaced.
        """
        ...

    def sessions_of(self, user: str) -> Sequence[SessionInfo]:
        """Return the sessions that *user* is signed in with, the last seen first; two round trips.

        Raises:
            ArgumentError: If *user* cannot be one; nothing was sent.
            ConfigError: If the settings ask for no index of users' sessions.
        """
        ...

    def drain(self, user: str, *, keep: str | None = None) -> Sequence[str]:
        """Empty the index of *user*, and return the handles that were in it; their sessions go on.

        For who revokes them by other means. ``revoke_all`` does not lose them if it is interrupted.

        Args:
            user: The user.
            keep: The handle of a session that stays in the index.

        Raises:
            ArgumentError: If an argument cannot be used; nothing was sent.
            ConfigError: If the settings ask for no index of users' sessions.
        """
        ...

    def revoke_all(self, user: str, *, keep: str | None = None) -> int:
        """End every session of *user*, and return how many there were; two round trips.

        A session that was signed in before the call began does not outlive it. If it fails half-way, calling
        it again ends the rest. A session that another user is signed in with stays.

        Args:
            user: The user.
            keep: The handle of a session that stays, usually the caller's own.

        Raises:
            ArgumentError: If an argument cannot be used; nothing was sent.
            ConfigError: If the settings ask for no index of users' sessions.
            StoreUnavailableError: If Redis does not answer; some may still be there.
        """
        ...


class AsyncSessionStore(Protocol):
    """Sessions in Redis (``redis.session.store``) for asyncio; see ``SessionStore``."""

    def open(self, token: str | None = None) -> AbstractAsyncContextManager[AsyncSession]:
        """Return the session that *token* opens, in an ``async with`` block."""
        ...

    async def create(self, data: Mapping[str, Any]) -> SessionToken:
        """Begin a session and return its token."""
        ...

    async def load(self, token: str | None) -> StoredSession | None:
        """Return the session that *token* opens, or ``None``."""
        ...

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
        ...

    async def destroy(self, token: str) -> None:
        """End the session that *token* opens; none is no error."""

    async def peek(self, handle: str) -> SessionInfo | None:
        """Return what there is to know of a session by its public handle, without touching it."""
        ...

    async def revoke(self, handle: str) -> bool:
        """End a session by its public handle, and return whether there was one."""
        ...

    async def bind(
        self, token: str, user: str, *, address: str | None = None, agent: str | None = None
    ) -> SessionToken:
        """Sign *user* in, and return the new token."""
        ...

    async def sessions_of(self, user: str) -> Sequence[SessionInfo]:
        """Return the sessions that *user* is signed in with, the last seen first."""
        ...

    async def drain(self, user: str, *, keep: str | None = None) -> Sequence[str]:
        """Empty the index of *user*, and return the handles that were in it; their sessions go on."""
        ...

    async def revoke_all(self, user: str, *, keep: str | None = None) -> int:
        """End every session of *user*, and return how many there were."""
        ...
