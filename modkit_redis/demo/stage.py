"""What a step of the tour is, and how it shows and checks its results."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from modkit_redis.contract import ModkitRedisError
from modkit_redis.demo.screen import Screen
from modkit_redis.testing import ServerWatch

Run = TypeVar("Run", bound=Callable[..., object])

_PATIENCE: Final = 2.0  # seconds until a server, however far, has seen a connection end


class UnexpectedResultError(ModkitRedisError):
    """Something in the tour gave another result than it must.

    Attributes:
        what: What was done.
        result: What came of it.
        expected: What should have.
    """

    def __init__(self, what: str, result: str, expected: str) -> None:
        super().__init__(what, result, expected)
        self.what = what
        self.result = result
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.what} gave {self.result}, and should have given {self.expected}"


@dataclass(frozen=True, slots=True)
class Step(Generic[Run]):
    """One step of the tour.

    Attributes:
        title: What it shows.
        run: Shows it; its docstring says why one would want it.
        sends: How the commands begin that must reach the server meanwhile, in order.
    """

    title: str
    run: Run
    sends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """Where steps show what they do; whatever is not as expected ends the tour.

    Attributes:
        screen: Where it is shown.
        watch: Sees what reaches the server from the tour.
    """

    screen: Screen
    watch: ServerWatch
    _seen: list[str] = field(default_factory=list)

    def begin(self, number: int, step: Step[Run]) -> None:
        """Begin *step*."""
        self.screen.step(number, step.title, step.run.__doc__ or "")
        self._seen.clear()

    def end(self, step: Step[Run]) -> None:
        """Check that *step* sent what it should have."""
        self._show_commands()
        if len(self._seen) != len(step.sends) or not all(map(str.startswith, self._seen, step.sends)):
            sent, wanted = ("; ".join(each) or "no command" for each in (self._seen, step.sends))
            raise UnexpectedResultError(f"step {step.title!r}", sent, wanted)

    def done(self, what: str) -> None:
        """Show that something was done."""
        self._show(what, good=True)

    def check(self, what: str, result: object, expected: object) -> None:
        """Show *result* of what was done, which must equal *expected*."""
        self._show(f"{what} -> {result!r}", good=result == expected)
        if result != expected:
            raise UnexpectedResultError(what, repr(result), repr(expected))

    @contextmanager
    def raises(self, what: str, kind: type[ModkitRedisError], text: str) -> Generator[None]:
        """Show the error of *kind* that the context must end with, and that *text* is in it."""
        said = "no error"
        try:
            yield
        except kind as error:
            said = f"{kind.__name__}: {error}"
        self._show(f"{what} raises {said}", good=text in said)
        if text not in said:
            raise UnexpectedResultError(what, said, f"{kind.__name__} with {text}")

    def check_connections(self, expected: int) -> None:
        """Show how many connections of the tour the server has."""
        deadline = time.monotonic() + _PATIENCE
        while (number := self.watch.connections()) != expected and time.monotonic() < deadline:
            time.sleep(0.01)
        self.check("connections at the server", number, expected)

    def _show(self, text: str, *, good: bool) -> None:
        self.screen.fact(text, good=good)
        self._show_commands()

    def _show_commands(self) -> None:
        lines = self.watch.commands()
        self.screen.commands(lines)
        self._seen.extend(lines)
