"""Closing everything although something fails, and telling of all failures at the end."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from typing import ClassVar, Final
from weakref import WeakKeyDictionary

from dependency_injector import providers

from modkit_redis.contract.errors import CloseError


class _CloseReport(providers.Resource[None]):
    """Raises what could not be closed, when everything of ours has been asked to close.

    dependency-injector's shutdown loop stops at the first error and leaves the rest open, so ours never
    raise there. All of them name this resource as related, so it is shut down after them. It counts as
    initialized only while there is something to raise in the task, or else the thread, that shuts down.
    """

    failures: ClassVar[MutableMapping[object, list[Exception]]] = WeakKeyDictionary()

    def pending(self) -> list[Exception]:
        return self.failures.setdefault(_task_or_thread(), [])

    @property
    def initialized(self) -> bool:
        return bool(self.failures.get(_task_or_thread()))

    def init(self) -> None: ...

    def shutdown(self) -> None:
        if failures := self.failures.pop(_task_or_thread(), None):
            raise CloseError("not closed: " + ", ".join(each.__notes__[-1] for each in failures), failures)


class AsyncMode(providers.Resource[None]):
    """Makes ``shutdown_resources()`` of whatever reaches it awaitable, and warns if nobody awaits it.

    Each walk over the resources meets new ones: dependency-injector's coroutine, which does not warn
    by itself, is the last to hold those of its own walk, and asks them again once it runs.
    """

    def __init__(self) -> None:
        super().__init__()
        self._awaited = True

    def __del__(self) -> None:
        if not self._awaited:
            text = "shutdown_resources() was never awaited, so nothing was closed"
            warnings.warn(text, RuntimeWarning, stacklevel=2)

    def is_async_mode_enabled(self) -> bool:
        """Answer the question with which ``shutdown_resources()`` begins."""
        self._awaited = False
        return True

    @property
    def initialized(self) -> bool:
        """Never true; its coroutine asks for it, so somebody awaits."""
        self._awaited = True
        return False

    def init(self) -> None:
        """Do nothing."""

    def shutdown(self) -> None:
        """Do nothing."""


CLOSE_REPORT: Final = _CloseReport()


@contextmanager
def reported(token: str, failures: list[Exception]) -> Generator[None]:
    """Add an error to *failures*, with *token* as its last note, instead of raising it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # whatever it is, the others must be closed
        error.add_note(token)
        failures.append(error)


def _task_or_thread() -> object:
    try:
        return asyncio.current_task() or threading.current_thread()
    except RuntimeError:  # no event loop here
        return threading.current_thread()
