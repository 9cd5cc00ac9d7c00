"""Flashed messages as a session can store them: markup that is safe stays so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from markupsafe import Markup

FLASHES: Final = "_flashes"
"""The key that Flask keeps messages under."""


def packed(flashes: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return messages as they are stored: text, and what has HTML of its own as that."""
    return [(category, _packed(message)) for category, message in flashes]


def unpacked(stored: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return messages as they were flashed."""
    return [(category, _unpacked(message)) for category, message in stored]


def _packed(message: Any) -> Any:
    return {_HTML: str(message.__html__())} if hasattr(message, "__html__") else message


def _unpacked(message: Any) -> Any:
    if isinstance(message, dict) and message.keys() == {_HTML}:
        return Markup(message[_HTML])  # noqa: S704  # it was markup when it was flashed
    return message


_HTML: Final = "html"
