"""The one place where the name of a Redis key is built."""

from __future__ import annotations

import re
from typing import Final

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.names import CAPABILITIES

_ESCAPED: Final = re.compile(r"[%:{}\x00-\x1f\x7f-\x9f]")
_REFUSED_IN_PREFIX: Final = frozenset("%{}*?[]^\\\"'")


class KeySpace:
    """Names of keys below one prefix and one section: ``<prefix>:<section>:<part>[:<part>…]``.

    The sections ``cache``, ``session`` and ``ratelimit`` belong to the capabilities; an application
    names its own keys with a section of its own. In a part, ``%``, ``:``, ``{``, ``}`` and control
    characters are percent-escaped as in a URL, so distinct parts never give the same key, and no
    part can choose a cluster slot.
    """

    __slots__ = ("_above",)

    def __init__(self, prefix: str, section: str) -> None:
        """Check and join what all keys begin with.

        Args:
            prefix: The instance's key prefix (``redis.key_prefix``); empty for none.
            section: First part of every key.

        Raises:
            ArgumentError: If *prefix* is not normalised, or *section* is empty.
        """
        if normalised_prefix(prefix) != prefix:
            raise ArgumentError("prefix", "must be normalised; take it from redis.key_prefix")
        self._above = f"{prefix}:{_escaped(section)}:" if prefix else f"{_escaped(section)}:"

    def key(self, *parts: str) -> str:
        """Return the key named by *parts*.

        Raises:
            ArgumentError: If there is no part, or one is empty, no text, or cannot be encoded.
        """
        if not parts:
            raise ArgumentError("key", "needs at least one part")
        return self._above + ":".join(map(_escaped, parts))

    def __repr__(self) -> str:
        return f"KeySpace({self._above!r})"


def normalised_prefix(prefix: str) -> str:
    """Return *prefix* with single colons between its parts and none around them.

    Normalising twice changes nothing. The names of the capabilities are refused as parts of a
    prefix: the keys of ``shop:cache`` would lie among the cache entries of ``shop``.

    Raises:
        ArgumentError: If it holds braces, white space, control or glob characters, or a part that
            is the name of a capability.
    """
    if any(not each.isprintable() or each.isspace() or each in _REFUSED_IN_PREFIX for each in prefix):
        raise ArgumentError(
            "prefix", "must not hold spaces, quotes, control characters or any of % { } * ? [ ] ^ \\"
        )
    parts = [each for each in prefix.split(":") if each]
    for part in parts:
        if part in CAPABILITIES:
            raise ArgumentError("prefix", f"must not hold the part '{part}': it names a section of the keys")
    return ":".join(parts)


def _escaped(part: str) -> str:
    if not isinstance(part, str):
        raise ArgumentError("key part", f"must be text, not {type(part).__name__}")
    if not part:
        raise ArgumentError("key part", "must not be empty")
    try:
        part.encode()
    except UnicodeEncodeError:
        raise ArgumentError("key part", "must be text that UTF-8 can encode") from None
    return _ESCAPED.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), part)
