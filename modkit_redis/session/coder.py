"""From values to what is stored, and back; and how much may be stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.session import SessionPatch
from modkit_redis.session.codec import UndecodableError, decode, encode
from modkit_redis.session.config import SessionSettings
from modkit_redis.session.sealing import Sealer
from modkit_redis.session.telling import Teller

_NO_LENGTHS: Final[Mapping[str, int]] = MappingProxyType({})


class Coder:
    """Turns values into what is stored, and back; knows the limits."""

    def __init__(self, settings: SessionSettings, tell: Teller) -> None:
        """Take limits and keys from *settings*."""
        self._settings, self._tell = settings, tell
        self._sealer = Sealer(settings.encryption_keys)

    def check_key(self, key: object) -> None:
        """Refuse what cannot be a key.

        Raises:
            ArgumentError: If it is no text, empty, or too long.
        """
        longest = self._settings.max_key_bytes
        if not isinstance(key, str):
            raise ArgumentError("key", f"must be text, not {type(key).__name__}")
        try:
            length = len(key.encode())
        except UnicodeEncodeError:
            length = -1
        if length < 0:
            raise ArgumentError("key", "must be text that UTF-8 can encode")
        if not 0 < length <= longest:
            raise ArgumentError("key", f"must have 1 to {longest} bytes (REDIS_SESSION_MAX_KEY_BYTES)")

    def check_size(self, payloads: Mapping[str, int], before: Mapping[str, int] = _NO_LENGTHS) -> None:
        """Refuse a session that would hold too much; if it did before, that it holds more.

        Args:
            payloads: The length of each value by its key.
            before: The same before the change.

        Raises:
            ArgumentError: If there are too many, or they are too long together.
        """
        most, longest = self._settings.max_keys, self._settings.max_bytes
        if len(payloads) > max(most, len(before)):
            raise ArgumentError(
                "session", f"holds more than the {most} values that REDIS_SESSION_MAX_KEYS allows"
            )
        if _size(payloads) > longest and _size(payloads) > _size(before):
            raise ArgumentError(
                "session", f"holds more than the {longest} bytes that REDIS_SESSION_MAX_BYTES allows"
            )

    def surely_fit(self, stored: Mapping[str, bytes], sets: Mapping[str, bytes]) -> bool:
        """Tell whether all of these are surely within the limits: quick, for nearly every session."""
        letters = sum(map(len, stored)) + sum(map(len, sets))
        length = sum(map(len, stored.values())) + sum(map(len, sets.values())) + 4 * letters
        return len(stored) + len(sets) <= self._settings.max_keys and length <= self._settings.max_bytes

    def payload(self, key: str, value: object, *, at_least: int = 0) -> bytes:
        """Return *value* in bytes, not encrypted.

        Args:
            key: Its key.
            value: The value.
            at_least: How many bytes it may be, whatever the settings say.

        Raises:
            ArgumentError: If it cannot be stored.
        """
        return encode(value, key, max(self._settings.max_value_bytes, at_least))

    def payloads(self, patch: SessionPatch) -> dict[str, bytes]:
        """Return the values that *patch* sets, in bytes.

        Raises:
            ArgumentError: If one cannot be stored, or there is too much; its traceback shows no value.
        """
        if not isinstance(patch.sets, Mapping):
            raise ArgumentError(
                "data", f"must be a mapping of keys to values, not {type(patch.sets).__name__}"
            )
        named = [*patch.sets, *self.keys(patch.deletes), *self.keys(patch.takes)]
        for key in patch.sets:
            self.check_key(key)
        if len(set(named)) < len(named):
            raise ArgumentError("patch", "names a key more than once")
        most = self._settings.max_keys
        if len(named) - len(patch.sets) > most:
            raise ArgumentError("patch", f"removes more than the {most} keys of REDIS_SESSION_MAX_KEYS")
        try:
            return self._encoded(patch.sets)
        except ArgumentError as error:
            raise error.with_traceback(None)  # noqa: B904  # it is the same error

    def _encoded(self, sets: Mapping[str, Any]) -> dict[str, bytes]:
        found = {key: self.payload(key, value) for key, value in sets.items()}
        self.check_size({key: len(each) for key, each in found.items()})
        return found

    def keys(self, named: Collection[str]) -> list[str]:
        """Return keys that were named.

        Raises:
            ArgumentError: If one cannot be a key.
        """
        if isinstance(named, str | bytes) or not isinstance(named, Collection):
            raise ArgumentError("patch", "must name keys in a list, a tuple or a set")
        for key in named:
            self.check_key(key)
        return list(named)

    def sealed(self, handle: str, payloads: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Return what is stored in the session *handle* for *payloads*."""
        if self._sealer.writes_plain:
            return payloads
        return {key: self._sealer.seal(payload, handle, key) for key, payload in payloads.items()}

    def read(self, handle: str, key: str, stored: bytes) -> tuple[bytes, Any]:
        """Return the payload, and the value.

        Raises:
            UndecodableError: If it cannot be read; that was told.
        """
        try:
            payload = self._sealer.opened(stored, handle, key)
            return payload, decode(payload)
        except UndecodableError:
            self._tell("undecodable", handle, key)
            raise

    def data(self, handle: str, stored: Mapping[str, bytes]) -> dict[str, Any]:
        """Return all values that can be read."""
        found = {}
        for key, each in stored.items():
            try:
                found[key] = self.read(handle, key, each)[1]
            except UndecodableError:
                continue
        return found


def _size(lengths: Mapping[str, int]) -> int:
    return sum(len(key.encode()) + length for key, length in lengths.items())
