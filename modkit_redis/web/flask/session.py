"""``flask.session`` as an object of this library: loaded when it is looked at, saved before the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, Final, TypeVar

from flask.sessions import SessionMixin

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.session import Session, SessionInfo, SessionToken
from modkit_redis.contract.values import Duration
from modkit_redis.web.flask.errors import SessionUnavailableError, outages_answered
from modkit_redis.web.flask.flashes import FLASHES, packed, unpacked

T = TypeVar("T")

PERMANENT: Final = "_permanent"
"""The key that Flask keeps ``permanent`` under."""


class FlaskSession(Session, SessionMixin):  # type: ignore[misc]  # `accessed` and its like are plain there
    """The session of a request, a ``Session`` and what Flask expects of one.

    It is loaded when it is first looked at; a request that does not look costs nothing. If Redis does not
    answer, looking raises ``SessionUnavailableError``, which Flask answers with 503.

    Attributes:
        accessed: Whether somebody has looked at it.
    """

    accessed = False

    def __init__(self, opening: Callable[[], AbstractContextManager[Session]], presented: str | None) -> None:
        """Prepare; nothing is sent.

        Args:
            opening: Returns what opens the session.
            presented: The token that the client sent.
        """
        self._opening, self.presented = opening, presented
        self._lock = Lock()  # a context that was copied to a thread has the same session
        self._inner: Session | None = None
        self._outage: SessionUnavailableError | None = None
        self._lasts: bool | None = None  # what was assigned to `permanent` and is no value yet
        self.was_ended = False

    @property
    def loaded(self) -> Session | None:
        """The session below, if somebody has looked at it and Redis did answer."""
        return self._inner

    @property
    def opened(self) -> Session:
        """The session below, loaded if it was not yet."""
        self.accessed = True
        if self._inner is None:
            with self._lock:
                self._load()
        assert self._inner is not None  # noqa: S101  # for type checkers: it was loaded
        return self._inner

    def _load(self) -> None:
        if self._inner is not None:
            return
        if self._outage is not None:  # asking once more would cost the same wait again
            raise self._outage.with_traceback(None)
        try:
            with outages_answered():
                self._inner = self._opening().__enter__()
        except SessionUnavailableError as error:
            self._outage = error
            raise

    @property
    def new(self) -> bool:  # type: ignore[override]
        """Whether no session was found for this request."""
        return self.opened.token is None or self.opened.token.handle != (self.presented or "")[:22]

    @property
    def permanent(self) -> bool:
        """Whether the cookie outlives the browser; how long the session itself lives is set in the store.

        What is assigned is kept with the session, and begins none by itself.
        """
        if self._lasts is not None:
            return self._lasts
        return self.opened.get(PERMANENT) is True

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self.accessed, self._lasts = True, bool(value)

    def __getitem__(self, key: str) -> Any:
        value = self.opened[key]
        return unpacked(value) if key == FLASHES else value

    def __setitem__(self, key: str, value: Any) -> None:
        with outages_answered():
            self.opened[key] = packed(value) if key == FLASHES else value

    def __delitem__(self, key: str) -> None:
        del self.opened[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.opened)

    def __len__(self) -> int:
        return len(self.opened)

    def clear(self) -> None:
        """End the session, as ``destroy()`` does: whoever is signed in is not any more."""
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

    def rotate(self, *, grace: Duration | None = None) -> None:
        """Replace the token when the request ends, or with ``save()``."""
        with outages_answered():
            self.opened.rotate(grace=grace)

    def bind(self, user: str, *, address: str | None = None, agent: str | None = None) -> None:
        """Sign *user* in when the request ends, or with ``save()``."""
        with outages_answered():
            self.opened.bind(user, address=address, agent=agent)

    def destroy(self) -> None:
        """End the session when the request ends, or with ``save()``; what is set afterwards begins another."""
        with outages_answered():
            self.opened.destroy()
        self.was_ended, self._lasts = True, None

    def save(self) -> None:
        """Save what was changed now, and not when the request ends."""
        opened = self.opened
        if self._lasts is not None and (opened or opened.token is not None or opened.user is not None):
            if not self._lasts:
                opened.pop(PERMANENT, None)
            elif opened.get(PERMANENT) is not True:
                opened[PERMANENT] = True
        with outages_answered():
            opened.save()

    def take(self, key: str, default: object = None) -> Any:
        """Return a value and remove it, in one step: of all requests that try, one gets it."""
        with outages_answered():
            return self.opened.take(key, default)

    def transact(self, change: Callable[[MutableMapping[str, Any]], T], *, attempts: int = 10) -> T:
        """Load the session, *change* it, and save it if nobody else has written meanwhile, or try again."""
        with outages_answered():
            return self.opened.transact(change, attempts=attempts)
