"""Which commands of this application have reached the server, for the panel that shows them."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock

from examples.webapp.options import Options
from modkit_redis.contract import CommandRefusedError, StoreUnavailableError
from modkit_redis.testing import ServerWatch

_KEPT = 5_000
_PATIENCE = timedelta(milliseconds=500)
_COOLDOWN_S = 1.0
_SETUP = ("AUTH", "CLIENT", "HELLO", "SELECT")


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it may be shown: neither values nor tokens.

    Attributes:
        name: Its name.
        keys: Its keys, below the application's prefix; handles and names of users are cut short.
    """

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What reached the server in some time.

    Attributes:
        commands: The commands, in their order.
        trips: How many round trips they took; ``None`` where that cannot be told.
    """

    commands: tuple[Command, ...]
    trips: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment.

    Attributes:
        watch: Of which watch; after an outage there is another one.
        position: How many commands there had been.
        trips: How many round trips.
    """

    watch: int
    position: int
    trips: int


class Commands:
    """Watches the server, and does so anew when it is back after an outage; for any thread."""

    def __init__(self, options: Options) -> None:
        """Prepare; nothing connects."""
        redis = options.redis
        self._settings = replace(redis, dial_timeout=_PATIENCE, read_timeout=_PATIENCE)
        self._only, self._prefix = redis.client_name, f"{redis.key_prefix}:"
        self._is_shared = options.is_shared
        self._lock = Lock()
        self._watch: ServerWatch | None = None
        self._watches = self._dropped = self._trips = 0
        self._log: list[str] = []
        self._not_before = 0.0

    def mark(self) -> Mark | None:
        """Return this moment; ``None`` if the server cannot be watched."""
        with self._lock:
            if not self._read():
                return None
            return Mark(self._watches, self._dropped + len(self._log), self._trips)

    def since(self, mark: Mark | None) -> Cost | None:
        """Return what has reached the server since *mark*; ``None`` if that was not seen."""
        with self._lock:
            if not self._read() or mark is None or mark.watch != self._watches:
                return None
            lines = self._log[max(0, mark.position - self._dropped) :]
            return Cost(tuple(map(self._shown, lines)), None if self._is_shared else self._trips - mark.trips)

    def close(self) -> None:
        """Stop watching."""
        with self._lock:
            self._leave()

    def _read(self) -> bool:
        """Take in what was sent since the last time, and return whether the server is being watched."""
        if self._watch is None and time.monotonic() < self._not_before:
            return False
        try:
            if self._watch is None:
                self._watch = ServerWatch(self._settings, client_name=self._only)
                self._watches += 1
            lines = self._watch.commands()
            self._trips += self._watch.round_trips() - lines.count("PING")
        except (StoreUnavailableError, CommandRefusedError):
            self._leave()
            self._not_before = time.monotonic() + _COOLDOWN_S
            return False
        self._log += [line for line in lines if line != "PING"]  # a health check is nobody's click
        excess = max(0, len(self._log) - _KEPT)
        del self._log[:excess]
        self._dropped += excess
        return True

    def _leave(self) -> None:
        if self._watch is not None:
            with suppress(StoreUnavailableError):
                self._watch.close()
            self._watch = None

    def _shown(self, line: str) -> Command:
        name, *words = line.split(" ")
        if name in _SETUP:
            return Command(f"{name} {words[0]}" if name == "CLIENT" and words else name, ())
        keys = (each.removeprefix(self._prefix) for each in keys_of(name, words, self._prefix))
        return Command(name, tuple(map(cut_short, keys)))


def keys_of(name: str, words: list[str], prefix: str) -> list[str]:
    """Return those of the *words* after a command that are keys, for the commands that stores send."""
    first = next((at for at, word in enumerate(words) if word.startswith(prefix)), len(words))
    if name in ("EVAL", "EVALSHA") and first < len(words):
        return words[first : first + int(words[first - 1])]  # after the script, how many keys there are
    return words[first:] if name in ("DEL", "MGET", "UNLINK") else words[first : first + 1]


def cut_short(key: str) -> str:
    """Return *key* with what stands for a person or a session cut short."""
    return _PERSONAL.sub(r"\1…", key)


_PERSONAL = re.compile(r"^(session:(?:user:.|.{4})).*$")
