"""What a request asks of a cache, and what its response is kept under."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modkit_redis.web.caching.fields import Directives, Fields, has, line, seconds

_NOT_OURS: Final = (b"range", b"if-match", b"if-unmodified-since", b"transfer-encoding", b"upgrade")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a GET or HEAD asks for.

    Attributes:
        fields: Its header fields.
        owner: Whose the response is; ``None`` for everybody's.
        has_credentials: Whether it says who asks, by ``Authorization`` or by a cookie.
        bypasses: Whether it is none of a cache's business: ``no-store``, a range, a body, a precondition.
        reloads: Whether it wants a response that was made for it.
        only_if_cached: Whether it wants none that is made for it.
        max_age: How old a response may be, in seconds.
        min_fresh: For how much longer it must be fresh, in seconds.
    """

    fields: Fields
    owner: str | None
    has_credentials: bool
    bypasses: bool
    reloads: bool
    only_if_cached: bool
    max_age: int | None
    min_fresh: int

    @classmethod
    def by(cls, fields: Fields, owner: str | None = None) -> Asked:
        """Read it from the header fields of the request."""
        wish = Directives(fields)
        pragma = () if wish else Directives(fields, b"pragma")
        has_body = seconds(line(fields, b"content-length").decode("latin-1")) > 0
        return cls(
            fields=fields,
            owner=owner,
            has_credentials=has(fields, b"authorization") or has(fields, b"cookie"),
            bypasses="no-store" in wish or has_body or any(has(fields, each) for each in _NOT_OURS),
            reloads="no-cache" in wish or "no-cache" in pragma,
            only_if_cached="only-if-cached" in wish,
            max_age=wish.seconds("max-age"),
            min_fresh=wish.seconds("min-fresh") or 0,
        )


def key_of(scope: Mapping[str, Any], asked: Asked, vary: Iterable[str]) -> str:
    """Return what tells this request from those that may get another response: 64 hexadecimal digits.

    That is its scheme, host, path and query as they were sent, whose the response is, whether it has
    credentials, and the values of *vary*.
    """
    return digest(
        (
            _bytes(scope.get("scheme") or "http"),
            line(asked.fields, b"host").lower(),
            _bytes(scope.get("root_path") or ""),
            _bytes(scope["path"]),
            scope.get("raw_path") or b"",
            scope.get("query_string") or b"",
            b"credentials" if asked.has_credentials else b"",
            b"everybody" if asked.owner is None else b"owner " + _bytes(asked.owner),
            bytes.fromhex(selected(asked.fields, vary)),
        )
    )


def selected(fields: Fields, vary: Iterable[str]) -> str:
    """Return a digest of the values that the fields called *vary* have; a missing one has none."""
    parts: list[bytes] = []
    for name in sorted(set(vary)):
        raw = name.encode("latin-1", "replace")
        parts += (raw, b"=" + line(fields, raw) if has(fields, raw) else b"")
    return digest(parts)


def digest(parts: Sequence[bytes]) -> str:
    """Return a digest of *parts*, different where a part is or where one ends."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
