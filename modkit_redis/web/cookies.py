"""The cookie that carries a session's token: how it is set, found and deleted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias, cast

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.session import SessionToken

SameSite: TypeAlias = Literal["strict", "lax", "none"]

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PATH: Final = re.compile(r"/[\x20-\x3a\x3c-\x7e]{0,1023}")
_LONGEST_DOMAIN: Final = 253
_EPOCH: Final = "Thu, 01 Jan 1970 00:00:00 GMT"


@dataclass(frozen=True, slots=True)
class SentCookie:
    """What a client sent under the cookie's name.

    Attributes:
        came: Whether there was any such cookie.
        token: Its value, whatever that is; ``None`` if there was none, or more than one: they may be somebody
            else's.
    """

    came: bool
    token: SessionToken | None = field(repr=False)


NOTHING_SENT: Final = SentCookie(came=False, token=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookie:
    """The cookie that carries a session's token, and nothing else.

    It is always ``HttpOnly``. By default it is for HTTPS, for this host alone and for all its paths, and ends
    with the browser's session; the server's lifetimes decide in any case.

    Attributes:
        name: Its name. With the prefix ``__Host-``, browsers take it only from this host, and over HTTPS.
        secure: Whether it is sent over HTTPS alone.
        same_site: Which requests from other sites bring it: with ``strict`` none, with ``lax`` those of links
            that are followed, with ``none`` all.
        domain: Whose subdomains get it as well; this host alone when omitted.
        path: Below which path it is sent.
        partitioned: Whether it is kept apart for each site that embeds this one.
        max_age: Whether it stays when the browser is closed, until the session ends at the latest.
    """

    name: str = "__Host-session"
    secure: bool = True
    same_site: SameSite = "lax"
    domain: str | None = None
    path: str = "/"
    partitioned: bool = False
    max_age: bool = False

    def __post_init__(self) -> None:
        """Refuse what browsers would refuse, or take for something else.

        Raises:
            ArgumentError: If a value cannot be used, or two contradict each other.
        """
        for name, reason in self._problems():
            raise ArgumentError(name, reason)

    @classmethod
    def for_development(cls, name: str = "session") -> SessionCookie:
        """Return a cookie for plain HTTP on one's own machine: whoever listens on the way can steal it."""
        return cls(name=name, secure=False)

    def set(self, token: SessionToken, left: timedelta | None = None) -> str:
        """Return the value of the ``Set-Cookie`` that gives *token* to the client.

        Args:
            token: The token.
            left: How long the session lives at most; for a cookie with ``max_age``.
        """
        lasts = self.max_age and left is not None
        age = [f"Max-Age={max(1, int(left.total_seconds()))}"] if lasts and left is not None else []
        return "; ".join([f"{self.name}={token}", *age, *self._attributes()])

    def delete(self) -> str:
        """Return the value of the ``Set-Cookie`` that has the client forget it."""
        return "; ".join([f"{self.name}=", "Max-Age=0", f"Expires={_EPOCH}", *self._attributes()])

    def sent_in(self, lines: Iterable[str]) -> SentCookie:
        """Return what a client sent, by its ``Cookie`` headers; this never raises."""
        found = [
            value
            for line in lines
            for name, _, value in (pair.strip(" \t").partition("=") for pair in line.split(";"))
            if name == self.name
        ]
        if not found:
            return NOTHING_SENT
        return SentCookie(came=True, token=SessionToken(found[0]) if len(found) == 1 else None)

    def _attributes(self) -> Iterator[str]:
        yield f"Path={self.path}"
        if self.domain is not None:
            yield f"Domain={self.domain}"
        if self.secure:
            yield "Secure"
        yield "HttpOnly"
        yield f"SameSite={self.same_site.capitalize()}"
        if self.partitioned:
            yield "Partitioned"

    def _problems(self) -> Iterator[tuple[str, str]]:
        given = cast(Any, self)
        for name in ("secure", "partitioned", "max_age"):
            if not isinstance(getattr(given, name), bool):
                yield name, "must be True or False"
        if not isinstance(given.name, str) or not _TOKEN.fullmatch(given.name):
            yield "name", "must be 1 to 256 letters, digits, or !#$%&'*+-.^_`|~"
        if given.same_site not in ("strict", "lax", "none"):
            yield "same_site", "must be 'strict', 'lax' or 'none'"
        if given.domain is not None and not _is_domain(given.domain):
            yield "domain", "must be the name of a host, such as 'shop.example', without a dot before it"
        if not isinstance(given.path, str) or not _PATH.fullmatch(given.path):
            yield "path", "must begin with a slash, and hold printable ASCII without a semicolon"
        yield from self._contradictions()

    def _contradictions(self) -> Iterator[tuple[str, str]]:
        prefix = self.name.lower()
        if prefix.startswith(("__host-", "__secure-", "__http-")) and not self.secure:
            yield "secure", f"must be True for the name {self.name}: browsers refuse the cookie otherwise"
        if prefix.startswith("__host-") and self.domain is not None:
            yield "domain", f"must be left out for the name {self.name}: browsers refuse the cookie otherwise"
        if prefix.startswith("__host-") and self.path != "/":
            yield "path", f"must be '/' for the name {self.name}: browsers refuse the cookie otherwise"
        if self.same_site == "none" and not self.secure:
            yield "same_site", "must not be 'none' without secure=True: browsers refuse the cookie otherwise"
        if self.partitioned and not self.secure:
            yield "partitioned", "needs secure=True: browsers refuse the cookie otherwise"


def _is_domain(given: object) -> bool:
    return isinstance(given, str) and len(given) <= _LONGEST_DOMAIN and _DOMAIN.fullmatch(given) is not None
