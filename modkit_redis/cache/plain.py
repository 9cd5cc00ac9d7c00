"""What is a plain value, and comes back as it was without anybody knowing its type."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import isfinite
from typing import Final

from modkit_redis.contract.errors import ArgumentError


def check_value(value: object, max_bytes: int, *, plain: bool) -> None:
    """Refuse what would not come back.

    Args:
        value: Any value, or if not *plain* one that msgspec made, of which only the limits matter.
        max_bytes: The most bytes that it may be when encoded.
        plain: Whether only what JSON and MessagePack can tell apart may be inside.

    Raises:
        ArgumentError: The text names classes, never content.
    """
    size = 0  # at most the encoded length; ends the walk over one part that is inside another countless times
    above: list[Iterator[object]] = [iter((value,))]
    while above:
        if size > max_bytes:
            raise ArgumentError("value", f"is {TOO_LONG} ({max_bytes}) when encoded")
        for item in above[-1]:
            size += 1
            if type(item) is str or type(item) is bytes:
                size += len(item)
            elif type(item) is int:
                if item.bit_length() > _MOST_BITS:
                    raise ArgumentError("value", "holds an integer of more than 4300 digits")
            elif type(item) is float:
                if not isfinite(item):
                    raise ArgumentError("value", "holds a float that is not finite")
            elif type(item) is dict or type(item) is list or (type(item) is tuple and not plain):
                if len(above) > _DEEPEST:
                    raise ArgumentError("value", TOO_DEEP)
                if type(item) is not dict:
                    above.append(iter(item))
                elif plain and any(type(key) is not str for key in item):
                    raise ArgumentError("value", f"holds a dict with keys that are no text: {_NAME_THE_TYPE}")
                else:
                    above.append(chain(item, item.values()))
                break
            elif plain and item is not None and type(item) is not bool:
                raise ArgumentError("value", _no_plain_value(type(item)))
        else:
            above.pop()


def _no_plain_value(kind: type) -> str:
    if kind is tuple:
        return f"holds a tuple, which comes back as a list: store a list, or {_NAME_THE_TYPE}"
    article = "an" if kind.__name__[:1] in "AEIOaeio" else "a"
    return f"holds {article} {kind.__name__}, which JSON alone cannot express: {_NAME_THE_TYPE}"


_DEEPEST: Final = 200  # the parsers recurse, and share Python's limit of 1000 with the caller
_MOST_BITS: Final = 14284  # what fits in 4300 digits: more than those, Python does not read
_NAME_THE_TYPE: Final = "name its type with type= (needs the extra msgspec)"

TOO_DEEP: Final = f"is nested too deeply: more than {_DEEPEST} values inside one another, or inside itself"
TOO_LONG: Final = "more than REDIS_CACHE_MAX_BYTES allows"
