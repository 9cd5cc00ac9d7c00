"""How the tour looks: plain text, with a little colour on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, Self

_WIDEST: Final = 80  # more of a command says nothing to a person
_BOLD: Final = "1"
_GREEN: Final = "32"
_RED: Final = "31"
_CYAN: Final = "36"
_DIM: Final = "2"


class Screen:
    """Writes to standard output, each line at once."""

    def __init__(self, checkpoint: Callable[[], None] = lambda: None, *, colour: bool = False) -> None:
        """Prepare to write.

        Args:
            checkpoint: Called before each line; what it raises ends the tour.
            colour: Whether to use colour.
        """
        self._checkpoint = checkpoint
        self._colour = colour

    @classmethod
    def of_terminal(cls, checkpoint: Callable[[], None] = lambda: None) -> Self:
        """Return a screen that uses colour where a person looks at it who does not object."""
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(checkpoint, colour=wanted and sys.stdout.isatty())

    def say(self, text: str) -> None:
        """Write a line."""
        self._checkpoint()
        print(text, flush=True)

    def heading(self, text: str) -> None:
        """Begin a part of the tour."""
        self.say(f"\n{self._in(_BOLD, text)}")

    def step(self, number: int, title: str, about: str) -> None:
        """Begin a step."""
        self.say(f"\n {number:2}. {self._in(_BOLD, title)}")
        self.say(f"     {self._in(_DIM, about)}")

    def fact(self, text: str, *, good: bool) -> None:
        """Show what was done and what came of it, and whether it should have."""
        mark = self._in(_GREEN, "ok") if good else self._in(_RED, "no")
        first, *more = text.splitlines()
        self.say(f"  {mark} {first}")
        for line in more:
            self.say(f"     {line}")

    def commands(self, lines: Sequence[str]) -> None:
        """Show what reached the server."""
        for line in lines:
            shown = line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"
            self.say(f"       {self._in(_CYAN, f'server < {shown}')}")

    def _in(self, style: str, text: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self._colour else text
