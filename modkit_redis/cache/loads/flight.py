"""One load per key at a time in this process: who comes while it is under way shares what it gives.

A flight counts its *moments*: each time it asks Redis, and when its loader begins. What it gives is shared
with those who came before the moment that gave it; with later ones only if Redis has accepted it under the
lease, and they came before it was sent there. For a delete that ended before they came has ended the lease.
Who is too late takes part in the next flight, all of which lies after their coming.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Final, NamedTuple, Self

from modkit_redis.cache._core import Entry
from modkit_redis.cache.codec import Encoded
from modkit_redis.contract.errors import ArgumentError


class LoaderFailed(Exception):  # noqa: N818  # it is no error, but brings one
    """Brings what a loader raised to those who asked for the value.

    Attributes:
        raised: What the loader raised.
    """

    def __init__(self, raised: Exception) -> None:
        super().__init__(raised)
        self.raised = raised


class Outcome(NamedTuple):
    """What a flight came back with.

    Attributes:
        value: The value as it is stored; ``None`` for none.
        moment: The moment of the flight that gave it.
        is_fenced: Whether Redis accepted it under the lease.
        error: What is to be raised instead.
    """

    value: Entry | Encoded | None
    moment: int = 0
    is_fenced: bool = False
    error: Exception | None = None

    def is_for(self, came: int) -> bool:
        """Tell whether it may be given to someone who came at the moment *came*."""
        return self.is_fenced or came < self.moment

    def given(self) -> Outcome:
        """Return it, or raise its error."""
        if self.error is not None:
            raise self.error
        return self


NOTHING: Final = Outcome(None)


class Flight:
    """A load that is under way.

    Attributes:
        moment: The present moment; what is learned at it is for those who came before.
        following: The flight of those who came too late for this one.
    """

    def __init__(self, name: str, airborne: dict[str, Self]) -> None:
        self.moment = 0
        self.following: Self | None = None
        self._name, self._airborne = name, airborne
        self._is_loading = False

    def next_moment(self) -> int:
        """Begin another moment and return it."""
        self.moment += 1
        return self.moment

    def seal(self) -> None:
        """Let nobody join from now on."""
        if self._airborne.get(self._name) is self:
            del self._airborne[self._name]

    @contextmanager
    def loading(self) -> Generator[None]:
        """Know, as long as the loader runs, who is called by it."""
        above = _LOADING.get()
        _LOADING.set((*above, self))
        self._is_loading = True
        try:
            yield
        finally:
            self._is_loading = False
            _LOADING.set(above)


def check_caller(name: str, airborne: object) -> None:
    """Refuse a loader that asks for its own key.

    Raises:
        ArgumentError: It would wait for itself.
    """
    for flight in _LOADING.get():
        if flight._is_loading and flight._name == name and flight._airborne is airborne:
            raise ArgumentError("loader", "must not ask for the key that it loads: it would wait for itself")


def outside_of_loaders() -> Context:
    """Return a copy of the present context for a load that no loader waits for."""
    context = copy_context()
    context.run(_LOADING.set, ())
    return context


_LOADING: ContextVar[tuple[Flight, ...]] = ContextVar("modkit_redis.cache.loading", default=())
