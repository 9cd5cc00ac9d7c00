"""How values are written: as JSON, in which an object with one key says what JSON has no word for.

``{"$t": [1, 2]}`` is a tuple. A dictionary whose only key begins with ``$`` becomes ``{"$": [key, value]}``.
"""

from __future__ import annotations

import json
import marshal
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from math import isfinite
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from modkit_redis.contract.errors import ArgumentError


class UndecodableError(ValueError):
    """Bytes that are no value."""


def encode(value: object, key: str, longest: int) -> bytes:
    """Return *value* in bytes.

    Args:
        value: Any value.
        key: What it is stored under, for errors.
        longest: The most bytes it may become.

    Raises:
        ArgumentError: If it would not come back equal, or is too long. The text names classes, never content.
    """
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        simple = value
    else:
        simple = _Simplifier(key, longest).simple(value, 0)
    if kind is int and _is_huge(value):
        raise _refused(key, "holds an integer of more than 4300 digits")
    try:
        written = (str(simple) if kind is int else _ENCODER.encode(simple)).encode()  # that is quicker
    except UnicodeEncodeError:
        written = None
    if written is None:
        raise _refused(key, "holds text that UTF-8 cannot encode")
    if len(written) > longest:
        raise _too_long(key, longest)
    return written


def decode(written: bytes) -> Any:
    """Return the value that *written* stands for.

    Raises:
        UndecodableError: If it stands for none.
    """
    try:
        text = written.decode()
        value, end = _DECODER.raw_decode(text)  # decode() looks for spaces around: none are written
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        text, value, end = "", None, -1
    if end != len(text):
        raise UndecodableError
    return value


def is_mutable(value: object) -> bool:
    """Tell whether *value* can be changed without anybody assigning it."""
    return type(value) in _CONTAINERS


def mark(value: Any) -> bytes | None:
    """Return bytes that are others once *value* was changed in any way that ``encode`` would show.

    Much quicker than that. ``None`` for values of which there are none: those that only our tags can say.
    """
    try:
        return marshal.dumps(value, 2)  # later versions depend on who else refers to a part
    except ValueError:
        return None


class _Simplifier:
    """Turns a value into what JSON has words for."""

    def __init__(self, key: str, longest: int) -> None:
        self._key = key
        self._left = self._longest = longest  # one part may be inside another countless times

    def simple(self, value: object, depth: int) -> object:
        kind = type(value)
        self._left -= 1
        if self._left < 0:
            raise _too_long(self._key, self._longest)
        if kind is str or kind is bool or value is None:
            return value
        if depth > _DEEPEST:
            reason = f"is nested too deeply: more than {_DEEPEST} values inside one another, or inside itself"
            raise _refused(self._key, reason)
        write = self._WRITERS.get(kind)
        if write is None:
            article = "an" if kind.__name__[:1] in "AEIOaeio" else "a"
            raise _refused(self._key, f"holds {article} {kind.__name__}: {_STORABLE}")
        return write(self, value, depth + 1)

    def _int(self, value: int, _: int) -> object:
        if _is_huge(value):
            raise _refused(self._key, "holds an integer of more than 4300 digits")
        return value

    def _float(self, value: float, _: int) -> object:
        if not isfinite(value):
            raise _refused(self._key, "holds a float that is not finite")
        return value

    def _list(self, value: list[object], depth: int) -> object:
        return [self.simple(each, depth) for each in value]

    def _tuple(self, value: tuple[object, ...], depth: int) -> object:
        return {"$t": [self.simple(each, depth) for each in value]}

    def _dict(self, value: dict[object, object], depth: int) -> object:
        if any(type(each) is not str for each in value):
            raise _refused(self._key, "holds a dict with keys that are no text: write str(key)")
        written = {each: self.simple(inside, depth) for each, inside in value.items()}
        return {"$": [part for item in written.items() for part in item]} if _is_tagged(written) else written

    def _bytes(self, value: bytes, _: int) -> object:
        return {"$b": b64encode(value).decode()}

    def _datetime(self, value: datetime, _: int) -> object:
        written = value.isoformat()
        if datetime.fromisoformat(written) != value:
            raise _refused(
                self._key, "holds a datetime in an hour at which the clock is changed: convert it to UTC"
            )
        return {"$d": written}

    def _uuid(self, value: UUID, _: int) -> object:
        return {"$u": value.hex}

    def _decimal(self, value: Decimal, _: int) -> object:
        if not value.is_finite():
            raise _refused(self._key, "holds a Decimal that is not finite")
        return {"$n": str(value)}

    _WRITERS: Final[Mapping[type, Callable[[_Simplifier, Any, int], object]]] = MappingProxyType(
        {
            int: _int,
            float: _float,
            list: _list,
            tuple: _tuple,
            dict: _dict,
            bytes: _bytes,
            datetime: _datetime,
            UUID: _uuid,
            Decimal: _decimal,
        }
    )


def _untagged(found: dict[str, Any]) -> Any:
    if len(found) != 1 or not _is_tagged(found):
        return found
    [(tag, inside)] = found.items()
    return _READERS[tag](inside) if tag in _READERS else _refuse(tag)


def _is_tagged(found: Mapping[Any, object]) -> bool:
    return len(found) == 1 and next(iter(found)).startswith("$")


def _item(key: str, value: object) -> dict[str, object]:
    if type(key) is not str:
        raise UndecodableError
    return {key: value}


def _refuse(_: str) -> Any:
    raise UndecodableError


def _finite(written: str) -> float:
    value = float(written)
    return value if isfinite(value) else _refuse(written)


def _finite_decimal(written: str) -> Decimal:
    value = Decimal(written)
    return value if value.is_finite() else _refuse(written)


def _refused(key: str, reason: str) -> ArgumentError:
    return ArgumentError(f"session[{key!r}]", reason)


def _too_long(key: str, longest: int) -> ArgumentError:
    return _refused(key, f"is more than the {longest} bytes that REDIS_SESSION_MAX_VALUE_BYTES allows")


def _is_huge(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > _MOST_BITS


_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False
)
_DECODER: Final = json.JSONDecoder(object_hook=_untagged, parse_float=_finite, parse_constant=_refuse)
_READERS: Final[Mapping[str, Callable[[Any], object]]] = MappingProxyType(
    {
        "$": lambda item: _item(*item),
        "$t": lambda parts: tuple(parts) if type(parts) is list else _refuse("$t"),
        "$b": lambda text: b64decode(text, validate=True),
        "$d": datetime.fromisoformat,
        "$u": UUID,
        "$n": _finite_decimal,
    }
)
_CONTAINERS: Final = frozenset({dict, list, tuple})
_DEEPEST: Final = 100
_MOST_BITS: Final = 14284  # what fits in 4300 digits: more than those, Python does not read
_STORABLE: Final = "store what JSON can hold, bytes, tuple, datetime, UUID or Decimal, or an id"
