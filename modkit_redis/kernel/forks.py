"""What has to be made anew in a forked child: locks that lost their threads, and work of the parent's."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something that a fork breaks."""

    def after_fork(self) -> None:
        """Make it whole again; no other thread runs yet."""


def mend_after_fork(each: Forked) -> None:
    """Call ``after_fork()`` of *each* in every child that this process forks from now on."""
    _ALIVE.add(each)


_ALIVE: WeakSet[Forked] = WeakSet()


def _mend() -> None:
    for each in list(_ALIVE):
        each.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_mend)
