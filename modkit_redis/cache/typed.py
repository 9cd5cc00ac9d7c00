"""Values of declared types, and MessagePack: all that needs the extra ``msgspec``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, Final, NoReturn
from uuid import UUID

from modkit_redis.contract.errors import ArgumentError

NEEDS_MSGSPEC: Final = "needs the extra msgspec: pip install 'modkit-redis[msgspec]'"


@cache
def msgspec() -> Any:
    """Return the module msgspec, imported when it is first needed; ``None`` if it is not installed."""
    try:
        import msgspec  # noqa: PLC0415  # an extra
    except ImportError:
        return None
    return msgspec


def reader(asked: object, *, json: bool) -> Callable[[bytes], object]:
    """Return what reads a payload as the type *asked*, which may be ``Any``.

    Raises:
        ArgumentError: If msgspec cannot read such a type, or is not installed.
    """
    if msgspec() is None:
        raise ArgumentError("type", NEEDS_MSGSPEC)
    try:
        return _built(asked, json)
    except Exception as error:  # what a type is made of may raise anything
        raise ArgumentError(
            "type",
            "must be one that msgspec can read: a class such as a dataclass or a Struct, or `list[User]`",
        ) from error


def simplified(value: object, *, ordered: bool = False) -> object:
    """Return what msgspec makes of *value* before it writes it."""
    order = "deterministic" if ordered else None
    return msgspec().to_builtins(value, builtin_types=_KEPT, order=order)


def comes_back(value: object, payload: bytes, read: Callable[[bytes], object]) -> bool:
    """Tell whether *read* makes of *payload* what *value* is."""
    copy = read(payload)
    if copy == value:
        return True
    if copy == read(payload) or type(copy) is not type(value):
        return False
    # Not even two readings are equal: equality means nothing here.
    return simplified(copy, ordered=True) == simplified(value, ordered=True)


@lru_cache(maxsize=256)
def _built(asked: object, json: bool) -> Callable[[bytes], object]:
    decode: Callable[[bytes], object]
    if json:
        decode = msgspec().json.Decoder(asked).decode
    else:
        decode = msgspec().msgpack.Decoder(asked, ext_hook=_refuse).decode
    return decode


def _refuse(*_: object) -> NoReturn:
    raise ValueError("an extension type, and we write none")


_KEPT: Final = (bytes, bytearray, memoryview, datetime, date, time, timedelta, Decimal, UUID)  # not made text
