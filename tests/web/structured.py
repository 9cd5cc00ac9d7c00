"""A strict reader of Structured Field lists (RFC 9651) whose items are strings with integer parameters."""

from __future__ import annotations

import re
from typing import Final

_STRING: Final = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
_PARAMETER: Final = r";[a-z*][a-z0-9_.*-]*=-?[0-9]{1,15}"
_ITEM: Final = re.compile(rf"(?P<name>{_STRING})(?P<parameters>(?:{_PARAMETER})*)")
_COMMA: Final = re.compile(r"[ \t]*,[ \t]*")


def read_list(text: str) -> dict[str, dict[str, int]]:
    """Return the parameters of each item by its string; items in their order.

    Raises:
        AssertionError: If it is no such list, or a name comes twice.
    """
    found: dict[str, dict[str, int]] = {}
    at = 0
    while True:
        item = _ITEM.match(text, at)
        assert item, f"no item at {at}: {text!r}"
        name = re.sub(r"\\(.)", r"\1", item["name"][1:-1])
        assert name not in found, f"twice: {text!r}"
        pairs = [each.split("=") for each in item["parameters"].split(";")[1:]]
        assert len({key for key, _ in pairs}) == len(pairs), f"a parameter comes twice: {text!r}"
        found[name] = {key: int(value) for key, value in pairs}
        at = item.end()
        if at == len(text):
            return found
        comma = _COMMA.match(text, at)
        assert comma, f"no comma at {at}: {text!r}"
        at = comma.end()
