"""The answer of a WSGI application, whose session is saved before it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, NamedTuple, TypeAlias
from wsgiref.types import StartResponse, WSGIEnvironment

from modkit_redis.contract.errors import (
    CommandRefusedError,
    ModkitRedisError,
    SessionConflictError,
    SessionLostError,
    StoreUnavailableError,
)
from modkit_redis.contract.session import Session
from modkit_redis.web.answers import (
    REPLACED,
    Header,
    additions,
    cookie_of,
    drop_what_must_not_be_saved,
    is_answered_by_503,
    is_signing_in,
    log_lost,
    log_unsaved,
    unavailable,
)
from modkit_redis.web.cookies import SentCookie, SessionCookie

Problem: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None
Opening: TypeAlias = AbstractContextManager[Session]


class _Start(NamedTuple):
    """What an application has called ``start_response`` with."""

    status: str
    headers: list[Header]
    problem: Problem


class Answer:
    """Passes on what an application answers, with the session saved and its cookie set before.

    Attributes:
        failure: Why the client got a 503 in the place of this answer; ``None`` if it did not.
        has_begun: Whether the answer is on its way.
    """

    def __init__(
        self,
        session: Session,
        cookie: SessionCookie,
        sent: SentCookie,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            session: The session.
            cookie: How its cookie is set.
            sent: The cookie that came.
            environ: What is answered.
            start_response: The server's.
        """
        self.failure: ModkitRedisError | None = None
        self.has_begun = False
        self._session, self._cookie, self._sent = session, cookie, sent
        self._environ, self._start_response = environ, start_response
        self._start: _Start | None = None
        self._added: list[Header] = []
        self._write: Callable[[bytes], object] | None = None

    def start(
        self, status: str, headers: list[Header], problem: Problem = None, /
    ) -> Callable[[bytes], object]:
        """Take what the application begins its answer with, and return what it may write the body with.

        Raises:
            AssertionError: If it has done so already, and there was no exception meanwhile.
        """
        if self.has_begun and self.failure is None:  # the server raises it, if it has sent the headers
            self._write = self._begun_with(_Start(status, headers, problem))
        elif self._start is not None and problem is None:
            raise AssertionError("start_response was called twice")
        else:
            self._start = _Start(status, headers, problem)
        return self.write

    def begin(self) -> None:
        """Save the session and begin the answer, as its first part is there, or its end.

        Raises:
            ArgumentError: If a value of the session cannot be stored; nothing was sent.
            CommandRefusedError: If Redis refuses for good; nothing was sent.
        """
        if self.has_begun or self._start is None:
            return
        start, accessed = self._start, self._session.accessed
        vary = [value for name, value in start.headers if name.lower() == "vary"]
        # What holds the token has no name here: a traceback with local variables would show it.
        self._added = additions(vary, self._save(int(start.status[:3])), accessed=accessed)
        self._session.fix_token()
        self.has_begun, self._start = True, None
        if self.failure is not None:
            refuse(self._environ, self._start_response)
            return
        self._write = self._begun_with(start)

    def write(self, part: bytes) -> None:
        """Send a part of the body."""
        self.begin()
        if self._write is not None:  # else the answer was replaced
            self._write(part)

    def leave(self, opening: Opening, error: BaseException | None) -> None:
        """End the use of the session: what is left is an end of it, or a new token that was asked for."""
        if self.failure is None and (error is None or self.has_begun):
            log_unsaved(self._session)
        self._session.discard()
        error = self.failure or error
        try:
            if error is None:
                opening.__exit__(None, None, None)
            else:
                opening.__exit__(type(error), error, error.__traceback__)
        except ModkitRedisError as failed:
            log_lost(failed)

    def _begun_with(self, start: _Start) -> Callable[[bytes], object]:
        problem = [start.problem] if start.problem else []
        return self._start_response(start.status, with_headers(start.headers, self._added), *problem)

    def _save(self, status: int) -> str | None:
        """Save the session, and return the ``Set-Cookie`` that this asks for."""
        session = self._session
        drop_what_must_not_be_saved(session, status)
        signs_in = is_signing_in(session)
        try:
            if not session.degraded:
                session.save()
            return cookie_of(session, self._cookie, self._sent)
        except (SessionLostError, SessionConflictError) as error:
            log_lost(error)
            self.failure = error if signs_in else None
        except (StoreUnavailableError, CommandRefusedError) as error:
            if is_answered_by_503(error, status):
                self.failure = error
        return None


class Body:
    """The body of an answer, which begins the answer with its first part."""

    def __init__(self, parts: Iterable[bytes], answer: Answer, opening: Opening) -> None:
        """Take the application's body.

        Args:
            parts: The body.
            answer: Begins the answer.
            opening: The session's, to be left in the end.
        """
        self._parts, self._answer, self._opening = parts, answer, opening
        self._iterator = iter(parts)
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            part = next(self._iterator, None) if self._answer.failure is None else None
            self._answer.begin()
        except BaseException as error:
            self._error = error
            raise
        if part is None or self._answer.failure is not None:
            raise StopIteration
        return part

    def close(self) -> None:
        """Close the application's body, and end the use of the session."""
        try:
            close = getattr(self._parts, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            self._error = error
            raise
        finally:
            failure, self._error = self._error, None
            self._answer.leave(self._opening, failure)


def refuse(environ: WSGIEnvironment, start_response: StartResponse) -> None:
    """Answer that Redis is away."""
    refusal = unavailable(environ.get("HTTP_ACCEPT", ""))
    write = start_response(refusal.status_line, list(refusal.headers))
    if environ["REQUEST_METHOD"] != "HEAD":
        write(refusal.body)


def with_headers(standing: Iterable[Header], added: Iterable[Header]) -> list[Header]:
    """Return headers with *added* ones, which take the place of those in ``REPLACED``."""
    new = list(added)
    replaced = {name.lower() for name, _ in new} & _REPLACED
    return [*(each for each in standing if each[0].lower() not in replaced), *new]


_REPLACED: Final = frozenset(map(str.lower, REPLACED))
