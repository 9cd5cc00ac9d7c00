"""The values of one session: a dictionary that knows what was changed since it was loaded or saved."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.session.codec import UndecodableError, decode, is_mutable, mark
from modkit_redis.session.coder import Coder
from modkit_redis.session.sealing import payload_length

_NONE: Final[Mapping[str, bytes]] = MappingProxyType({})


class Changes(NamedTuple):
    """What was changed; values are encoded, and not encrypted."""

    sets: Mapping[str, bytes]
    deletes: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.sets or self.deletes)

    def __repr__(self) -> str:
        return "Changes(…)"  # they are users' values


class Lent(NamedTuple):
    """How a value was stored that can be changed in place, and its mark when it was read, if it has one."""

    payload: bytes
    mark: bytes | None = None

    def is_surely(self, value: object) -> bool:
        """Tell whether *value* is surely as it was, without encoding it."""
        return self.mark is not None and self.mark == mark(value)

    def __repr__(self) -> str:
        return "Lent(…)"  # it is a user's value


class Values(MutableMapping[str, Any]):
    """The values of a session.

    Each is decoded when it is first asked for. What can be changed in place is encoded again when the changes
    are asked for, and compared. A value that cannot be read is absent, and stays in Redis unless it is
    assigned.
    """

    def __init__(self, coder: Coder, handle: str = "", stored: Mapping[str, bytes] = _NONE) -> None:
        """Take what is stored.

        Args:
            coder: Reads and writes values.
            handle: The session.
            stored: Its values as they are in Redis.
        """
        self._coder = coder
        self._handle = handle
        self._stored = dict(stored)
        self._values: dict[str, Any] = {}  # what was read or assigned
        self._lent: dict[str, Lent] = {}  # what was read and can be changed in place
        self._assigned: set[str] = set()
        self._removed: set[str] = set()
        self._unreadable: set[str] = set()
        self._sent: Collection[str] = ()  # keys of values of which nobody knows yet whether they are stored

    @property
    def stored(self) -> Mapping[str, bytes]:
        """The values as they are in Redis, as far as is known."""
        return self._stored

    def __getitem__(self, key: str) -> Any:
        if key in self._values or self._reads(key):
            return self._values[key]
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return key in self._values or self._reads(key)

    def _reads(self, key: Any) -> bool:
        """Read the value of *key*, and return whether there is one."""
        if key not in self._stored or key in self._removed or key in self._unreadable:
            return False
        try:
            payload, value = self._coder.read(self._handle, key, self._stored[key])
        except UndecodableError:
            self._unreadable.add(key)
            return False
        if is_mutable(value):
            self._lent[key] = Lent(payload, mark(value))
        self._values[key] = value
        return True

    def __setitem__(self, key: str, value: Any) -> None:
        try:
            self._coder.check_key(key)
        except ArgumentError:
            del value  # a traceback with local variables would show it
            raise
        self._values[key] = value
        self._assigned.add(key)
        self._removed.discard(key)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._remove(key)

    def clear(self) -> None:
        """Remove all values, also those that cannot be read."""
        for key in {*self._stored, *self._values}:
            self._remove(key)

    def _remove(self, key: str) -> None:
        if key in self._stored or key in self._sent:
            self._removed.add(key)
        self._discard(key)

    def __iter__(self) -> Iterator[str]:
        return iter([key for key in dict.fromkeys((*self._stored, *self._values)) if key in self])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._handle!r})"

    def changes(self) -> Changes:
        """Return what was changed.

        Raises:
            ArgumentError: If a value cannot be stored, or there is too much; then nothing is forgotten.
        """
        sets = {}
        for key, value in self._values.items():
            if key in self._assigned or (key in self._lent and self._is_altered(key)):
                sets[key] = self._coder.payload(key, value)
        if sets and not self._coder.surely_fit(self._stored, sets):
            before = {key: payload_length(each) for key, each in self._stored.items()}
            kept = {key: length for key, length in before.items() if key not in self._removed}
            self._coder.check_size({**kept, **{key: len(each) for key, each in sets.items()}}, before)
        return Changes(sets, sorted(self._removed))

    def send(self, changes: Changes) -> None:
        """Take *changes* as sent, so that what is removed from now on is removed after them."""
        self._sent = changes.sets.keys()

    def settle(self, handle: str, changes: Changes, stored: Mapping[str, bytes]) -> None:
        """Take *changes* as saved in the session *handle*, where they are *stored* now."""
        self._handle, self._sent = handle, ()
        self._stored.update(stored)
        for key in changes.deletes:
            self._stored.pop(key, None)
            self._removed.discard(key)
        for key, payload in changes.sets.items():
            self._assigned.discard(key)
            self._unreadable.discard(key)
            if key in self._values:
                self._lent[key] = Lent(payload)  # the value may be another one already

    def forget_changes(self) -> None:
        """Go back to what is stored."""
        self._values.clear()
        self._lent.clear()
        self._assigned.clear()
        self._removed.clear()

    def count_unsaved(self) -> int:
        """Return how many keys have changes that are not saved."""
        return len({*self._assigned, *self._removed, *filter(self._is_altered, self._lent)})

    def is_removed(self, key: str) -> bool:
        """Tell whether *key* was removed, and that was not saved yet."""
        return key in self._removed

    def unsaved(self, key: str, default: object, *, also_inside: bool) -> Any:
        """Return the value that was assigned to *key*, or also changed inside, and not saved yet."""
        is_inside = also_inside and key in self._lent and self._is_altered(key)
        return self._values[key] if is_inside or key in self._assigned else default

    def _discard(self, key: str) -> None:
        self._values.pop(key, None)
        self._lent.pop(key, None)
        self._assigned.discard(key)

    def _is_altered(self, key: str) -> bool:
        lent, value = self._lent[key], self._values[key]
        if lent.is_surely(value):
            return False
        try:  # it may be longer than a limit that was lowered, or have been written by another program
            longest = len(lent.payload)
            now = self._coder.payload(key, value, at_least=longest)
            if now == lent.payload:
                return False
            was = self._coder.payload(key, decode(lent.payload), at_least=longest)
            return now != was
        except ArgumentError:
            return True

    def drop(self, key: str) -> None:
        """Forget *key*, which is in Redis no more."""
        self._discard(key)
        self._stored.pop(key, None)
        self._removed.discard(key)
        self._unreadable.discard(key)

    def follow(self, stored: Mapping[str, bytes]) -> None:
        """Take *stored* for what is in Redis now; own changes that are not saved yet stay."""
        self._assigned |= {key for key in self._lent if self._is_altered(key)}
        for key in {*self._stored, *stored}:
            if self._stored.get(key) != stored.get(key) and key not in self._assigned:
                self._discard(key)
                self._unreadable.discard(key)
        self._stored = dict(stored)
        self._removed &= self._stored.keys()
