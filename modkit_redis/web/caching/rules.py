"""What an application says of its cache, checked when it says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.values import Duration, milliseconds

_METHODS: Final = ("GET", "HEAD")
_FIELD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LARGEST: Final = 2**29


class Rules:
    """The arguments of ``ResponseCacheMiddleware``.

    Attributes:
        ttl: Seconds for which a response is stored at most.
        vary: Names of request fields, in lower case, each of whose values has an entry of its own.
        max_bytes: The longest content.
    """

    def __init__(
        self, ttl: Duration, applies: Callable[[str, str], bool] | None, vary: Iterable[str], max_bytes: int
    ) -> None:
        """Check them.

        Raises:
            ArgumentError: If one cannot be used.
        """
        self.ttl = milliseconds(ttl, "ttl") / 1000
        self.vary = _checked_names(vary)
        if type(max_bytes) is not int or not 0 < max_bytes <= _LARGEST:
            raise ArgumentError("max_bytes", f"must be a whole number, from 1 to {_LARGEST}")
        self.max_bytes = max_bytes
        self._applies = checked_function(applies, "applies", "of method and path")

    def apply_to(self, method: str, path: str) -> bool:
        """Tell whether the cache has to do with a request."""
        return method in _METHODS and (self._applies is None or self._applies(method, path))


def checked_function(given: Any, argument: str, parameters: str) -> Any:
    """Return *given*, which is a function or ``None``.

    Raises:
        ArgumentError: If it is not.
    """
    if given is not None and not callable(given):
        raise ArgumentError(argument, f"must be a function {parameters}, or None")
    return given


def _checked_names(vary: Iterable[str]) -> tuple[str, ...]:
    if isinstance(vary, str) or not isinstance(vary, Iterable):
        raise ArgumentError("vary", "must be several names of request fields: write ('accept-language',)")
    given = list(vary)
    if not all(isinstance(each, str) and each != "*" and _FIELD.fullmatch(each) for each in given):
        raise ArgumentError("vary", "must hold names of request fields, and `*` is none")
    return tuple(dict.fromkeys(each.lower() for each in given))
