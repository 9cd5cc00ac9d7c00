"""``flask.session`` as an object of this library: loaded when it is looked at, saved before the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, Final, TypeVar

from flask.sessions import SessionMixin

from modkit_redis.contract.errors import ArgumentError, SessionLostError
from modkit_redis.contract.session import PresentedToken, Session, SessionInfo, SessionToken
from modkit_redis.contract.values import Duration
from modkit_redis.web.flask.errors import SessionUnavailableError, outages_answered
from modkit_redis.web.flask.flashes import FLASHES, packed, unpacked

T = TypeVar("T")

PERMANENT: Final = "_permanent"
"""The key that Flask keeps ``permanent`` under."""


class FlaskSession(Session, SessionMixin):
    """The session of a request: a ``Session``, and what Flask expects of one.

    It is loaded when it is first looked at; a request that does not look costs nothing. If Redis does not
    answer, looking raises ``SessionUnavailableError``, which Flask answers with 503.

    Attributes:
        has_moved: Whether ``permanent`` has changed, so that the client needs another cookie.
        has_failed: Whether the last ``save()`` got no answer.
    """

    def __init__(
        self, opening: Callable[[], AbstractContextManager[Session]], *, lasts: bool = False
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            opening: Returns what opens the session.
            lasts: What ``permanent`` is where nothing was assigned.
        """
        self._opening, self._lasts_otherwise = opening, lasts
        self._lock = Lock()  # a context that was copied to a thread has the same session
        self._inner: Session | None = None
        self._outage: SessionUnavailableError | None = None
        self._lasts: bool | None = None  # what was assigned to `permanent`, and is no value yet
        self._accessed = self._is_token_fixed = False
        self.has_moved = False
        self.has_failed = False

    @property
    def is_loaded(self) -> bool:
        """Whether somebody has looked at it, and Redis did answer."""
        return self._inner is not None

    @property
    def is_touched(self) -> bool:
        """Whether there may be something to save."""
        return self._inner is not None or (self._lasts is not None and self._outage is None)

    @property
    def opened(self) -> Session:
        """The session below, loaded if it was not yet."""
        self._accessed = True
        if self._inner is None:
            with self._lock:
                if self._inner is None:
                    self._inner = self._loaded()
        return self._inner

    def _loaded(self) -> Session:
        if self._outage is not None:  # asking once more would cost the same wait again
            raise self._outage.with_traceback(None)
        try:
            with outages_answered():
                session = self._opening().__enter__()
        except SessionUnavailableError as error:
            self._outage = error
            raise
        if self._is_token_fixed:
            session.fix_token()
        return session

    @property
    def accessed(self) -> bool:
        """Whether it was looked at or changed: the answer may depend on it."""
        return self._accessed

    @accessed.setter
    def accessed(self, value: bool) -> None:  # Flask assigns it
        self._accessed = self._accessed or value

    @property
    def new(self) -> bool:  # type: ignore[override]  # plain there
        """Whether this request found no session."""
        return self.opened.presented not in ("current", "retiring")

    @property
    def modified(self) -> bool:
        """Whether there are changes that are not saved, also inside values; there is no need to assign it."""
        return self.unsaved > 0

    @modified.setter
    def modified(self, value: bool) -> None:
        if not value:
            raise ArgumentError("modified", "cannot be taken back: call discard() to forget what was changed")

    @property
    def permanent(self) -> bool:
        """Whether the cookie outlives the browser; how long the session itself lives is set in the store.

        What is assigned is kept with the session, and begins none by itself.
        """
        return bool(self.opened.get(PERMANENT, self._lasts_otherwise)) if self._lasts is None else self._lasts

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self._accessed, self._lasts = True, bool(value)

    def __getitem__(self, key: str) -> Any:
        value = self.opened[key]
        return unpacked(value) if key == FLASHES else value

    def __setitem__(self, key: str, value: Any) -> None:
        opened, stored = self.opened, packed(value) if key == FLASHES else value
        del value  # a traceback with local variables would show it
        with outages_answered():
            opened[key] = stored

    def __delitem__(self, key: str) -> None:
        del self.opened[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.opened)

    def __len__(self) -> int:
        return len(self.opened)

    def clear(self) -> None:
        """End the session, as ``destroy()`` does: nobody is signed in any more."""
        self.destroy()

    @property
    def token(self) -> SessionToken | None:
        """What opens the session from now on; ``None`` while there is none."""
        return self.opened.token

    @property
    def info(self) -> SessionInfo | None:
        """What there is to know of the session; ``None`` while there is none."""
        return self.opened.info

    @property
    def user(self) -> str | None:
        """Who is signed in, also if that is not saved yet."""
        return self.opened.user

    @property
    def degraded(self) -> bool:
        """Whether Redis did not answer, and the session is an empty one that cannot be changed."""
        return self.opened.degraded

    @property
    def presented(self) -> PresentedToken:
        """What the token that the client sent turned out to be."""
        return self.opened.presented

    @property
    def destroyed(self) -> bool:
        """Whether ``destroy()`` was called, whatever came of it."""
        return self._inner is not None and self._inner.destroyed

    @property
    def unsaved(self) -> int:
        """How many keys were set, changed inside or removed, and are not saved yet."""
        return 0 if self._inner is None else self._inner.unsaved

    def rotate(self, *, grace: Duration | None = None) -> None:
        """Replace the token when the request ends, or with ``save()``."""
        with outages_answered():
            self.opened.rotate(grace=grace)

    def bind(self, user: str, *, address: str | None = None, agent: str | None = None) -> None:
        """Sign *user* in when the request ends, or with ``save()``."""
        with outages_answered():
            self.opened.bind(user, address=address, agent=agent)

    def destroy(self) -> None:
        """End the session when the request ends, or with ``save()``; what is set then begins another."""
        with outages_answered():
            self.opened.destroy()
        self._lasts = None

    def discard(self) -> None:
        """Forget what was changed, and a sign-in; a new token that was asked for, and an end, stay."""
        self._lasts = None
        if self._inner is not None:
            self._inner.discard()

    def fix_token(self) -> None:
        """Keep the token as it is from now on, because nobody can be told of a new one."""
        self._is_token_fixed = True
        if self._inner is not None:
            self._inner.fix_token()

    def save(self) -> None:
        """Save what was changed now, and not when the request ends."""
        opened, self.has_failed = self.opened, True
        try:
            with outages_answered():
                self._keep_permanent(opened)
                opened.save()
        except SessionLostError:
            self.has_moved = False
            raise
        self.has_failed = False

    def _keep_permanent(self, opened: Session) -> None:
        lasts, self._lasts = self._lasts, None
        if lasts is None or not (opened or opened.token is not None or opened.user is not None):
            return
        if lasts == bool(opened.get(PERMANENT, self._lasts_otherwise)):
            return
        self.has_moved = True
        if lasts == self._lasts_otherwise:
            del opened[PERMANENT]
        else:
            opened[PERMANENT] = lasts

    def take(self, key: str, default: object = None) -> Any:
        """Return a value and remove it, in one step: of all requests that try, one gets it."""
        with outages_answered():
            taken = self.opened.take(key, default)
        return unpacked(taken) if key == FLASHES and taken is not default else taken

    def transact(self, change: Callable[[MutableMapping[str, Any]], T], *, attempts: int = 10) -> T:
        """Load the session, *change* it, and save it if nobody else has written meanwhile, or try again."""
        with outages_answered():
            return self.opened.transact(change, attempts=attempts)
