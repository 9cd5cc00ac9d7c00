"""What goes wrong, and which word there must be for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.certificates import Certificates

Settings: TypeAlias = dict[str, object]
Happening: TypeAlias = Callable[[Certificates], Iterator[Settings]]

KEY: Final = "s3cret-key"
VALUE: Final = "s3cret-value"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        reason: The word for it.
        name: What happens.
        happening: Makes it happen, and gives the settings of a client that meets it.
        command: The command that does.
    """

    reason: str
    name: str
    happening: Callable[[Certificates], AbstractContextManager[Settings]]
    command: tuple[str, ...]

    @property
    def is_tcp(self) -> bool:
        """Whether a host and a port are involved."""
        return "socket" not in self.name

    def __str__(self) -> str:
        return f"{self.reason}-{self.name}"


class Faults(list[Fault]):
    """Faults, each written as a function that makes it happen."""

    def of(self, reason: str, *command: str) -> Callable[[Happening], Happening]:
        """Add the decorated function, for the word *reason* and the command that meets it."""

        def add(happening: Happening) -> Happening:
            name = happening.__name__.replace("_", " ")
            self.append(Fault(reason, name, contextmanager(happening), command or ("SET", KEY, VALUE)))
            return happening

        return add
