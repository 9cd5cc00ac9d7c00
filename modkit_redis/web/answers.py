"""What a session adds to the answer, and what is said of changes that are not saved. No I/O."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from modkit_redis.contract.errors import CommandRefusedError, ModkitRedisError, StoreUnavailableError
from modkit_redis.contract.outages import is_outage
from modkit_redis.contract.session import BaseSession
from modkit_redis.web.cookies import SentCookie, SessionCookie
from modkit_redis.web.refusals import Refusal, refused

Header: TypeAlias = tuple[str, str]

REPLACED: Final = ("Vary", "Cache-Control")
"""Headers of which an answer has one: what is added takes their place."""

RETRY_AFTER_S: Final = 5
"""When a client may try again, if Redis is away."""

_FIRST_ERROR: Final = 500
_LOG: Final = logging.getLogger("modkit_redis.web")


def drop_what_must_not_be_saved(session: BaseSession, status: int) -> None:
    """Have *session* forget the changes of an answer that failed, and those of a request that came too late.

    A request with a token that was replaced meanwhile must not begin another session: its cookie would take
    the place of the newer one. Whoever signs in with it begins one all the same.
    """
    if status >= _FIRST_ERROR:
        session.discard()
    elif _came_too_late(session):
        if session.unsaved:
            _LOG.warning("session: %d keys are not saved: the token was replaced", session.unsaved)
        session.discard()


def is_signing_in(session: BaseSession) -> bool:
    """Tell whether the next save signs somebody in.

    If that is refused, as the token was replaced a moment ago, an answer that tells of a sign-in would be
    wrong: the client gets a 503, and what it sends next has the new token.
    """
    if not session.accessed:  # asking for the user would be a look at it
        return False
    info = session.info
    return session.user is not None and (info is None or info.user != session.user)


def cookie_of(
    session: BaseSession, cookie: SessionCookie, sent: SentCookie, *, again: bool = False
) -> str | None:
    """Return the ``Set-Cookie`` for a session that was just saved; ``None`` if there is none to be sent.

    Args:
        session: The session.
        cookie: How its cookie is set.
        sent: The cookie that came.
        again: Whether the token that came is to be sent back, as the cookie is to last longer or shorter.
    """
    token = session.token
    if token is not None and _came_too_late(session):
        _LOG.warning("session %s: its cookie is not set: the token that came was replaced", token.handle)
        token = None
    if token is None:
        return cookie.delete() if session.destroyed and sent.came else None
    if token == sent.token and not again:
        return None
    info = session.info
    return cookie.set(token, info.expires - datetime.now(UTC) if info is not None else None)


def additions(vary: Sequence[str], set_cookie: str | None, *, accessed: bool) -> list[Header]:
    """Return the headers to add to an answer, in the place of those of the same name in ``REPLACED``.

    Args:
        vary: The values of ``Vary`` that it has.
        set_cookie: The ``Set-Cookie`` to send.
        accessed: Whether the answer may depend on the session.
    """
    added: list[Header] = []
    if accessed or set_cookie is not None:
        names = [each.strip() for line in vary for each in line.split(",") if each.strip()]
        if "*" not in names and "cookie" not in map(str.lower, names):
            added.append(("Vary", ", ".join([*names, "Cookie"])))
    if set_cookie is not None:
        added += [("Cache-Control", "no-store"), ("Set-Cookie", set_cookie)]
    return added


def log_lost(error: ModkitRedisError) -> None:
    """Say that changes were not saved, because of *error*."""
    _LOG.warning("%s", error)


def log_unsaved(session: BaseSession) -> None:
    """Say how much was changed after the answer began, and is not saved."""
    unsaved = session.unsaved if session.accessed and not session.degraded else 0
    if unsaved:
        _LOG.warning(
            "session %s: %d keys are not saved: after the answer has begun, call save()",
            session.token.handle if session.token is not None else "(none)",
            unsaved,
        )


def _came_too_late(session: BaseSession) -> bool:
    return session.presented == "retired" and session.user is None


def check_outage(error: StoreUnavailableError | CommandRefusedError) -> None:
    """Say that a request gets a 503, as Redis is away; raise *error* if it is something else."""
    if not is_outage(error):
        raise error
    _LOG.warning("%s: a request was answered by 503, as its session cannot be kept", error)


def is_answered_by_503(error: StoreUnavailableError | CommandRefusedError, status: int) -> bool:
    """Tell whether to answer by 503, as a session was not saved; an answer that failed anyway stays as it is.

    Raises:
        StoreUnavailableError: If it is no outage, but a mistake.
        CommandRefusedError: Likewise.
    """
    if status < _FIRST_ERROR:
        check_outage(error)
        return True
    log_lost(error)
    return False


def unavailable(accept: str) -> Refusal:
    """Return the answer while Redis is away, for a request with this ``Accept``."""
    retry = ("Retry-After", str(RETRY_AFTER_S))
    return refused(503, f"Try again in {RETRY_AFTER_S} seconds.", accept=accept, headers=[retry])
