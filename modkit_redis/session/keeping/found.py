"""A session that was found."""

from __future__ import annotations

from typing import NamedTuple

from modkit_redis.session._core import Record, Status


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


class Missing(NamedTuple):
    """No session that the token opens.

    Attributes:
        status: What the server says of the token.
        is_replaced: Whether the session goes on, under another token.
    """

    status: Status
    is_replaced: bool
