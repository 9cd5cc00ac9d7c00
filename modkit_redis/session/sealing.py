"""Encryption of single values: all that needs the extra ``cryptography``.

A sealed value is ``0x01``, the length of the key's name and the name, a nonce (12) and what AES-256-GCM makes
of the value, bound to its session and its key. JSON never begins with ``0x01``.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from modkit_redis.kernel.parsing import RefusedError, text
from modkit_redis.session.codec import UndecodableError

NEEDS_CRYPTOGRAPHY: Final = "needs the extra cryptography: pip install 'modkit-redis[cryptography]'"
PLAIN: Final = "plain"
"""Stands in the place of a key for no encryption."""

_MARK: Final = b"\x01"
_NONCE: Final = 12
_TAG: Final = 16
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


@cache
def aesgcm() -> Any:
    """Return the class ``AESGCM``, imported when it is first needed; ``None`` if it is not installed."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # an extra
    except ImportError:
        return None
    return AESGCM


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys by their names, in order: the first writes, all read.

    Attributes:
        pairs: Names and keys; the key of ``PLAIN`` is empty.
    """

    pairs: tuple[tuple[str, bytes], ...] = field(repr=False)


def keys(value: object) -> Keys:
    """Return keys written as ``name:key``, separated by commas; ``plain`` stands for no encryption."""
    if isinstance(value, Keys):
        return value
    found: dict[str, bytes] = {}
    for part in text(value).split(","):
        name, colon, written = part.strip().partition(":")
        if not colon and name == PLAIN:
            key = b""
        elif not colon or not _NAME.fullmatch(name) or name == PLAIN:
            raise RefusedError(f"must be names with keys, {_FOR_EXAMPLE}")
        else:
            key = _key(written)
        if name in found:
            raise RefusedError("names a key twice")
        found[name] = key
    if not any(found.values()):
        raise RefusedError(f"holds no key: leave it out, or write one, {_FOR_EXAMPLE}")
    return Keys(tuple(found.items()))


def _key(written: str) -> bytes:
    try:
        key = b64decode(written.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise RefusedError(f"must hold keys of 32 bytes in base64, {_FOR_EXAMPLE}; make one with {_MAKE_ONE}")
    return key


_FOR_EXAMPLE: Final = "for example '2026a:<key>' or '2026b:<key>,2026a:<key>'"
_MAKE_ONE: Final = "`openssl rand -base64 32`"


class Sealer:
    """Encrypts values and decrypts them; without keys, neither."""

    def __init__(self, keys: Keys | None) -> None:
        """Take the keys."""
        by_name = dict(keys.pairs) if keys else {PLAIN: b""}
        self._ciphers = {name.encode(): aesgcm()(key) for name, key in by_name.items() if key}
        self._writes = next(iter(by_name)).encode()
        self._reads_plain = PLAIN in by_name

    @property
    def writes_plain(self) -> bool:
        """Whether what it seals stays as it is."""
        return self._writes not in self._ciphers

    def seal(self, payload: bytes, handle: str, key: str) -> bytes:
        """Return *payload* as it is stored in the session *handle* under *key*."""
        cipher = self._ciphers.get(self._writes)
        if cipher is None:
            return payload
        nonce = secrets.token_bytes(_NONCE)
        sealed: bytes = cipher.encrypt(nonce, payload, _bound_to(handle, key))
        return b"".join((_MARK, bytes([len(self._writes)]), self._writes, nonce, sealed))

    def opened(self, stored: bytes, handle: str, key: str) -> bytes:
        """Return the payload.

        Raises:
            UndecodableError: If it was stored elsewhere, changed, sealed with a key that is not there, or not
                sealed although it should be.
        """
        if not stored.startswith(_MARK):
            if not self._reads_plain:
                raise UndecodableError
            return stored
        start = 2 + (stored[1] if len(stored) > 1 else 0)
        cipher = self._ciphers.get(stored[2:start])
        nonce, sealed = stored[start : start + _NONCE], stored[start + _NONCE :]
        payload: bytes | None = None
        if cipher is not None and len(sealed) >= _TAG:
            try:
                payload = cipher.decrypt(nonce, sealed, _bound_to(handle, key))
            except Exception:  # noqa: BLE001  # InvalidTag; its class belongs to the extra
                payload = None
        if payload is None:
            raise UndecodableError
        return payload


def payload_length(stored: bytes) -> int:
    """Return how many bytes were sealed in *stored*."""
    return len(stored) - (2 + sum(stored[1:2]) + _NONCE + _TAG if stored.startswith(_MARK) else 0)


def _bound_to(handle: str, key: str) -> bytes:
    return f"{handle}\0{key}".encode()  # a handle has a fixed length
