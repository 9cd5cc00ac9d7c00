"""The one place where the name of a Redis key is built."""

from __future__ import annotations

import re
from typing import Final

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.names import CAPABILITIES

_ESCAPED: Final = re.compile(r"[%:{}\x00-\x1f\x7f-\x9f]")
_RARE: Final = frozenset("%{}")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_REFUSED_IN_PREFIX: Final = frozenset("%{}*?[]^\\\"'")


class KeySpace:
    """Names of keys below one prefix and one section: ``<prefix>:<section>:<part>[:<part>…]``.

    The sections ``cache``, ``session`` and ``ratelimit`` belong to the capabilities; an application
    names its own keys with a section of its own. In a part, ``%``, ``:``, ``{``, ``}`` and control
    characters are percent-escaped as in a URL, so no part can choose a cluster slot. Below one prefix,
    distinct sections and parts never give the same key; in the sections of the capabilities, distinct
    prefixes do not either.
    """

    __slots__ = ("_above",)

    def __init__(self, prefix: str, section: str) -> None:
        """Check and join what all keys begin with.

        Args:
            prefix: The instance's key prefix (``redis.key_prefix``); empty for none.
            section: First part of every key.

        Raises:
            ArgumentError: If *prefix* is not normalised, or *section* cannot be part of a key.
        """
        if normalised_prefix(prefix) != prefix:
            raise ArgumentError("prefix", "must be normalised; take it from redis.key_prefix")
        first = _escaped(section, "section")
        self._above = f"{prefix}:{first}:" if prefix else f"{first}:"

    def key(self, *parts: str) -> str:
        """Return the key named by *parts*.

        Raises:
            ArgumentError: If there is no part, or one is empty, no text, or cannot be encoded.
        """
        if not parts:
            raise ArgumentError("key", "needs at least one part")
        return self._above + ":".join(map(_escaped, parts))

    def tagged(self, *parts: str, tag: tuple[str, ...]) -> str:
        """Return the key named by *parts* and then *tag*, which alone chooses its slot in a cluster.

        Raises:
            ArgumentError: If there is no part or no tag, or one is empty, no text, or cannot be encoded.
        """
        return f"{self.key(*parts)}:{key_tag(tag)}"

    def pattern(self) -> str:
        """Return the glob pattern that matches every key of this space, and no other.

        Nothing in it needs escaping: neither prefix nor section may hold a glob character.
        """
        return f"{self._above}*"

    def __repr__(self) -> str:
        return f"KeySpace({self._above!r})"


def key_tag(parts: tuple[str, ...]) -> str:
    """Return the end of a key that alone chooses its slot in a cluster; see ``KeySpace.tagged``.

    Raises:
        ArgumentError: If there is no part, or one is empty, no text, or cannot be encoded.
    """
    if not parts:
        raise ArgumentError("key", "needs at least one part")
    return f"{{{':'.join(map(_escaped, parts))}}}"


def normalised_prefix(prefix: str) -> str:
    """Return *prefix* with single colons between its parts and none around them.

    Normalising twice changes nothing. The names of the capabilities are refused as parts of a
    prefix: the keys of ``shop:cache`` would lie among the cache entries of ``shop``.

    Raises:
        ArgumentError: If it is no text, or holds braces, white space, quotes, control or glob
            characters, or a part that is the name of a capability.
    """
    if not isinstance(prefix, str):
        raise ArgumentError("prefix", f"must be text, not {type(prefix).__name__}")
    if any(not each.isprintable() or each.isspace() or each in _REFUSED_IN_PREFIX for each in prefix):
        raise ArgumentError(
            "prefix", "must not hold spaces, quotes, control characters or any of % { } * ? [ ] ^ \\"
        )
    parts = [each for each in prefix.split(":") if each]
    for part in parts:
        if part in CAPABILITIES:
            raise ArgumentError("prefix", f"must not hold the part '{part}': it names a section of the keys")
    return ":".join(parts)


def _escaped(part: str, called: str = "key part") -> str:
    if not isinstance(part, str):
        raise ArgumentError(called, f"must be text, not {type(part).__name__}")
    if not part:
        raise ArgumentError(called, "must not be empty")
    if part.isascii() and part.isprintable() and not _RARE.intersection(part):  # nearly every key
        return part.replace(":", "%3A")
    if _SURROGATE.search(part):  # encoding it would fail with an error that holds the part
        raise ArgumentError(called, "must be text that UTF-8 can encode")
    return _ESCAPED.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), part)
