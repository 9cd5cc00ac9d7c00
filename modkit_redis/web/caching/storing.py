"""Which responses are stored, for how long, and in which form."""

from __future__ import annotations

import hashlib
import time
from typing import Final

from modkit_redis.web.caching.asked import Asked, selected
from modkit_redis.web.caching.fields import Directives, Fields, has, line, moment, names, seconds
from modkit_redis.web.caching.stored import StoredResponse
from modkit_redis.web.headers import LEGACY_NAMES, LIST_NAMES

_FRESH_IF_IT_SAYS_SO: Final = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414})

_NOT_STORED: Final = frozenset(
    b"age connection date keep-alive proxy-authenticate proxy-authentication-info proxy-connection "
    b"set-cookie te trailer transfer-encoding upgrade".split()
)
_OF_ONE_CLIENT: Final = frozenset(name.lower().encode() for name in (*LIST_NAMES, *LEGACY_NAMES))


def lifetime(status: int, fields: Fields, asked: Asked, vary: tuple[str, ...], ttl: float) -> float | None:
    """Return for how many seconds a response may be stored; ``None`` if it may not.

    Args:
        status: Its status.
        fields: Its header fields.
        asked: What it answers.
        vary: Names of request fields that have entries of their own.
        ttl: How long at most, and how long where the response does not say.
    """
    told = Directives(fields)
    if "no-store" in told or "no-cache" in told or has(fields, b"set-cookie") or _has_no_end(fields):
        return None
    is_shared = asked.owner is None
    if is_shared and "private" in told:
        return None
    if is_shared and asked.has_credentials and not ("public" in told or "s-maxage" in told):
        return None
    selecting = {*names(fields, b"vary"), *vary}
    if "*" in selecting or (_is_encoded(fields) and "accept-encoding" not in selecting):
        return None
    explicit = _explicit(told, fields, is_shared=is_shared)
    if status not in _FRESH_IF_IT_SAYS_SO or (explicit is None and status != 200):
        return None
    span = ttl if explicit is None else min(ttl, explicit - _age(fields))
    return span if span > 0 else None


def made(
    status: int, fields: Fields, body: bytes, asked: Asked, vary: tuple[str, ...], span: float
) -> StoredResponse:
    """Return a response as it is to be stored: with a length and, if it is a 200, with an ``ETag``.

    Args:
        status: Its status.
        fields: Its header fields.
        body: Its content.
        asked: What it answers.
        vary: Names of request fields that select it, besides those that it names.
        span: For how many seconds it is fresh.
    """
    named = names(fields, b"vary")
    kept = [(name, value) for name, value in fields if name.lower() not in _dropped(fields)]
    if also := [name for name in vary if name not in named]:
        kept.append((b"vary", ", ".join(also).encode("latin-1")))
    if asked.owner is not None and not has(kept, b"cache-control"):
        kept.append((b"cache-control", b"private"))
    if status == 200 and not has(kept, b"etag"):
        kept.append((b"etag", _etag(kept, body)))
    if status != 204 and not has(kept, b"content-length"):
        kept.append((b"content-length", str(len(body)).encode()))
    selecting = tuple(sorted({*named, *vary}))
    return StoredResponse(
        status=status,
        fields=kept,
        body=body,
        stored=time.time(),
        age=_age(fields),
        lifetime=span,
        vary=selecting,
        selects=selected(asked.fields, selecting),
    )


def of_one_client(fields: Fields) -> Fields:
    """Return the fields that only the client gets that asked first: what is left of its rate limits."""
    return [each for each in fields if each[0].lower() in _OF_ONE_CLIENT]


def _explicit(told: Directives, fields: Fields, *, is_shared: bool) -> float | None:
    if is_shared and (shared := told.seconds("s-maxage")) is not None:
        return shared
    if (age := told.seconds("max-age")) is not None:
        return age
    if not has(fields, b"expires"):
        return None
    end, begin = moment(line(fields, b"expires")), moment(line(fields, b"date"))
    return 0 if end is None else end - (time.time() if begin is None else begin)


def _age(fields: Fields) -> int:
    return seconds(line(fields, b"age").decode("latin-1"))


def _is_encoded(fields: Fields) -> bool:
    return any(each != "identity" for each in names(fields, b"content-encoding"))


def _has_no_end(fields: Fields) -> bool:
    return line(fields, b"content-type").lower().startswith(b"text/event-stream")


def _dropped(fields: Fields) -> frozenset[bytes]:
    return (_NOT_STORED | _OF_ONE_CLIENT).union(
        name.encode("latin-1") for name in names(fields, b"connection")
    )


def _etag(fields: Fields, body: bytes) -> bytes:
    """Return a strong ``ETag``: another body, type, encoding or language has another one."""
    whole = hashlib.sha256()
    for name in (b"content-type", b"content-encoding", b"content-language"):
        whole.update(line(fields, name) + b"\n")
    whole.update(body)
    return b'"' + whole.hexdigest()[:32].encode() + b'"'
