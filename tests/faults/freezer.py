"""A process that is there and does nothing: the kernel still accepts connections and bytes for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import wait_until


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop the process *pid* with SIGSTOP, and let it go on in the end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: _state(pid) == "T", "it has stopped")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _state(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat")
    return stat.read_text().rpartition(")")[2].split()[0] if stat.exists() else "T"  # no /proc: trust it
