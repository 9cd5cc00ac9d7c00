"""Values to bytes and back."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from modkit_redis.cache.compression import UNCOMPRESSED, packed, unpacked
from modkit_redis.cache.plain import TOO_DEEP, TOO_LONG, check_value
from modkit_redis.cache.typed import comes_back, msgspec, reader, simplified
from modkit_redis.contract.errors import ArgumentError, ModkitRedisError

JSON: Final = 1
MSGPACK: Final = 2
RAW: Final = 3


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value as it is stored behind the header."""

    codec: int  # JSON, MSGPACK or RAW
    compressor: int  # 0 for none, 1 for zlib
    payload: bytes = field(repr=False)  # a user's data


class UndecodableError(ModkitRedisError):
    """Bytes that are no value of ours, or none of the type that was asked for: a miss to the store.

    Attributes:
        reason: A word: ``codec`` (none that is known here), ``packing`` (damaged, too long, or of no known
            compressor), ``malformed``, or ``type``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Codec:
    """Writes values so that they come back equal, or refuses them.

    Without ``type=``, a value is ``None``, a bool, a finite float, an int of up to 4300 digits, text, a list,
    or a dict whose keys are text, at most 200 inside one another; and all comes back with the types it had.
    Bytes by themselves are stored as they are; inside another value only MessagePack has them. What holds an
    integer of more than 64 bits is written as JSON in any case.

    With ``type=``, a value is what msgspec writes and reads as that type, within the same limits. It is read
    back when it is written, which takes about as long again, and must ``==`` what was given. Where two
    readings differ even from each other, as a class has no equality, what msgspec makes of both is compared.
    """

    def __init__(self, written: str, compress_above: int | None, max_bytes: int) -> None:
        self._written = {"json": JSON, "msgpack": MSGPACK}[written]
        self._compress_above = compress_above
        self._max_bytes = max_bytes

    def encode(self, value: object, type: object = None) -> Encoded:
        """Return *value* as bytes; nothing that is done to it afterwards changes them.

        Raises:
            ArgumentError: If the value or the type cannot be used. The text names classes, never content.
        """
        try:
            codec, payload = self._write(value, type)
            if len(payload) <= self._max_bytes:
                return Encoded(codec, *packed(payload, self._compress_above))
            reason = f"is {len(payload)} bytes when encoded, {TOO_LONG} ({self._max_bytes})"
        except ArgumentError:
            raise
        except UnicodeEncodeError:
            reason = "holds text with a lone surrogate, which UTF-8 cannot express"
        except RecursionError:
            reason = TOO_DEEP
        except Exception as error:  # noqa: BLE001  # an __eq__ or a __post_init__ may raise anything
            untyped = (
                _BYTES_INSIDE if isinstance(error, TypeError) else "cannot be encoded; was it being changed?"
            )
            reason = untyped if type is None else _not_of_type(value)
        raise ArgumentError("value", reason)  # out here, what failed and holds the value is not its context

    def check(self, type: object) -> None:
        """Refuse a type that no value can be read as, before anything is sent.

        Raises:
            ArgumentError: If the type cannot be used.
        """
        if type is not None and type is not bytes:
            reader(type, json=self._written == JSON)

    def decode(self, encoded_codec: int, compressor: int, payload: bytes, type: object = None) -> object:
        """Return the value that was encoded.

        Raises:
            UndecodableError: If there is none in these bytes, or none of this type.
            ArgumentError: If the type cannot be used, whatever the bytes.
        """
        try:
            if compressor != UNCOMPRESSED or len(payload) > self._max_bytes:
                payload = self._unpacked(compressor, payload)
            if type is not None or encoded_codec != JSON:
                return _read(encoded_codec, payload, type)
            text = payload.decode()
            value, end = _read_json(text)
            if end == len(text):
                return value
            reason = "malformed"
        except (UndecodableError, ArgumentError):
            raise
        except Exception:  # noqa: BLE001  # any bytes may come, and a __post_init__ may raise anything
            reason = "malformed" if type is None else "type"
        raise UndecodableError(reason)  # out here, what failed and holds the bytes is not its context

    def _write(self, value: object, asked: object) -> tuple[int, bytes]:
        if type(value) is bytes and (asked is None or asked is bytes):
            return RAW, value
        if asked is bytes:
            raise ArgumentError("value", _not_of_type(value))
        if asked is None:
            check_value(value, self._max_bytes, plain=True)
        else:
            reader(asked, json=self._written == JSON)  # a wrong type is refused before the value is looked at
            check_value(simplified(value), self._max_bytes, plain=False)
        codec, payload = JSON, b""
        if self._written == MSGPACK:
            with suppress(OverflowError):  # an integer of more than 64 bits
                codec, payload = MSGPACK, msgspec().msgpack.encode(value)
        if codec == JSON:
            payload = _write_json(value).encode() if asked is None else msgspec().json.encode(value)
        if asked is not None and not comes_back(value, payload, reader(asked, json=codec == JSON)):
            raise ArgumentError("value", _not_of_type(value))
        return codec, payload

    def _unpacked(self, compressor: int, payload: bytes) -> bytes:
        original = unpacked(compressor, payload, self._max_bytes)
        if original is None:
            raise UndecodableError("packing")
        return original


def _read(codec: int, payload: bytes, asked: object) -> object:
    if codec == RAW and (asked is None or asked is bytes):
        return payload
    if codec not in (JSON, MSGPACK, RAW) or (asked is None and msgspec() is None):
        raise UndecodableError("codec")
    if codec == RAW or asked is bytes:  # msgspec would take text for base64, but bytes are written as RAW
        raise UndecodableError("type")
    return reader(Any if asked is None else asked, json=codec == JSON)(payload)


def _refuse(*_: object) -> NoReturn:
    raise UndecodableError("malformed")


# A cycle is found before, as too deep a nesting.
_write_json = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode
_read_json = json.JSONDecoder(parse_constant=_refuse).raw_decode  # `decode` adds two searches for white space


def _not_of_type(value: object) -> str:
    if value is None:
        return "is None, which type= does not allow: name `… | None`, or give get_or_set a negative_ttl="
    return "is not what type= says, or would not come back equal"


_BYTES_INSIDE = (
    "holds bytes, which JSON cannot express inside another value: store them by themselves, or set "
    "REDIS_CACHE_CODEC=msgpack and keep integers to 64 bits"
)
