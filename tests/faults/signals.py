"""A signal handler that raises, as those of Ctrl-C and of task queues do."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Struck(BaseException):
    """What the signal handler raises."""


@contextmanager
def struck_after(seconds: float, kind: type[BaseException] = Struck) -> Iterator[None]:
    """Let a signal handler raise after *seconds*."""

    def strike(_: int, __: FrameType | None) -> NoReturn:
        raise kind

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
