"""What a client gets of a stored response: all of it, its header alone, or 304."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from modkit_redis.web.caching.asked import Asked
from modkit_redis.web.caching.fields import Fields, has, line, moment
from modkit_redis.web.caching.stored import StoredResponse

NAME: Final = "modkit-redis"
"""What the cache calls itself in ``Cache-Status``."""

CONDITIONS: Final = (b"if-none-match", b"if-modified-since")

_OF_CONTENT: Final = frozenset({b"content-type", b"content-length", b"content-encoding", b"content-language"})
_TAG: Final = re.compile(rb'(?:W/)?("[^"]*")')


class Answer(NamedTuple):
    """A response."""

    status: int
    fields: Fields
    body: bytes


def answer(stored: StoredResponse, asked: Fields, status: str, now: float, *, with_body: bool) -> Answer:
    """Return what to send.

    Args:
        stored: The response.
        asked: The header fields of the request.
        status: What ``Cache-Status`` says of it.
        now: Seconds since 1970.
        with_body: Whether it was asked for by GET, not HEAD.
    """
    fields = with_status(stored.fields, status)
    if stored.age or "stored" not in status:
        fields.append((b"age", str(stored.age_at(now)).encode()))
    if stored.status == 200 and is_unmodified(stored.fields, asked):
        return Answer(304, [each for each in fields if each[0].lower() not in _OF_CONTENT], b"")
    return Answer(stored.status, fields, stored.body if with_body else b"")


def reason_not_to_use(stored: StoredResponse | None, asked: Asked, now: float) -> str:
    """Return why *stored* is no answer to a request, in the words of ``Cache-Status``; empty if it is."""
    if stored is None:
        return "fwd=uri-miss"
    if asked.reloads:
        return "fwd=request"
    if not stored.is_for(asked):
        return "fwd=vary-miss"
    if not stored.is_fresh(now):
        return "fwd=stale"
    return "" if stored.suits(asked, now) else "fwd=request"


def with_status(fields: Fields, status: str) -> list[tuple[bytes, bytes]]:
    """Return *fields* with what the cache did, behind what other caches said."""
    return [*fields, (b"cache-status", f"{NAME}; {status}".encode("latin-1"))]


def is_unmodified(stored: Fields, asked: Fields) -> bool:
    """Tell whether the client has it already; ``If-None-Match`` goes before ``If-Modified-Since``."""
    if has(asked, b"if-none-match"):
        wanted, present = line(asked, b"if-none-match"), _TAG.findall(line(stored, b"etag"))
        return wanted.strip() == b"*" or any(each in _TAG.findall(wanted) for each in present)
    since, last = moment(line(asked, b"if-modified-since")), moment(line(stored, b"last-modified"))
    return since is not None and last is not None and last <= since
