"""Every secret of a session token that a test run makes, and where none of them may be."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import redis

from modkit_redis.contract import SessionToken
from modkit_redis.session import tokens

_LONG: Final = re.compile(rb"[A-Za-z0-9_-]{43,}")
_SECRETS: Final[set[bytes]] = set()


def remember_tokens() -> None:
    """Remember the secret of each token that is made from now on."""
    make = tokens._token

    def remembered(handle: str) -> SessionToken:
        token = make(handle)
        _SECRETS.add(token.partition(".")[2].encode())
        return token

    tokens._token = remembered


def secrets_in(*texts: bytes | str) -> list[str]:
    """Return the secrets that show in *texts*."""
    found = []
    for text in texts:
        raw = text if isinstance(text, bytes) else text.encode(errors="replace")
        words = {raw[at : at + 43] for word in _long_words(raw) for at in range(*word)}
        found += [each.decode() for each in words & _SECRETS]
    return found


def secrets_below(admin: redis.Redis, prefix: str) -> list[str]:
    """Return the secrets that stand in any key, field or value below *prefix*."""
    found = []
    for key in admin.scan_iter(match=f"{prefix}*", count=1000):
        found += secrets_in(key, *_contents(admin, key))
    return found


class Listener(logging.Handler):
    """Hears what is logged in a run, and keeps what must not have been.

    Attributes:
        heard: The messages with a secret in them.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if secrets_in(record.getMessage(), repr(record.args), record.exc_text or ""):
            self.heard.append(f"{record.name}: {record.msg}")


def _long_words(raw: bytes) -> Iterator[tuple[int, int]]:
    """Give the places at which a secret may begin: each word of 43 characters or more."""
    for found in _LONG.finditer(raw):
        yield found.start(), found.end() - 42


def _contents(admin: Any, key: bytes) -> Iterable[bytes]:
    match admin.type(key):
        case b"hash":
            return [part for item in admin.hgetall(key).items() for part in item]
        case b"zset":
            return list(admin.zrange(key, 0, -1))
        case b"string":
            return [admin.get(key) or b""]  # it may have expired meanwhile
        case _:
            return []
