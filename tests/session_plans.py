"""What processes under a random load of sessions are to do, and what they tell."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

SLOTS: Final = 3
USERS: Final = ("anna", "bert")
WORKERS: Final = 4
LEAST: Final = 40
"""What each worker does at least, so that a busy machine does not skip an act."""


@dataclass(frozen=True)
class Plan:
    """What one process does.

    Attributes:
        addr: The server.
        prefix: Of the sessions' keys and, with ``:x``, of the truth.
        seed: Of all randomness.
        seconds: For how long; on a machine that is busy, until each worker has done its least.
        scenario: ``sessions`` or ``users``.
        settings: Of the sessions.
        kind: ``modkit``, or ``naive`` for the store that breaks every promise.
        until: Invariants that are to be broken: the run ends when all were.
        number: Which of the processes this is; odd ones are asynchronous.
        among: How many there are.
    """

    addr: str
    prefix: str
    seed: int
    seconds: float
    scenario: str = "sessions"
    settings: dict[str, Any] = field(default_factory=dict)
    kind: str = "modkit"
    until: tuple[str, ...] = ()
    number: int = 0
    among: int = 1

    def turns(self) -> Iterator[int]:
        """Return numbers for as long as a worker is to go on."""
        end = time.monotonic() + self.seconds
        return itertools.takewhile(lambda turn: turn < LEAST or time.monotonic() < end, itertools.count())

    def name(self, kind: str, of: str = "") -> str:
        """Return a key of the truth."""
        return f"{self.prefix}:x:{kind}:{of}"

    def chances(self) -> dict[str, random.Random]:
        """Return the randomness of each worker, by its name."""
        names = [f"w{self.number}-{each}" for each in range(WORKERS)]
        return {name: random.Random(f"{self.seed}/{name}") for name in names}


@dataclass
class Report:
    """What happened in one process.

    Attributes:
        done: How many acts were acknowledged, by their names.
        refused: How many were refused: the session had ended, the token was replaced, or it was changed.
        wrong: What must not happen; each begins with the number of an invariant.
    """

    done: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, act: str, times: int = 1) -> None:
        self.done[act] = self.done.get(act, 0) + times

    def add(self, other: Report) -> None:
        """Add what happened in another process."""
        for act, times in other.done.items():
            self.count(act, times)
        self.refused += other.refused
        self.wrong += other.wrong

    def broken(self) -> set[str]:
        """Return the numbers of the invariants that were broken."""
        return {each.partition(":")[0] for each in self.wrong}
