"""When somebody signed in, kept among the values of the session: for what a stolen session must not do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from modkit_redis.contract.session import BaseSession

SIGNED_IN_AT: Final = "signed_in_at"
"""The key of the session's value."""


def sign_in(session: BaseSession, user: str, *, address: str | None = None, agent: str | None = None) -> None:
    """Sign *user* in as ``session.bind`` does, and remember when; takes effect when the session is saved.

    Also for who proves again who they are.
    """
    session.bind(user, address=address, agent=agent)
    session[SIGNED_IN_AT] = datetime.now(UTC)


def mark_signed_in(session: BaseSession) -> None:
    """Remember that who uses *session* has just proved who they are, and replace its token.

    For applications that keep no index of users' sessions, and say themselves who is signed in.
    """
    session.rotate()
    session[SIGNED_IN_AT] = datetime.now(UTC)


def is_recent(session: BaseSession, within: timedelta) -> bool:
    """Tell whether somebody signed in to *session* not longer ago than *within*."""
    at = session.get(SIGNED_IN_AT)
    return isinstance(at, datetime) and at.tzinfo is not None and datetime.now(UTC) - at <= within
